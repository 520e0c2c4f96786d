package session

import (
	"bytes"

	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Deliver implements router.Outlet.
func (s *Session) Deliver(t *stream.Turn, p router.Parcel) bool {
	s.mu.Lock()
	if s.binding || s.phase != live && s.phase != hibernating {
		s.mu.Unlock()
		return false
	}
	if s.calm.inactive {
		if s.rest(t, p) {
			s.mu.Unlock()
			return true
		}
		s.rouse(t)
	}
	if s.sm != nil {
		defer s.mu.Unlock()
		return s.enqueue(t, p)
	}
	if s.stream == nil || s.write(t, p) != nil {
		s.mu.Unlock()
		return false
	}
	if p.Duty != nil && p.Confirm {
		p.Duty.Hold(s)
		s.confirmLater(t, p.Duty)
		s.mu.Unlock()
		return true
	}
	s.mu.Unlock()
	if p.Duty != nil {
		p.Duty.Written(s, t)
	}
	return true
}

// write puts a stanza into the stream's queue. The caller holds mu.
func (s *Session) write(t *stream.Turn, p router.Parcel) error {
	if p.Lazy {
		return t.SendSoon(s.stream, p.Head, p.Mid, p.Tail)
	}
	return t.Send(s.stream, p.Head, p.Mid, p.Tail)
}

// enqueue keeps a stanza until the client acknowledges it, and sends it if there is a stream. The caller holds mu.
func (s *Session) enqueue(t *stream.Turn, p router.Parcel) bool { return s.admit(t, p, false) }

// admit is enqueue; held says that the session holds the message already. The caller holds mu.
func (s *Session) admit(t *stream.Turn, p router.Parcel, held bool) bool {
	m, size := s.sm, len(p.Head)+len(p.Mid)+len(p.Tail)
	if m.overflowed || s.full(p, size) {
		s.overflow()
		return false
	}
	e := entry{stanza: whole(p), duty: p.Duty, request: p.Kind == router.Request, answer: p.Answer, wakes: p.Wakes && s.res.Notified()}
	m.out++
	if !p.Answer {
		m.foreign++
	}
	if p.Duty != nil {
		if !held {
			p.Duty.Hold(s)
		}
		if owner, entity, ok := p.Duty.Letter(); ok {
			e.mark = m.record.note(owner, entity, m.out)
		}
	}
	m.bytes += size
	m.queue = append(m.queue, e)
	m.record.sent(m.out)
	if e.wakes {
		s.wakeSoon()
	}
	if s.stream != nil {
		_ = s.write(t, p) // a stream that ended says so by Closed; the stanza stays in the queue
		s.askSoon(t, p.Lazy)
	}
	return true
}

// whole returns the bytes of a stanza, to be kept.
func whole(p router.Parcel) []byte {
	if len(p.Mid)+len(p.Tail) == 0 && p.Kept {
		return p.Head
	}
	return bytes.Join([][]byte{p.Head, p.Mid, p.Tail}, nil)
}

// answersFor is how many times the limit of stanzas the answers to a client's own stanzas may take: a client that writes
// much at once gets as much before it can acknowledge.
const answersFor = 4

// full tells whether a stanza is one too many. The caller holds mu.
func (s *Session) full(p router.Parcel, size int) bool {
	m, l := s.sm, &s.home.Limits
	if len(m.queue) == 0 {
		return false
	}
	return !p.Answer && m.foreign >= l.Queue || len(m.queue) >= (1+answersFor)*l.Queue || m.bytes+size > l.QueueBytes
}

// overflow ends a session whose client does not acknowledge: it would take memory without end. The caller holds mu.
func (s *Session) overflow() {
	if s.sm.overflowed {
		return
	}
	s.sm.overflowed = true
	st := s.stream
	s.home.work(func(t *stream.Turn) {
		if st != nil {
			st.Close(stream.PolicyViolation, "too many stanzas without an acknowledgement")
		}
		s.end(t)
	})
}

// Acks implements router.Outlet.
func (s *Session) Acks() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sm != nil
}

// Slow implements router.Outlet.
func (s *Session) Slow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == hibernating || s.calm.inactive || s.sm != nil && s.sm.asking && s.home.Clock().UnixNano()-s.sm.askedAt > int64(s.home.Limits.Grace)
}

// Stored implements router.Outlet: the message has become a letter.
func (s *Session) Stored(d *router.Duty) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sm == nil || s.sm.record == nil || s.phase == ended {
		return
	}
	owner, entity, ok := d.Letter()
	for i := range s.sm.queue {
		if e := &s.sm.queue[i]; ok && e.duty == d && e.mark == 0 {
			e.mark = s.sm.record.note(owner, entity, s.sm.acked+1+uint32(i))
		}
	}
}

// Duties implements router.Outlet.
func (s *Session) Duties(fn func(*router.Duty)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sm == nil {
		return
	}
	for i := range s.sm.queue {
		if d := s.sm.queue[i].duty; d != nil {
			fn(d)
		}
	}
	for i := range s.calm.waiting {
		if d := s.calm.waiting[i].parcel.Duty; d != nil {
			fn(d)
		}
	}
}
