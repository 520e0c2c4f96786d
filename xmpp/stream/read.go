package stream

import (
	"errors"
	"sync"
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream/internal/poll"
)

const (
	// readSize is the room for one read: a whole TLS record.
	readSize = 16 << 10
	// minRoom is the least room worth a read.
	minRoom = 4 << 10
)

var inputs = sync.Pool{New: func() any { b := make([]byte, 0, readSize); return &b }}

func isAgain(err error) bool { return errors.Is(err, poll.ErrAgain) }

// read appends what the peer sent to s.in.
func (s *Stream) read() (int, error) {
	if s.in == nil {
		s.in = inputs.Get().(*[]byte)
	}
	b := *s.in
	if cap(b)-len(b) < minRoom {
		grown := make([]byte, len(b), 2*cap(b))
		copy(grown, b)
		b = grown
	}
	room := b[len(b):cap(b)]
	var n int
	var err error
	if s.tls != nil {
		n, err = s.tls.Read(room)
	} else {
		n, err = s.conn.Read(room)
	}
	*s.in = b[:len(b)+n]
	if n > 0 {
		s.took(n)
	}
	return n, err
}

// took notes that the peer is alive and slows it down where it sends too much.
func (s *Stream) took(n int) {
	now := s.server.cfg.Clock()
	s.lastRead.Store(now.UnixNano())
	wait := s.bucket.take(n, now)
	if s.account != nil {
		wait = max(wait, s.account.take(n, now))
	}
	s.slow(wait)
}

// slow stops the reading for a while.
func (s *Stream) slow(wait time.Duration) {
	if wait > 0 {
		s.pauses.Or(pausedByRate)
		s.server.cfg.Wheel.Set(&s.resume, wait, func() { s.unpause(pausedByRate) })
	}
}

// consume works on the elements in s.in and keeps the rest. It returns false when the batch must stop here.
func (s *Stream) consume(t *Turn) bool {
	b, used, ok := *s.in, 0, true
	for ok {
		n, kind, err := s.scan.Next(b[used:])
		used += n
		if err != nil {
			s.malformed(err)
			ok = false
			break
		}
		if kind == frame.None {
			break
		}
		if kind == frame.End {
			s.peerClosed()
		} else if err := s.found(kind, t); err != nil {
			s.closeWith(asError(err))
		}
		ok = s.goesOn()
	}
	s.left = !ok && used < len(b)
	*s.in = b[:copy(b, b[used:])]
	return ok
}

// goesOn says whether the next element may be looked at now.
func (s *Stream) goesOn() bool {
	return s.ending.Load() == nil && s.pauses.Load()&^pausedByRate == 0 && (s.neg == nil || !s.neg.handshake)
}

// found hands on a header or an element.
func (s *Stream) found(kind frame.Kind, t *Turn) error {
	if kind == frame.StreamHeader {
		return s.header(s.scan.Header(), t)
	}
	f := s.scan.Frame()
	if string(f.Space) == streamsSpace && string(f.Local) == "error" {
		s.peerClosed() // RFC 6120 §4.9.1.1
		return nil
	}
	if s.neg != nil {
		return s.negotiate(f, t)
	}
	if string(f.Space) == streamsSpace {
		return &Error{Condition: UnsupportedStanzaType}
	}
	return s.server.cfg.Sessions.Element(s, f, t)
}

// malformed answers what the framer refused; a header of another namespace still says whom to answer.
func (s *Stream) malformed(err error) { s.closeWith(fromFrame(err)) }

// park gives back all memory that an idle stream does not need.
func (s *Stream) park() {
	s.scan.Park()
	if s.in != nil && len(*s.in) == 0 {
		if cap(*s.in) == readSize {
			inputs.Put(s.in)
		}
		s.in = nil
	}
	s.buffers.release()
}

// bucket is a token bucket in bytes.
type bucket struct {
	rate, burst int
	level       int // may be negative: what is owed
	at          time.Time
}

// take returns how long to wait after n bytes.
func (b *bucket) take(n int, now time.Time) time.Duration {
	if b.at.IsZero() {
		b.level, b.at = b.burst, now
	}
	// Whole bytes only, and the time for them, so that frequent small reads lose nothing.
	if gained := int(now.Sub(b.at).Seconds() * float64(b.rate)); gained > 0 {
		b.level, b.at = min(b.burst, b.level+gained), now
	}
	b.level -= n
	if b.level >= 0 {
		return 0
	}
	return time.Duration(-b.level) * time.Second / time.Duration(b.rate)
}
