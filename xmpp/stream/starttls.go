package stream

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"runtime"

	"protokoll/internal/peer"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
	"protokoll/xmpp/stream/internal/poll"
)

const (
	tlsSpace   = "urn:ietf:params:xml:ns:xmpp-tls"
	alpnClient = "xmpp-client" // XEP-0368 §3
)

// offerTLS announces STARTTLS as the only thing there is. RFC 6120 §5.3.1, RFC 7590 §3.1.
func (s *Stream) offerTLS(dst []byte) []byte {
	if s.Secure() {
		return dst
	}
	return append(dst, "<starttls xmlns='"+tlsSpace+"'><required/></starttls>"...)
}

// takeTLS handles <starttls/>.
func (s *Stream) takeTLS(f *frame.Frame, _ *Turn) error {
	if s.Secure() || string(f.Local) != "starttls" {
		return &Error{Condition: UnsupportedStanzaType}
	}
	s.neg.handshake = true
	return nil
}

// proceed answers <starttls/>, once nothing came behind it: what a man in the middle put there in plain text must not be taken
// for the peer's. RFC 6120 §5.4.3.3.
func (s *Stream) proceed(t *Turn) bool {
	s.neg.handshake = false
	if s.direct {
		return true
	}
	if s.in != nil && len(bytes.TrimLeft(*s.in, " \t\r\n")) > 0 {
		_ = t.Send(s, []byte("<failure xmlns='"+tlsSpace+"'/>")) // RFC 6120 §5.4.2.2
		s.end(&ending{reason: ErrClosed})
		return false
	}
	if s.in != nil {
		*s.in = (*s.in)[:0]
	}
	s.left = false
	return t.Send(s, []byte("<proceed xmlns='"+tlsSpace+"'/>")) == nil
}

// carrier is the socket under a TLS connection, and remembers which certificate was served.
type carrier struct {
	*poll.Conn
	leaf *x509.Certificate
}

// shake does the TLS handshake on a goroutine of its own, which owns the stream meanwhile. Its stack has grown by then, so the
// stream goes on with another one.
func (s *Stream) shake() {
	growStack()
	for s.flushes.Load() != 0 {
		runtime.Gosched() // <proceed/> leaves before there is TLS to send it through
	}
	wake := s.conn.Block()
	s.shaking.Store(true)
	err := s.handshake(wake)
	s.shaking.Store(false)
	s.conn.Unblock()
	if err != nil {
		s.server.cfg.Logger.Debug("TLS handshake failed", slog.String("stream", s.id), slog.Any("error", peer.Clean(err)))
		s.end(&ending{reason: ErrDropped, abrupt: true})
	}
	s.run()
}

// handshakeStack is what a handshake needs of its goroutine's stack, in bytes.
const handshakeStack = 12 << 10

// growStack makes the stack of this goroutine large while it is empty: grown step by step in the middle of a handshake it would be
// copied four times.
//
//go:noinline
func growStack() {
	var room [handshakeStack]byte
	runtime.KeepAlive(&room)
}

// handshake waits for its turn, then for the peer.
func (s *Stream) handshake(wake <-chan struct{}) error {
	for waits := true; waits; {
		if s.ending.Load() != nil {
			return ErrClosed
		}
		select {
		case s.server.shaking <- struct{}{}:
			waits = false
		case <-wake: // bytes, which can wait, or the end
		}
	}
	defer func() { <-s.server.shaking }()
	s.server.cfg.Wheel.Set(&s.resume, s.server.cfg.Limits.Handshake, s.Abort)
	defer s.server.cfg.Wheel.Stop(&s.resume)
	config := s.server.starttls
	if s.direct {
		config = s.server.direct
	}
	below := &carrier{Conn: s.conn}
	conn := tls.Server(below, config)
	if err := conn.Handshake(); err != nil {
		return err
	}
	return s.secured(conn, below.leaf)
}

// secured begins the stream inside TLS anew. RFC 6120 §5.4.3.3.
func (s *Stream) secured(conn *tls.Conn, leaf *x509.Certificate) error {
	binding, err := sasl.NewBinding(conn.ConnectionState(), leaf)
	if err != nil {
		return err
	}
	s.neg.binding = binding
	s.tls = conn
	s.buffers = s.server.buffers.of(conn)
	s.scan.Reset(s.server.cfg.Limits.Before)
	s.began = false
	s.pauses.And(^uint32(pausedByRate)) // its timer was needed for the handshake
	return nil
}
