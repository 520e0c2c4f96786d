package component

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // XEP-0114 §3 wants it
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"time"

	"protokoll/internal/peer"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// visit is one connection while it is read.
type visit struct {
	*link
	server *Server
	scan   frame.Scanner
	id     string // of the stream
	open   bool   // our header is sent
	host   *host  // that the header names; nil before
	proven bool
}

// attend serves a connection from its first byte to its last.
func (s *Server) attend(c *peer.Nameless) {
	v := &visit{link: newLink(c), server: s, id: rand.Text()}
	v.scan.ResetComponent(frame.BeforeLogin())
	stop := context.AfterFunc(s.ctx, func() {
		v.end(&stream.Error{Condition: stream.SystemShutdown})
		_ = c.SetWriteDeadline(time.Now().Add(farewell)) // for what is being written now
	})
	defer stop()
	s.runner.Go(v.write)
	err := c.SetReadDeadline(time.Now().Add(HandshakeTime))
	if err == nil {
		err = v.read()
	}
	if v.proven {
		v.host.leave(v.link)
		s.logger.Info("a component is gone", slog.String("host", v.host.name))
	} else {
		<-s.strangers
	}
	var why *stream.Error
	switch {
	case errors.As(err, &why):
		s.logger.Warn("the stream of a component was ended", slog.String("condition", string(why.Condition)))
	case err != nil && !errors.Is(err, io.EOF):
		s.logger.Debug("the connection of a component ended", slog.Any("error", peer.Clean(err)))
	}
	if why != nil && !v.open { // RFC 6120 §4.9.1.2: an error stands in a stream
		_ = v.begin("") // it ends now
	}
	v.end(why)
}

// readSize is how much is read at once, in bytes.
const readSize = 32 << 10

// read takes bytes until the stream ends. The error is a *stream.Error if it is for the component to know.
func (v *visit) read() error {
	var buf []byte
	for {
		if cap(buf)-len(buf) < readSize/2 {
			buf = append(make([]byte, 0, 2*len(buf)+readSize), buf...)
		}
		n, err := v.conn.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return err
		}
		used, err := v.take(buf[:len(buf)+n])
		if err != nil {
			return err
		}
		left := copy(buf[:cap(buf)], buf[used:len(buf)+n])
		buf = buf[:left]
		if left == 0 && cap(buf) > keptBuffer {
			buf = nil
		}
	}
}

// take handles every whole element in b and returns how many bytes those were.
func (v *visit) take(b []byte) (used int, err error) {
	t := stream.NewTurn()
	defer t.End()
	for {
		n, kind, err := v.scan.Next(b[used:])
		used += n
		switch {
		case err != nil:
			return used, &stream.Error{Condition: conditionOf(err)}
		case kind == frame.None:
			return used, nil
		case kind == frame.End:
			return used, io.EOF
		case kind == frame.StreamHeader:
			err = v.greet(v.scan.Header())
		case !v.proven:
			err = v.prove(v.scan.Frame())
		default:
			err = v.pass(v.scan.Frame(), t)
		}
		if err != nil {
			return used, err
		}
	}
}

func conditionOf(err error) stream.Condition {
	var fe *frame.Error
	if errors.As(err, &fe) {
		return stream.Condition(fe.Condition)
	}
	return stream.BadFormat
}

// greet answers the header. XEP-0114 §3
func (v *visit) greet(h *frame.Header) error {
	if err := v.begin(string(h.To)); err != nil {
		return err
	}
	to, err := router.ParseAddress(h.To)
	if err == nil && to.IsServer() {
		v.host = v.server.hosts[to.String()]
	}
	if v.host == nil {
		return &stream.Error{Condition: stream.HostUnknown}
	}
	return nil
}

// begin sends our header.
func (v *visit) begin(from string) error {
	v.open = true
	head := "<?xml version='1.0'?><stream:stream xmlns:stream='" + frame.NSStreams + "' xmlns='" + frame.NSComponent + "' id='" + v.id + "'"
	if from != "" {
		head += " from='" + string(frame.AppendEscaped(nil, from)) + "'"
	}
	return v.queue([]byte(head + ">"))
}

// prove checks the handshake: the SHA-1 of the stream's id and the secret, in hexadecimal. XEP-0114 §3
func (v *visit) prove(f *frame.Frame) error {
	if string(f.Space) != frame.NSClient || string(f.Local) != "handshake" {
		return &stream.Error{Condition: stream.NotAuthorized}
	}
	sum := sha1.Sum([]byte(v.id + v.host.secret)) //nolint:gosec // as above
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), f.Body) != 1 {
		return &stream.Error{Condition: stream.NotAuthorized}
	}
	if err := v.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	v.proven = true
	<-v.server.strangers
	limits := frame.AfterLogin()
	limits.StanzaBytes = MaxStanza
	v.scan.SetLimits(limits)
	if err := v.queue([]byte("<handshake/>")); err != nil {
		return err
	}
	if before := v.host.take(v.link); before != nil {
		before.end(&stream.Error{Condition: stream.Conflict})
	}
	v.server.logger.Info("a component is here", slog.String("host", v.host.name))
	return nil
}

// pass hands a stanza to the router. XEP-0114 §3: the component says who it is from.
func (v *visit) pass(f *frame.Frame, t *stream.Turn) error {
	if f.Name == frame.Other {
		if string(f.Space) == frame.NSStreams && string(f.Local) == "error" { // RFC 6120 §4.9.1.1: it ends the stream
			return io.EOF
		}
		return &stream.Error{Condition: stream.UnsupportedStanzaType}
	}
	if !v.host.leads(v.link) {
		return io.EOF // another one has taken over
	}
	from, err := router.ParseAddress(f.From)
	if f.From == nil || err != nil || string(from.Domain()) != v.host.name {
		return &stream.Error{Condition: stream.InvalidFrom} // RFC 6120 §4.9.3.9
	}
	v.server.router.Guard(func() { err = v.route(from, f, t) })
	return err
}

// route tries again when it is known whether the directory has the recipient.
func (v *visit) route(from router.Address, f *frame.Frame, t *stream.Turn) error {
	r := v.server.router
	err := r.FromRemote(from, v.host, f, t)
	var unopened *router.Unopened
	if !errors.As(err, &unopened) {
		return err
	}
	if err := r.Open(v.server.ctx, unopened); err != nil {
		v.server.logger.Debug("directory not asked", slog.Any("error", err)) // the directory says once that it is away
	}
	if err = r.FromRemote(from, v.host, f, t); errors.As(err, &unopened) {
		return nil // nobody can tell who that is: as if there were no such account
	}
	return err
}
