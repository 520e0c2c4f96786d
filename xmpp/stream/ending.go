package stream

import (
	"io"
	"log/slog"
)

// ending says why a stream ends and how.
type ending struct {
	reason error
	err    *Error // stream error to send, or nil
	abrupt bool   // nothing is sent, the socket is closed at once
}

// Close ends the stream: with a stream error of that condition (RFC 6120 §4.9.3), or properly where it is empty. extra is an
// application-specific condition as XML. What is queued is still written, within Limits.Closing.
func (s *Stream) Close(condition Condition, text string, extra ...string) {
	if condition == "" {
		s.end(&ending{reason: ErrClosed})
		return
	}
	e := &Error{Condition: condition, Text: text}
	for _, x := range extra {
		e.Extra += x
	}
	s.closeWith(e)
}

// Abort drops the connection at once, without a word.
func (s *Stream) Abort() { s.end(&ending{reason: ErrAborted, abrupt: true}) }

func (s *Stream) closeWith(e *Error) { s.end(&ending{reason: e, err: e}) }

func (s *Stream) peerClosed() { s.end(&ending{}) }

// end starts the ending, once. The owner of the stream carries it out.
func (s *Stream) end(e *ending) {
	if s.ending.CompareAndSwap(nil, e) {
		if e.abrupt || s.shaking.Load() {
			s.conn.Shutdown(false) // a handshake has nothing to say goodbye with
		}
		go s.kick()
	}
}

// finish is the ending as far as it can go now. Called by the owner, more than once.
func (s *Stream) finish(e *ending, t *Turn) outcome {
	if !s.told {
		s.told = true
		s.server.cfg.Wheel.Stop(&s.resume)
		s.server.cfg.Wheel.Stop(&s.deadline)
		s.server.cfg.Wheel.Set(&s.closing, s.server.cfg.Limits.Closing, s.giveUp)
		s.tell(e.reason, t)
		if !e.abrupt && (s.Secure() || !s.direct) {
			s.goodbye(e)
		}
		s.seal()
	}
	s.flush()
	if e.abrupt || s.abandoned() || s.linger() {
		s.teardown()
		return finished
	}
	s.park()
	return waiting
}

// tell lets the session know.
func (s *Stream) tell(reason error, t *Turn) {
	if s.localpart == "" || s.neg != nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			s.server.cfg.Logger.Error("panic at the end of a stream", slog.String("stream", s.id), slog.String("stack", callers()))
		}
	}()
	s.server.cfg.Sessions.Closed(s, t, reason)
	t.finish()
}

// goodbye queues the stream error and the end tag, behind our header where it is still missing. RFC 6120 §4.9.1.2.
func (s *Stream) goodbye(e *ending) {
	var b []byte
	if !s.began {
		b = s.appendHeader(b, nil)
	}
	if e.err != nil {
		b = e.err.AppendTo(b)
	}
	_ = s.Send(append(b, "</stream:stream>"...)) // ErrSlow: it will not be read anyway
}

func (s *Stream) seal() {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	s.sealed, s.drained = true, nil
}

// giveUp is called by the wheel when the peer has had its time.
func (s *Stream) giveUp() {
	last := ending{abrupt: true, reason: ErrClosed}
	if e := s.ending.Load(); e != nil {
		last.reason = e.reason
	}
	s.ending.Store(&last)
	go s.kick()
}

func (s *Stream) abandoned() bool { return s.ending.Load().abrupt }

// linger waits until everything is written and the peer has closed too; what it still sends is thrown away. Closing with
// unread bytes would make TCP throw away our last words. It returns true when the socket can be closed.
func (s *Stream) linger() bool {
	if s.Queued() == 0 && !s.closeSent {
		s.closeSent = true
		if s.tls != nil {
			_ = s.tls.CloseWrite() // close_notify; the socket never fails
		}
	}
	if s.closeSent && s.conn.Pending() == 0 {
		s.conn.Shutdown(true)
	}
	for {
		s.conn.NextBatch()
		if s.in != nil {
			*s.in = (*s.in)[:0]
		}
		_, err := s.discard()
		switch {
		case s.abandoned():
			return true // it has had its time, and still talks
		case err == nil:
		case !isAgain(err):
			return true // the end, or an error: both end it
		case !s.conn.More():
			return false
		}
	}
}

// discard reads past TLS once our side is closed: nothing of it matters.
func (s *Stream) discard() (int, error) {
	if s.in == nil {
		s.in = inputs.Get().(*[]byte)
	}
	b := *s.in
	n, err := s.conn.Read(b[:cap(b)])
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

// teardown closes the socket and forgets the stream.
func (s *Stream) teardown() {
	s.seal()
	w := s.server.cfg.Wheel
	w.Stop(&s.deadline)
	w.Stop(&s.closing)
	w.Stop(&s.resume)
	if err := s.conn.Close(); err != nil {
		s.server.cfg.Logger.Warn("close socket", slog.String("stream", s.id), slog.Any("error", err))
	}
	s.lease.Release()
	s.actor.Store(over)
	s.server.forget(s)
}
