package session

import (
	"slices"
	"time"

	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Acknowledgements that tell the truth: a received stanza is acknowledged when every event it caused is on disk, and its
// message, if it would be stored for an absent recipient, has been acknowledged by a client of the recipient or is stored.
// The recipient's acknowledgement usually comes at once and costs no disk write; it is waited for no longer than Grace.
// DESIGN §9, XEP-0198 §4

// An error vouches for a stanza as soon as the client has acknowledged it, not before: it lies in the client's queue, which a
// kill empties, and the number of stanzas handled outlives the kill. The answer to a resumption may count it all the same,
// because the queue follows. A client that acknowledges nothing gets its <a/> behind the error, on the same connection, when Cap
// is over.

// heldBack is a received stanza that cannot be acknowledged yet.
type heldBack struct {
	pledge *router.Pledge
	told   bool   // answered with an error: …
	answer uint32 // … the number under which it was sent, or one sent a little later
	at     int64  // … when, nanoseconds
}

// isOver tells whether the stanza may be acknowledged to a client that has acknowledged so many.
func (b *heldBack) isOver(acked uint32) bool {
	if !b.pledge.IsRefused() {
		return b.pledge.IsKept()
	}
	return b.told && int32(acked-b.answer) >= 0
}

// owes tells whether something is held back for another reason than an error that the client has not acknowledged. The caller
// holds mu.
func (m *management) owes() bool {
	return slices.ContainsFunc(m.held, func(b heldBack) bool { return !b.pledge.IsKept() })
}

// hurry is how long an acknowledgement is waited for when others already queue up behind it: some clients stop sending
// while ten of their stanzas are unacknowledged.
const hurry = 25 * time.Millisecond

// count counts a received stanza. The caller holds handling.
func (s *Session) count() {
	s.pledge = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sm != nil {
		s.sm.in++
		s.seq = s.sm.in
	}
}

// Pledge implements router.Outlet. Only called while a stanza of the client is handled.
func (s *Session) Pledge() *router.Pledge {
	if s.pledge != nil {
		return s.pledge
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sm == nil {
		return nil
	}
	s.pledge = router.NewPledge(s, s.seq, s.home.Clock().UnixNano())
	s.sm.held = append(s.sm.held, heldBack{pledge: s.pledge})
	s.watch()
	return s.pledge
}

// handled ends the handling of a stanza. The caller holds handling.
func (s *Session) handled(t *stream.Turn) {
	p := s.pledge
	s.pledge = nil
	p.Done(t)
	s.mu.Lock()
	if s.sm != nil && s.seq == s.sm.in {
		s.sm.done = s.sm.in
		s.sm.record.received(s.sm.reportable())
	}
	crowded := s.sm != nil && len(s.sm.held) > 0 && int(s.sm.in-s.sm.held[0].pledge.Seq) >= s.home.Limits.StanzasBehind &&
		s.home.Clock().UnixNano()-s.sm.held[0].pledge.At > int64(hurry)
	s.mu.Unlock()
	if crowded {
		s.storeHeld(hurry, t)
	}
}

// Kept implements router.Keeper.
func (s *Session) Kept(p *router.Pledge, t *stream.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.sm
	if p.IsRefused() {
		m.told(p, s.home.Clock().UnixNano())
	}
	s.release(t)
	if m.cleared != nil && !m.owes() {
		s.home.work(m.cleared)
		m.cleared, m.waiter = nil, nil
	}
}

// told notes that the answer to a refused stanza was sent, at the latest just now.
func (m *management) told(p *router.Pledge, now int64) {
	for i := range m.held {
		if b := &m.held[i]; b.pledge == p {
			b.told, b.answer, b.at = true, m.out, now
		}
	}
}

// release lets go of what may be acknowledged. The caller holds mu.
func (s *Session) release(t *stream.Turn) {
	m := s.sm
	n := 0
	for n < len(m.held) && m.held[n].isOver(m.acked) {
		n++
	}
	if n == 0 {
		return
	}
	left := copy(m.held, m.held[n:])
	clear(m.held[left:])
	m.held = m.held[:left]
	m.record.received(m.reportable())
	if m.wanted {
		s.ackSoon(t)
	}
}

// trust takes errors for read that the client has not acknowledged within Cap although it is connected. The caller holds mu.
func (s *Session) trust() {
	m, now := s.sm, s.home.Clock().UnixNano()
	if s.stream == nil {
		return
	}
	for i := range m.held {
		if b := &m.held[i]; b.told && now-b.at >= int64(s.home.Limits.Cap) {
			b.answer = m.acked
		}
	}
	s.release(nil)
}

// watch sets the timer for what is held. The caller holds mu.
func (s *Session) watch() {
	if !s.sm.graceSet {
		s.sm.graceSet = true
		s.home.Wheel.Set(&s.grace, s.home.Limits.Grace, s.graceOver)
	}
}

// graceOver is called by the wheel.
func (s *Session) graceOver() {
	s.mu.Lock()
	m := s.sm
	m.graceSet = false
	s.trust()
	waits := m.owes()
	switch {
	case waits, len(m.held) > 0 && s.stream != nil:
		s.watch()
	case len(m.held) == 0 && m.wanted:
		s.ackSoon(nil)
	}
	store := waits && !m.storing
	m.storing = m.storing || store
	s.mu.Unlock()
	if store {
		s.home.work(s.storeOverdue)
	}
	if waits {
		s.home.work(s.bounceHeld)
	}
}

// storeOverdue stores messages whose grace is over. It may wait for the disk, so there is one of it at a time.
func (s *Session) storeOverdue(t *stream.Turn) {
	defer func() {
		s.mu.Lock()
		s.sm.storing = false
		s.mu.Unlock()
	}()
	s.storeHeld(s.home.Limits.Grace, t)
	s.insist()
}

// older returns the pledges of stanzas that have been held for longer than d.
func (s *Session) older(d time.Duration) (pledges []*router.Pledge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sm == nil {
		return nil
	}
	for _, b := range s.sm.held {
		if p := b.pledge; !p.IsKept() && s.home.Clock().UnixNano()-p.At >= int64(d) {
			pledges = append(pledges, p)
		}
	}
	return pledges
}

// storeHeld stores messages that nobody acknowledged in time.
func (s *Session) storeHeld(d time.Duration, t *stream.Turn) {
	for _, p := range s.older(d) {
		if duty := p.Duty(); duty != nil {
			duty.Store(t)
		}
	}
}

// insist tries again what the disk refused, unless it is about to be given up.
func (s *Session) insist() {
	for _, p := range s.older(0) {
		if s.home.Clock().UnixNano()-p.At < int64(s.home.Limits.Cap) {
			p.Insist()
		}
	}
}

// bounceHeld gives messages up that could not even be stored in time. Their acknowledgement would make the client take the
// connection for dead.
func (s *Session) bounceHeld(t *stream.Turn) {
	for _, p := range s.older(s.home.Limits.Cap) {
		if duty := p.Duty(); duty != nil {
			duty.Bounce(t, features.ResourceConstraint())
		}
		p.GiveUp(t)
	}
}
