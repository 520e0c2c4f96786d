package session

import (
	"sync"

	"protokoll/internal/wheel"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// phase is how far a session has come.
type phase uint8

const (
	unbound     phase = iota
	live              // bound, with a stream
	hibernating       // bound, without one
	ended
)

// Session is one signed-in client.
type Session struct {
	home *Sessions
	res  router.Resource // filled in by bind

	handling sync.Mutex // held while an element of the client is handled
	// Guarded by handling.
	seq    uint32         // of the stanza being handled, if it is counted
	pledge *router.Pledge // of it; nil until somebody asks

	mu sync.Mutex
	// Guarded by mu.
	phase   phase
	stream  *stream.Stream // nil unless unbound or live
	sm      *management    // nil until XEP-0198 is enabled
	confirm confirmation   // without XEP-0198: letters that a ping has to confirm
	calm    calm           // XEP-0352
	waking  bool           // the timer runs for a message that may need a notification
	timer   wheel.Timer    // of pings while live, of the resume window while hibernating
	grace   wheel.Timer    // of held acknowledgements

	letters   []letterMark // sent before a restart; until they are claimed
	successor *Session     // which took over the stream; this one was never bound
	binding   bool         // the answer to bind is not in the stream's queue yet: nothing may come before it
	waits     uint32       // how many times the session began to wait for a stream
}

var _ router.Outlet = (*Session)(nil)

// Features implements stream.Sessions.
func (h *Sessions) Features(st *stream.Stream) []byte {
	st.SetData(&Session{home: h, stream: st})
	return append(h.features[:len(h.features):len(h.features)], h.Registry.Caps()...)
}

// Element implements stream.Sessions.
func (h *Sessions) Element(st *stream.Stream, f *frame.Frame, t *stream.Turn) error {
	s := st.Data().(*Session)
	s.handling.Lock()
	later := false // another goroutine goes on, and unlocks
	defer func() {
		if !later {
			s.handling.Unlock()
		}
	}()
	s.mu.Lock()
	p, mine := s.phase, s.stream == st
	s.mu.Unlock()
	var err error
	switch {
	case !mine: // the session went on with another stream
	case f.Name == frame.Other:
		err = s.nonza(st, f, p, t)
	case p == unbound:
		err = s.first(st, f, t)
	default:
		later, err = s.stanza(st, f, t)
	}
	return err
}

// Closed implements stream.Sessions.
func (h *Sessions) Closed(st *stream.Stream, t *stream.Turn, reason error) {
	s := st.Data().(*Session)
	s.mu.Lock()
	if next := s.successor; next != nil { // it was resumed just now
		s.mu.Unlock()
		s = next
		s.mu.Lock()
	}
	mine, resumable := s.stream == st, s.sm != nil && s.sm.resumable()
	if mine && s.phase == unbound {
		s.phase, s.stream = ended, nil
	}
	mine = mine && s.phase == live
	s.mu.Unlock()
	switch {
	case !mine:
	case resumable && (reason != nil || h.isStopping()):
		s.hibernate(st, t)
	case h.isStopping():
		s.abandon(t)
	default:
		s.end(t)
	}
}

// end ends the session for good: what the client did not take goes back to the router, and others hear of it.
func (s *Session) end(t *stream.Turn) { s.endIf(anyway, t) }

func anyway() bool { return true }

// endIf ends the session if it is as expected in the moment when nothing else can happen to it.
func (s *Session) endIf(expected func() bool, t *stream.Turn) {
	queue, confirm, bound := s.close(expected)
	if !bound {
		return
	}
	s.giveBack(queue, confirm, t)
	s.home.Router.Leave(&s.res, t)
}

// abandon ends the session because the server stops: what it had is kept, and nobody hears of it until the resume window is
// over. DESIGN §9
func (s *Session) abandon(t *stream.Turn) {
	if queue, confirm, bound := s.close(anyway); bound {
		s.giveBack(queue, confirm, t)
	}
}

// close marks the session as ended and takes what it holds. expected is asked under mu.
func (s *Session) close(expected func() bool) (queue []entry, confirm []*router.Duty, bound bool) {
	s.mu.Lock()
	if s.phase == ended || !expected() {
		s.mu.Unlock()
		return nil, nil, false
	}
	bound = s.phase != unbound
	s.phase, s.stream = ended, nil
	if s.sm != nil {
		queue = append(s.sm.queue[:len(s.sm.queue):len(s.sm.queue)], s.calm.entries()...)
		// Both stay in sight until they are given back: nothing newer may be stored before them.
	}
	confirm, s.confirm = s.confirm.all(), confirmation{}
	s.mu.Unlock()
	s.home.Wheel.Stop(&s.timer)
	s.home.Wheel.Stop(&s.grace)
	s.home.forget(s)
	if bound {
		s.home.bound.Add(-1)
	}
	return queue, confirm, bound
}

// giveBack hands what the client did not take to the router, in its order.
func (s *Session) giveBack(queue []entry, confirm []*router.Duty, t *stream.Turn) {
	duties := confirm
	for _, e := range queue {
		if e.duty != nil {
			duties = append(duties, e.duty)
		}
		if !s.home.isStopping() {
			e.mark.free(s.home.table)
		}
	}
	s.home.Router.Return(t, duties)
	s.mu.Lock()
	if s.sm != nil {
		s.sm.queue, s.calm = nil, calm{}
	}
	s.mu.Unlock()
	for _, e := range queue {
		if e.request {
			s.home.Router.Unanswered(e.stanza, t)
		}
	}
}

// Replaced implements router.Outlet: another client took the resource. RFC 6120 §7.7.2.2
func (s *Session) Replaced(t *stream.Turn) {
	s.Expelled(t, &stream.Error{Condition: stream.Conflict, Text: "the resource is used by a new session"})
}

// Expelled implements router.Outlet.
func (s *Session) Expelled(t *stream.Turn, why *stream.Error) {
	s.mu.Lock()
	st := s.stream
	s.mu.Unlock()
	if st != nil {
		st.Close(why.Condition, why.Text, why.Extra)
	}
	s.end(t)
}
