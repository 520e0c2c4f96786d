package stream

import (
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"protokoll/internal/peer"
	"protokoll/internal/wheel"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream/internal/poll"
)

// Stream is one connection of a client. Methods may be called from any goroutine unless they say otherwise.
type Stream struct {
	server *Server
	conn   *poll.Conn
	lease  *peer.Lease
	id     string

	actor    atomic.Uint32 // see actor.go
	ending   atomic.Pointer[ending]
	pauses   atomic.Uint32 // reasons not to read
	lastRead atomic.Int64  // ns since 1970
	idle     atomic.Int64  // ns
	data     atomic.Value  // of the session
	shaking  atomic.Bool   // a TLS handshake is under way

	// Owned by the actor. What is exported by a method changes only before Features is called.
	tls       *tls.Conn
	buffers   *tlsBuffers
	scan      frame.Scanner
	in        *[]byte // bytes not yet consumed; nil while there are none
	left      bool    // in holds elements that were not looked at
	neg       *negotiation
	direct    bool
	began     bool // our header of this stream was sent
	told      bool // the ending was carried out as far as others see it
	closeSent bool
	domain    string
	localpart string
	lang      string
	bucket    bucket
	account   *account // once signed in
	device    string   // see Device
	claimed   string   // the account that the header says it is from; empty: it does not say

	deadline wheel.Timer // of login, then of idleness
	closing  wheel.Timer
	resume   wheel.Timer // of the handshake, then of the rate

	flushes atomic.Uint32 // flush calls that the one flushing has to answer for
	soon    atomic.Bool

	queueMu sync.Mutex
	// Guarded by queueMu.
	queue   *[]byte // plain bytes for the peer; nil while there are none
	sealed  bool    // nothing more is taken
	notedBy uint64  // the last turn that noted the stream
	drained func()
}

// ID names the stream in log lines. It is random and is not the id that the peer sees.
func (s *Stream) ID() string { return s.id }

// Domain returns the domain that the peer opened the stream to, prepared. Fixed once Sessions gets the stream.
func (s *Stream) Domain() string { return s.domain }

// Localpart returns who has signed in; empty before.
func (s *Stream) Localpart() string { return s.localpart }

// Device names the device that signed in, as Devices calls it; empty where it did not say which it is.
func (s *Stream) Device() string { return s.device }

// Lang returns the stream's default language, what the peer's header said (RFC 6120 §4.7.4); may be empty.
func (s *Stream) Lang() string { return s.lang }

// Secure says whether TLS protects the stream: always, once Sessions gets it.
func (s *Stream) Secure() bool { return s.tls != nil }

// TLSState describes the TLS connection; the zero value before there is one.
func (s *Stream) TLSState() tls.ConnectionState {
	if s.tls == nil {
		return tls.ConnectionState{}
	}
	return s.tls.ConnectionState()
}

// SetData hangs the session's own object here. Always the same type.
func (s *Stream) SetData(d any) { s.data.Store(d) }

// Data returns what SetData was given, nil before.
func (s *Stream) Data() any { return s.data.Load() }

// Send is a turn of its own for one stream, without the flush.
func (s *Stream) Send(parts ...[]byte) error {
	_, early, err := s.enqueue(0, parts)
	if early {
		s.flush()
	}
	return err
}

// Flush writes what is queued.
func (s *Stream) Flush() { s.flush() }

// LastRead returns when bytes came last (white space counts), to the batch.
func (s *Stream) LastRead() time.Time { return time.Unix(0, s.lastRead.Load()) }

// SetIdleLimit changes how long the peer may send nothing before the stream ends with connection-timeout. It
// takes effect when the time set before has passed, or at the next byte after that.
func (s *Stream) SetIdleLimit(d time.Duration) {
	s.idle.Store(int64(d))
	if s.ending.Load() == nil && s.localpart != "" {
		s.server.cfg.Wheel.Set(&s.deadline, d, s.checkIdle)
	}
}

// SetLimits changes what is accepted from the next element on. Only from within Element.
func (s *Stream) SetLimits(l frame.Limits) { s.scan.SetLimits(l) }

// MaxStanza returns how many bytes a stanza of this peer may have: what XEP-0478 announces.
func (s *Stream) MaxStanza() int { return s.server.cfg.Limits.After.StanzaBytes }

// Reasons not to read from a peer.
const (
	pausedBySession = 1 << iota
	pausedByRate
)

// Pause stops the reading before the next element, until Resume: the peer is held up by TCP. To be called within Element,
// or at any time for "soon". Pauses are not counted.
func (s *Stream) Pause() { s.pauses.Or(pausedBySession) }

// Resume ends Pause.
func (s *Stream) Resume() { s.unpause(pausedBySession) }

func (s *Stream) unpause(reason uint32) {
	if s.pauses.And(^reason)&reason != 0 {
		go s.kick()
	}
}

// checkIdle ends the stream, or waits for the rest of the time. Called by the wheel.
func (s *Stream) checkIdle() {
	limit := time.Duration(s.idle.Load())
	quiet := s.server.cfg.Clock().Sub(s.LastRead())
	if quiet >= limit {
		s.Close(ConnectionTimeout, "")
		return
	}
	if s.ending.Load() == nil {
		s.server.cfg.Wheel.Set(&s.deadline, limit-quiet, s.checkIdle)
	}
}
