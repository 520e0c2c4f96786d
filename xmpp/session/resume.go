package session

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Resumption, XEP-0198 §5: a session outlives its connection for a while, and the server.

// enlist makes a session findable by its resume id.
func (h *Sessions) enlist(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resumable[s.sm.hash] = s
}

// forget makes a session impossible to resume.
func (h *Sessions) forget(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wake(s)
	if s.sm == nil || !s.sm.resumable() {
		return
	}
	if h.resumable[s.sm.hash] == s {
		delete(h.resumable, s.sm.hash)
	}
	if !h.stopping {
		s.sm.record.erase()
	}
}

// wake takes a session off the list of hibernating ones. The caller holds mu.
func (h *Sessions) wake(s *Session) {
	if s.res.Account == nil {
		return
	}
	bare := s.res.Account.Bare()
	list := h.hibernating[bare]
	if i := slices.Index(list, s); i >= 0 {
		if list = slices.Delete(list, i, i+1); len(list) == 0 {
			delete(h.hibernating, bare)
		} else {
			h.hibernating[bare] = list
		}
	}
}

// hibernate keeps a session that lost its stream until it is resumed or its window is over. Its messages are stored at once:
// nobody can say whether the client comes back.
func (s *Session) hibernate(st *stream.Stream, t *stream.Turn) {
	s.mu.Lock()
	if s.phase != live || s.stream != st { // it was taken over, or ended, just now
		s.mu.Unlock()
		return
	}
	nth := s.suspend()
	s.sm.asking, s.sm.wanted = false, false
	var duties []*router.Duty
	for _, e := range s.sm.queue {
		if e.duty != nil {
			duties = append(duties, e.duty)
		}
	}
	s.wake()
	s.mu.Unlock()
	s.home.await(s, nth, t)
	for _, d := range duties {
		d.Store(t)
	}
}

// suspend takes the stream away and returns which time of waiting begins. await has to follow. The caller holds mu.
func (s *Session) suspend() (nth uint32) {
	s.phase, s.stream = hibernating, nil
	s.calm.inactive = false // XEP-0352 §5.2
	s.waking = false        // the timer is the window's now
	s.rouse(nil)
	s.waits++
	return s.waits
}

// stillWaits tells whether the session waits for the nth time. The caller holds mu.
func (s *Session) stillWaits(nth uint32) bool { return s.phase == hibernating && s.waits == nth }

// await gives a session without a stream its window, and ends the oldest of an account that has too many. A session that was
// resumed or ended meanwhile gets none: nobody would take it off the list.
func (h *Sessions) await(s *Session, nth uint32, t *stream.Turn) {
	h.mu.Lock()
	s.mu.Lock()
	still := s.stillWaits(nth)
	s.mu.Unlock()
	if !still {
		h.mu.Unlock()
		return
	}
	bare := s.res.Account.Bare()
	h.hibernating[bare] = append(h.hibernating[bare], s)
	var oldest *Session
	if len(h.hibernating[bare]) > h.Limits.Hibernating {
		oldest = h.hibernating[bare][0]
	}
	h.Wheel.Set(&s.timer, s.window(), func() { h.work(func(t *stream.Turn) { s.expire(nth, t) }) })
	h.mu.Unlock()
	if oldest != nil {
		oldest.end(t)
	}
}

// window is how long the session waits.
func (s *Session) window() time.Duration {
	if s.sm != nil && s.sm.window > 0 {
		return s.sm.window
	}
	return s.home.Limits.Resume
}

// expire ends a session that nobody resumed since it began to wait for the nth time.
func (s *Session) expire(nth uint32, t *stream.Turn) {
	if !s.home.isStopping() { // the next start gives it a window of its own
		s.endIf(func() bool { return s.stillWaits(nth) }, t)
	}
}

// resume lets a new stream go on with an old session. XEP-0198 §5
func (s *Session) resume(st *stream.Stream, f *frame.Frame, p phase, t *stream.Turn) error {
	if p != unbound {
		return sendError(t.Send(st, failed("unexpected-request", "")))
	}
	h, ok := handled(f)
	if !ok {
		return &stream.Error{Condition: stream.BadFormat}
	}
	b := &comeback{fresh: s, st: st, id: string(f.Attr("previd")), h: h}
	return b.start(t)
}

// comeback is a client's wish to go on with an old session.
type comeback struct {
	fresh *Session // of the new stream, never bound …
	st    *stream.Stream
	id    string // … the old session's …
	h     uint32 // … of which the client has had so many stanzas

	welcome *stream.Welcome // the wish came with SASL2; nil: behind it
	bind    *bindWish       // what to do instead if there is no such session
}

// start looks for the session.
func (b *comeback) start(t *stream.Turn) error {
	home, st := b.fresh.home, b.st
	old := home.find(b.id, st.Localpart()+"@"+st.Domain())
	if home.isStopping() {
		// The next start knows the session; <failed/> would make the client throw it away.
		return &stream.Error{Condition: stream.SystemShutdown}
	}
	if old == nil {
		return b.notFound(t)
	}
	return old.takeOver(b, t)
}

// notFound says that there is no such session. XEP-0198 §5, §6.2
func (b *comeback) notFound(t *stream.Turn) error {
	no := failed("item-not-found", "")
	if b.welcome != nil {
		return b.fresh.arrive(b.st, b.welcome, b.bind, no, t)
	}
	return sendError(t.Send(b.st, no))
}

// tell says that the session goes on. What it sends before the client's queue is all that the client hears of it.
func (b *comeback) tell(full string, h uint32, t *stream.Turn) {
	yes := []byte("<resumed xmlns='" + nsSM + "' previd='" + b.id + "' h='" + strconv.FormatUint(uint64(h), 10) + "'/>")
	if b.welcome != nil {
		_ = b.welcome.Send(b.st, t, full, yes, nil) // a stream that ended says so by Closed
		return
	}
	_ = t.Send(b.st, yes)
}

// find returns the session with a resume id if it belongs to the account.
func (h *Sessions) find(id, bare string) *Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.resumable[sha256.Sum256([]byte(id))]
	if s == nil || s.res.Account.Bare() != bare {
		return nil
	}
	return s
}

// takeOver moves the session to another stream. What the client sent before and we cannot vouch for yet is stored first:
// the answer says how much of it the client may forget.
func (s *Session) takeOver(b *comeback, t *stream.Turn) error {
	st, h := b.st, b.h
	s.handling.Lock() // the old stream may be in the middle of a stanza
	defer s.handling.Unlock()
	s.mu.Lock()
	m := s.sm
	if s.phase == ended {
		s.mu.Unlock()
		return b.notFound(t)
	}
	if h-m.acked > m.out-m.acked {
		s.mu.Unlock()
		return tooHigh(h, m.out)
	}
	nth := s.waits
	if old := s.stream; old != nil {
		old.Close(stream.Conflict, "the session was resumed elsewhere")
		nth = s.suspend()
		defer s.home.await(s, nth, t) // nothing, unless the new stream ends before it has the session
	}
	if !m.owes() {
		s.mu.Unlock()
		s.resumed(b, nth, t)
		return nil
	}
	if m.waiter != nil { // the client came back twice
		m.waiter.Close(stream.Conflict, "the session was resumed elsewhere")
	}
	m.waiter = st
	m.cleared = func(t *stream.Turn) {
		s.handling.Lock()
		defer st.Resume()
		defer s.handling.Unlock()
		s.resumed(b, nth, t)
	}
	s.mu.Unlock()
	st.Pause()
	s.storeHeld(0, t)
	return nil
}

// resumed tells the client and sends again what it has not had. nth is the time of waiting that the client wants to end: another
// stream may have been faster. The caller holds handling.
func (s *Session) resumed(b *comeback, nth uint32, t *stream.Turn) {
	st := b.st
	s.mu.Lock()
	over, still := s.phase == ended, s.stillWaits(nth)
	s.mu.Unlock()
	if over {
		_ = b.notFound(t) // a stream that ended says so by Closed
		return
	}
	if !still {
		st.Close(stream.Conflict, "the session was resumed elsewhere")
		return
	}
	if !b.fresh.handTo(s) {
		return // the stream ended meanwhile; the session goes on waiting, and its window with it
	}
	s.mu.Lock()
	m := s.sm
	if !s.stillWaits(nth) {
		s.mu.Unlock()
		st.Close(stream.Conflict, "the session has just ended")
		return
	}
	duties, marks := m.acknowledged(b.h, nil)
	s.phase, s.stream, s.res.Lang = live, st, st.Lang()
	restored := m.restored && m.id == ""
	m.id = b.id
	m.asking, m.wanted, m.lastAck = false, false, m.in
	m.held = nil // errors at most, which follow
	m.record.received(m.in)
	m.forgetLost()
	b.tell(s.res.Full(), m.in, t)
	for _, e := range m.queue {
		_ = t.Send(st, e.stanza) // a stream that ended says so by Closed; the stanza stays in the queue
	}
	if len(m.queue) > 0 {
		s.askSoon(t, false)
	}
	s.mu.Unlock()
	s.home.Wheel.Stop(&s.timer)
	s.home.mu.Lock()
	s.home.wake(s)
	s.home.mu.Unlock()
	st.SetIdleLimit(s.home.Limits.IdleManaged)
	s.settle(t, duties, marks)
	s.home.Router.Resumed(&s.res, restored, t)
}

// handTo makes another session the one of this session's stream, unless the stream has ended.
func (s *Session) handTo(next *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended {
		return false
	}
	s.stream.SetData(next)
	s.successor = next
	return true
}

// forgetLost removes what a restart left nothing of but its number. The caller holds mu.
func (m *management) forgetLost() {
	m.queue = slices.DeleteFunc(m.queue, func(e entry) bool { return e.stanza == nil })
	m.foreign = 0
	for _, e := range m.queue {
		if !e.answer {
			m.foreign++
		}
	}
	for i := range m.queue {
		if k := m.queue[i].mark; k != 0 {
			k.renumber(m.record.table, m.acked+1+uint32(i))
		}
	}
	m.out = m.acked + uint32(len(m.queue))
	m.record.sent(m.out)
}
