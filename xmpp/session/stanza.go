package session

import (
	"context"
	"errors"
	"log/slog"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// stanza counts and handles a stanza of a bound client. The caller holds handling; later says that another goroutine goes
// on and unlocks it.
func (s *Session) stanza(st *stream.Stream, f *frame.Frame, t *stream.Turn) (later bool, err error) {
	if f.From != nil && string(f.From) != s.res.Full() && !s.isOwn(f.From) {
		return false, &stream.Error{Condition: stream.InvalidFrom} // RFC 6120 §8.1.2.1
	}
	s.count()
	err = s.dispatch(f, t)
	if unopened := (*router.Unopened)(nil); errors.As(err, &unopened) {
		s.openFirst(st, f, unopened)
		return true, nil
	}
	s.handled(t)
	return false, err
}

// isOwn tells whether an address is the client's own, bare or full, in another spelling perhaps.
func (s *Session) isOwn(from []byte) bool {
	a, err := router.ParseAddress(from)
	if err != nil {
		return false
	}
	return string(a.Bytes()) == s.res.Full() || string(a.Bytes()) == s.res.Account.Bare()
}

func (s *Session) dispatch(f *frame.Frame, t *stream.Turn) error {
	r := s.home.Router
	if f.Streams { // could be taken for the server's own word
		r.Refuse(&s.res, f, features.BadRequest(""), t)
		return nil
	}
	switch f.Name {
	case frame.Message:
		return r.Message(&s.res, f, t)
	case frame.Presence:
		return r.Presence(&s.res, f, t)
	}
	if s.pong(f, t) {
		return nil
	}
	return r.IQ(&s.res, f, t)
}

// openFirst asks the directory for the recipient of a stanza, who may never have signed in, while nothing more is read
// from this client; then the stanza is handled.
func (s *Session) openFirst(st *stream.Stream, f *frame.Frame, u *router.Unopened) {
	st.Pause()
	owned := f.Clone()
	s.home.work(func(t *stream.Turn) {
		defer st.Resume()
		defer s.handling.Unlock()
		if err := s.home.Router.Open(context.Background(), u); err != nil {
			s.home.Logger.Debug("directory not asked", slog.Any("error", err)) // the directory says once that it is away
		}
		if err := s.dispatch(&owned, t); err != nil {
			s.home.Logger.Error("stanza not handled", slog.Any("error", err))
		}
		s.handled(t)
	})
}

// nonza handles an element that is no stanza.
func (s *Session) nonza(st *stream.Stream, f *frame.Frame, p phase, t *stream.Turn) error {
	switch string(f.Space) {
	case nsSM:
		return s.manage(st, f, p, t)
	case features.NSCSI:
		return s.indicate(f, p, t)
	case frame.NSStreams:
		if string(f.Local) == "error" { // RFC 6120 §4.9.1.1: it ends the stream
			st.Close("", "")
			return nil
		}
	case frame.NSServer, "jabber:component:accept":
		return &stream.Error{Condition: stream.InvalidNamespace} // RFC 6120 §4.9.3.10
	}
	return &stream.Error{Condition: stream.UnsupportedStanzaType} // RFC 6120 §4.9.3.24
}
