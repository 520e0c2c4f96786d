package stream

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
)

// States of Stream.actor. Whoever turns atRest into atWork owns the stream until it turns it back.
const (
	atRest uint32 = iota
	atWork
	atWorkAgain // something happened meanwhile: look again
	over        // the socket is closed
)

// Ready implements poll.Handler: bytes may have come.
func (s *Stream) Ready() { s.kick() }

// Writable implements poll.Handler.
func (s *Stream) Writable() {
	s.flush()
	if s.ending.Load() != nil {
		s.kick()
	}
}

// kick works on the stream, or leaves it to whoever does.
func (s *Stream) kick() {
	for {
		switch state := s.actor.Load(); state {
		case atRest:
			if s.actor.CompareAndSwap(atRest, atWork) {
				s.run()
				return
			}
		case atWork:
			if s.actor.CompareAndSwap(atWork, atWorkAgain) {
				return
			}
		default:
			return
		}
	}
}

// run works until nothing more is to be done, then gives the stream back. It is called by the owner, who is none afterwards.
func (s *Stream) run() {
	for {
		switch s.work() {
		case handedOver, finished:
			return
		}
		if s.actor.CompareAndSwap(atWork, atRest) {
			return
		}
		s.actor.Store(atWork)
	}
}

// outcome is what a piece of work left behind.
type outcome uint8

const (
	waiting    outcome = iota // for the peer, or for Resume
	handedOver                // another goroutine owns the stream now
	finished                  // nobody does any more
)

// work does one batch after the other.
func (s *Stream) work() outcome {
	t := NewTurn()
	defer t.End()
	for more := true; more && s.ending.Load() == nil && s.pauses.Load() == 0; {
		if s.neg != nil && s.neg.handshake {
			ok := s.proceed(t)
			s.endTurn(t)
			if !ok {
				break
			}
			go s.shake()
			return handedOver
		}
		s.buffers.lend()
		more = s.guarded(t)
		s.endTurn(t)
		more = more || s.neg != nil && s.neg.handshake
	}
	if e := s.ending.Load(); e != nil {
		return s.finish(e, t)
	}
	s.park()
	return waiting
}

// guarded is a batch whose panic ends this stream and nothing else.
func (s *Stream) guarded(t *Turn) (more bool) {
	defer s.recover()
	return s.batch(t)
}

// endTurn flushes what the batch has written, also where something it left to do panics.
func (s *Stream) endTurn(t *Turn) {
	if len(t.after) > 0 {
		func() {
			defer s.recover()
			t.finish()
		}()
	}
	t.flush()
}

// recover must be deferred itself.
func (s *Stream) recover() {
	if p := recover(); p != nil {
		s.panicked(p)
	}
}

// panicked logs where, never what: the value may hold what a peer sent.
func (s *Stream) panicked(p any) {
	s.server.cfg.Logger.Error("panic in a stream", slog.String("stream", s.id), slog.String("type", fmt.Sprintf("%T", p)),
		slog.String("stack", callers()))
	s.closeWith(&Error{Condition: InternalServerError})
}

// callers lists functions and lines without arguments.
func callers() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "%s:%d ", f.Function, f.Line)
		if !more {
			return b.String()
		}
	}
}

// batch reads once and works on what came. more: there may be bytes that no event will announce.
func (s *Stream) batch(t *Turn) (more bool) {
	if s.left {
		if s.left = false; !s.consume(t) {
			return false
		}
	}
	s.conn.NextBatch()
	for {
		n, err := s.read()
		if n > 0 && !s.consume(t) {
			return false
		}
		switch {
		case err == nil:
		case isAgain(err):
			return s.conn.More()
		default:
			s.lost(err)
			return false
		}
	}
}

// lost ends the stream after an error of reading.
func (s *Stream) lost(err error) {
	s.server.cfg.Logger.Debug("connection lost", slog.String("stream", s.id), slog.Bool("eof", err == io.EOF)) //nolint:errorlint // by identity
	s.ending.CompareAndSwap(nil, &ending{reason: ErrDropped, abrupt: true})                                    // the owner calls, and sees it next
}
