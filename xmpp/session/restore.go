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
	if err := h.endTaken(); err != nil {
		return fmt.Errorf("restore sessions: %w", err)
	}
	h.table.discard()
	t := stream.NewTurn()
	defer t.End()
	for _, s := range all {
		if err := s.claim(t); err != nil {
			return fmt.Errorf("restore sessions: %w", err)
		}
		h.await(s, 0, t)
	}
	return nil
}

// endTaken ends the letters that clients had acknowledged, where the end did not reach the disk.
func (h *Sessions) endTaken() error {
	byOwner := map[schemas.OwnerID][]letterMark{}
	for _, m := range h.table.takeEnded() {
		byOwner[m.owner] = append(byOwner[m.owner], m)
	}
	for owner, marks := range byOwner {
		entities := map[schemas.EntityID]bool{}
		for _, m := range marks {
			entities[m.entity] = true
		}
		err := h.Router.End(owner, entities, func() {
			for _, m := range marks {
				mark(m.number + 1).free(h.table)
			}
		})
		if err != nil {
			return err
		}
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
	c, letters, rec, ok := h.table.take([32]byte(hash))
	if !ok {
		return s
	}
	s.letters = letters
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
	m := s.sm
	if m.out-m.acked > uint32(s.home.Limits.Queue) {
		m.out = m.acked // the record makes no sense
	}
	m.queue = make([]entry, m.out-m.acked)
	m.foreign = len(m.queue)
	marks := map[schemas.EntityID]letterMark{}
	wanted := map[schemas.EntityID]bool{}
	for _, k := range s.letters {
		marks[k.entity], wanted[k.entity] = k, true
	}
	s.letters = nil
	letters, err := s.home.Router.Claim(&s.res, wanted)
	if err != nil {
		return err
	}
	var had, stray []*router.Duty
	var freed []mark
	for _, l := range letters {
		k := marks[l.Entity]
		delete(marks, l.Entity)
		at := k.outbound - m.acked - 1
		switch {
		case int32(at) < 0: // acknowledged
			had, freed = append(had, l.Duty), append(freed, mark(k.number+1))
		case at < uint32(len(m.queue)) && m.queue[at].stanza == nil:
			m.queue[at] = entry{stanza: l.Stanza, duty: l.Duty, mark: mark(k.number + 1)}
			m.bytes += len(l.Stanza)
		default:
			stray, freed = append(stray, l.Duty), append(freed, mark(k.number+1))
		}
	}
	for _, k := range marks { // of letters that have ended
		freed = append(freed, mark(k.number+1))
	}
	s.home.Router.Return(t, stray)
	s.settle(t, had, freed)
	return nil
}
