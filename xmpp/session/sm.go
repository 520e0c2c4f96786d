package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Stream Management, XEP-0198 version 1.6: counting and acknowledging both ways. Resumption is in resume.go, what holds
// acknowledgements back in held.go. Not here: 'location', and requests in mid-batch.
const (
	nsSM      = "urn:xmpp:sm:3"
	smFeature = "<sm xmlns='" + nsSM + "'/>"
	request   = "<r xmlns='" + nsSM + "'/>"
)

// askAfter is how many unacknowledged stanzas that may wait (presence) cause a request all the same.
const askAfter = 8

// entry is a stanza that the client has not acknowledged.
type entry struct {
	stanza  []byte // nil: lost in a restart
	duty    *router.Duty
	request bool // an IQ get or set: its sender gets an error if the session ends
	mark    mark // in the table, of a letter
	answer  bool // to a stanza of the client itself
	wakes   bool // worth a notification as long as the client has not acknowledged it
}

// management is the XEP-0198 state of a session. Guarded by Session.mu.
type management struct {
	in        uint32     // stanzas received
	done      uint32     // of them, handled
	held      []heldBack // received stanzas that cannot be acknowledged yet, in order
	lastAck   uint32     // last h sent …
	lastAckAt int64      // … when, nanoseconds
	wanted    bool       // the client asked for an acknowledgement that we still owe
	ackDue    bool       // one leaves at the end of the turn
	graceSet  bool       // the timer runs
	storing   bool       // messages whose grace is over are being stored

	out        uint32  // stanzas sent
	acked      uint32  // of them, acknowledged
	queue      []entry // those between
	bytes      int     // size of the queue
	foreign    int     // stanzas in it that are no answers
	asking     bool    // a request of ours is not answered …
	askedAt    int64   // … since then, nanoseconds
	askDue     bool    // one leaves at the end of the turn
	overflowed bool

	id       string // to resume by; empty: not resumable
	hash     [32]byte
	window   time.Duration
	record   *record            // in the table; nil: not after a restart
	restored bool               // by a restart
	cleared  func(*stream.Turn) // runs when nothing is held any more; for resumption …
	waiter   *stream.Stream     // … by this stream
}

func (m *management) resumable() bool { return m.id != "" || m.restored }

// reportable is the newest h that is true. The caller holds mu.
func (m *management) reportable() uint32 {
	if len(m.held) == 0 {
		return m.done
	}
	if first := m.held[0].pledge.Seq - 1; int32(first-m.done) < 0 {
		return first
	}
	return m.done
}

// manage handles an element of XEP-0198.
func (s *Session) manage(st *stream.Stream, f *frame.Frame, p phase, t *stream.Turn) error {
	switch string(f.Local) {
	case "enable":
		return s.enable(st, f, p, t)
	case "resume":
		return s.resume(st, f, p, t)
	case "r":
		return s.wantAck(t)
	case "a":
		return s.ack(f, t)
	}
	return &stream.Error{Condition: stream.UnsupportedStanzaType}
}

func failed(condition, attrs string) []byte {
	return []byte("<failed xmlns='" + nsSM + "'" + attrs + "><" + condition +
		" xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
}

// enable turns stream management on, once, after bind. XEP-0198 §3
func (s *Session) enable(st *stream.Stream, f *frame.Frame, p phase, t *stream.Turn) error {
	s.mu.Lock()
	if p != live || s.sm != nil {
		s.mu.Unlock()
		return sendError(t.Send(st, failed("unexpected-request", "")))
	}
	m := s.newManagement(&manageWish{resume: truth(f.Attr("resume")), max: f.Attr("max")})
	s.sm = m
	// Counting begins behind the answer: whoever delivers to this session from now on comes after it. XEP-0198 §3
	err := t.Send(st, m.enabled())
	s.mu.Unlock()
	s.managed(st, m, t)
	return sendError(err)
}

// newManagement makes what a client asks for.
func (s *Session) newManagement(w *manageWish) *management {
	m := new(management)
	if w.resume {
		s.makeResumable(m, w.max)
	}
	return m
}

// managed does what belongs to stream management once the client knows of it.
func (s *Session) managed(st *stream.Stream, m *management, t *stream.Turn) {
	s.home.Wheel.Stop(&s.timer)
	st.SetIdleLimit(s.home.Limits.IdleManaged)
	if m.id != "" {
		s.home.enlist(s)
		s.res.SetResumable(m.hash[:], uint32(m.window/time.Second), t)
	}
}

// enabled is the answer to enable.
func (m *management) enabled() []byte {
	if m.id == "" {
		return []byte("<enabled xmlns='" + nsSM + "'/>")
	}
	seconds := strconv.FormatInt(int64(m.window/time.Second), 10)
	return []byte("<enabled xmlns='" + nsSM + "' id='" + m.id + "' resume='true' max='" + seconds + "'/>")
}

// makeResumable gives the session an id that nobody can guess, and its record in the table. XEP-0198 §5
func (s *Session) makeResumable(m *management, wish []byte) {
	var b [18]byte
	rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	m.id = base64.RawURLEncoding.EncodeToString(b[:])
	m.hash = sha256.Sum256([]byte(m.id))
	m.window = s.home.Limits.Resume
	if n, err := strconv.ParseUint(string(wish), 10, 32); err == nil && n > 0 {
		m.window = min(m.window, time.Duration(n)*time.Second)
	}
	m.record = s.home.table.add(m.hash, s.res.ID)
}

// wantAck answers a request as soon as the answer is true. XEP-0198 §4
func (s *Session) wantAck(t *stream.Turn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.sm
	if m == nil {
		return &stream.Error{Condition: stream.UnsupportedStanzaType}
	}
	m.wanted = true
	switch now := s.home.Clock().UnixNano(); {
	case m.reportable() != m.lastAck, len(m.held) == 0 && now-m.lastAckAt >= int64(s.home.Limits.Grace):
		s.ackSoon(t)
	default:
		// The same again would tell nothing new, and some clients answer every <a/> with an <r/>: it comes when there is news,
		// or after the grace.
		s.watch()
	}
	return nil
}

// ackSoon sends an acknowledgement at the end of the turn. The caller holds mu.
func (s *Session) ackSoon(t *stream.Turn) {
	if s.sm.ackDue {
		return
	}
	s.sm.ackDue = true
	if t == nil {
		s.home.Router.Later(s.sendAck)
	} else {
		t.After(s.sendAck)
	}
}

func (s *Session) sendAck(t *stream.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.sm
	m.ackDue = false
	h := m.reportable()
	if s.stream == nil || !m.wanted || h == m.lastAck && len(m.held) > 0 {
		return
	}
	m.wanted = len(m.held) > 0
	m.lastAck, m.lastAckAt = h, s.home.Clock().UnixNano()
	var room [48]byte
	b := strconv.AppendUint(append(room[:0], "<a xmlns='"+nsSM+"' h='"...), uint64(h), 10)
	_ = t.Send(s.stream, append(b, "'/>"...)) // a stream that ended says so by Closed
}

// askSoon requests an acknowledgement at the end of the turn, unless one is on its way. The caller holds mu.
func (s *Session) askSoon(t *stream.Turn, lazy bool) {
	m := s.sm
	if m.asking || m.askDue || lazy && len(m.queue) < askAfter {
		return
	}
	m.askDue = true
	t.After(s.sendRequest)
}

func (s *Session) sendRequest(t *stream.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.sm
	m.askDue = false
	if s.stream == nil || m.asking || len(m.queue) == 0 {
		return
	}
	m.asking, m.askedAt = true, s.home.Clock().UnixNano()
	_ = t.Send(s.stream, []byte(request)) // a stream that ended says so by Closed
}

// ack takes what the client acknowledges. XEP-0198 §4
func (s *Session) ack(f *frame.Frame, t *stream.Turn) error {
	h, ok := handled(f)
	s.mu.Lock()
	m := s.sm
	if m == nil {
		s.mu.Unlock()
		return &stream.Error{Condition: stream.UnsupportedStanzaType}
	}
	if !ok {
		s.mu.Unlock()
		return &stream.Error{Condition: stream.BadFormat}
	}
	if h-m.acked > m.out-m.acked {
		sent := m.out
		s.mu.Unlock()
		return tooHigh(h, sent)
	}
	var room [16]*router.Duty
	duties, marks := m.acknowledged(h, room[:0])
	m.asking = false
	s.release(t)
	if len(m.queue) > 0 {
		s.askSoon(t, m.allLazy() && len(m.held) == 0)
	}
	s.mu.Unlock()
	s.settle(t, duties, marks)
	return nil
}

// settle hands over to the router what the client has. Marks stay until the ends of the letters are on disk.
func (s *Session) settle(t *stream.Turn, duties []*router.Duty, marks []mark) {
	if len(marks) == 0 {
		s.home.Router.Settle(t, duties, nil)
		return
	}
	s.home.Router.Settle(t, duties, func() {
		for _, k := range marks {
			k.free(s.home.table)
		}
	})
}

// handled reads h.
func handled(f *frame.Frame) (uint32, bool) { return number(f.Attr("h")) }

func number(b []byte) (uint32, bool) {
	n, err := strconv.ParseUint(string(b), 10, 32)
	return uint32(n), err == nil
}

// tooHigh ends the stream of a client that acknowledges what it was never sent. XEP-0198 §4
func tooHigh(h, sent uint32) error {
	return &stream.Error{Condition: stream.UndefinedCondition, Extra: "<handled-count-too-high xmlns='" + nsSM + "' h='" +
		strconv.FormatUint(uint64(h), 10) + "' send-count='" + strconv.FormatUint(uint64(sent), 10) + "'/>"}
}

// acknowledged removes what the client has from the queue, appends its duties, and returns the marks of its letters. The
// caller holds mu and has checked h.
func (m *management) acknowledged(h uint32, duties []*router.Duty) (_ []*router.Duty, marks []mark) {
	n := int(h - m.acked)
	for i := range m.queue[:n] {
		e := &m.queue[i]
		m.bytes -= len(e.stanza)
		if !e.answer {
			m.foreign--
		}
		if e.duty != nil {
			e.duty.Taken()
			duties = append(duties, e.duty)
		}
		if e.mark != 0 {
			e.mark.taken(m.record.table)
			marks = append(marks, e.mark)
		}
	}
	left := copy(m.queue, m.queue[n:])
	clear(m.queue[left:])
	m.queue = m.queue[:left]
	if left == 0 && cap(m.queue) > 32 {
		m.queue = nil // idle sessions are many
	}
	m.acked = h
	m.record.acknowledged(h)
	return duties, marks
}

// allLazy tells whether nothing in the queue is worth a request of its own.
func (m *management) allLazy() bool {
	for i := range m.queue {
		if m.queue[i].duty != nil || m.queue[i].request {
			return false
		}
	}
	return true
}
