package session

import (
	"fmt"
	"time"

	"protokoll/schemas"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// restore brings back the sessions of before a restart: those with a record in the table can be resumed, the others wait for
// the end of their window, when everybody who saw them hears that they are gone.
func (h *Sessions) restore() error {
	var all []*Session
	err := h.Router.Restore(func(fact *schemas.SessionOpened) *router.Resource {
		s := h.restored(fact)
		all = append(all, s)
		return &s.res
	})
	if err != nil {
		return fmt.Errorf("restore sessions: %w", err)
	}
	h.table.discard()
	t := stream.NewTurn()
	defer t.End()
	for _, s := range all {
		if err := s.claim(t); err != nil {
			return fmt.Errorf("restore sessions: %w", err)
		}
		h.await(s, t)
	}
	return nil
}

// restored makes the session that a fact tells of.
func (h *Sessions) restored(fact *schemas.SessionOpened) *Session {
	s := &Session{home: h, phase: hibernating}
	s.res.Outlet = s
	h.bound.Add(1)
	hash := fact.GetResumeHash()
	if len(hash) != len(management{}.hash) {
		return s
	}
	c, rec, ok := h.table.take([32]byte(hash))
	if !ok {
		return s
	}
	s.sm = &management{in: c.in, done: c.in, out: c.out, acked: c.acked, lastAck: c.in, hash: [32]byte(hash), record: rec, restored: true,
		window: time.Duration(fact.GetResumeSeconds()) * time.Second}
	h.enlist(s)
	return s
}

// claim fills the queue with the messages that had been sent and were stored. Of the rest only the numbers are left.
func (s *Session) claim(t *stream.Turn) error {
	if s.sm == nil {
		return nil
	}
	letters, err := s.home.Router.Claim(&s.res)
	if err != nil {
		return err
	}
	var taken, stray []*router.Duty
	s.mu.Lock()
	m := s.sm
	if m.out-m.acked > uint32(s.home.Limits.Queue) {
		m.out = m.acked // the record makes no sense
	}
	m.queue = make([]entry, m.out-m.acked)
	for _, l := range letters {
		switch at := l.Outbound - m.acked - 1; {
		case int32(at) < 0: // acknowledged, and the end of the letter was not stored any more
			taken = append(taken, l.Duty)
		case at < uint32(len(m.queue)):
			m.queue[at] = entry{stanza: l.Stanza, duty: l.Duty}
			m.bytes += len(l.Stanza)
		default:
			stray = append(stray, l.Duty)
		}
	}
	s.mu.Unlock()
	s.home.Router.Settle(t, taken)
	s.home.Router.Return(t, stray)
	return nil
}
