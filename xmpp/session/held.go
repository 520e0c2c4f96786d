package session

import (
	"time"

	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Acknowledgements that tell the truth: a received stanza is acknowledged when every event it caused is on disk, and its
// message, if it would be stored for an absent recipient, has been acknowledged by a client of the recipient or is stored.
// The recipient's acknowledgement usually comes at once and costs no disk write; it is waited for no longer than Grace.
// DESIGN §9, XEP-0198 §4

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
	s.sm.held = append(s.sm.held, s.pledge)
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
	crowded := s.sm != nil && len(s.sm.held) > 0 && int(s.sm.in-s.sm.held[0].Seq) >= s.home.Limits.StanzasBehind &&
		s.home.Clock().UnixNano()-s.sm.held[0].At > int64(hurry)
	s.mu.Unlock()
	if crowded {
		s.storeHeld(hurry, t)
	}
}

// Kept implements router.Keeper.
func (s *Session) Kept(_ *router.Pledge, t *stream.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.sm
	n := 0
	for n < len(m.held) && m.held[n].IsKept() {
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
	if left == 0 && m.cleared != nil {
		s.home.work(m.cleared)
		m.cleared, m.waiter = nil, nil
	}
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
	waits := len(m.held) > 0
	if waits {
		s.watch()
	} else if m.wanted {
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
}

// older returns the duties of stanzas that have been held for longer than d.
func (s *Session) older(d time.Duration) (duties []*router.Duty) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sm == nil {
		return nil
	}
	for _, p := range s.sm.held {
		if duty := p.Duty(); duty != nil && !p.IsKept() && s.home.Clock().UnixNano()-p.At >= int64(d) {
			duties = append(duties, duty)
		}
	}
	return duties
}

// storeHeld stores messages that nobody acknowledged in time.
func (s *Session) storeHeld(d time.Duration, t *stream.Turn) {
	for _, duty := range s.older(d) {
		duty.Store(t)
	}
}

// bounceHeld gives messages up that could not even be stored in time. Their acknowledgement would make the client take the
// connection for dead.
func (s *Session) bounceHeld(t *stream.Turn) {
	for _, duty := range s.older(s.home.Limits.Cap) {
		duty.Bounce(t, features.ResourceConstraint())
	}
}
