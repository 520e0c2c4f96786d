package router

import (
	"bytes"
	"errors"
	"log/slog"

	"protokoll/accounts"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Conditions that only routing uses. RFC 6120 §8.3.3
var (
	errNoSuchServer = &features.Error{Type: "cancel", Condition: "remote-server-not-found"} // RFC 6120 §8.3.3.16
	errTimeout      = &features.Error{Type: "wait", Condition: "remote-server-timeout"}     // RFC 6120 §8.3.3.17
	errGone         = &features.Error{Type: "wait", Condition: "recipient-unavailable"}     // RFC 6120 §8.3.3.13
	errInvalid      = features.BadRequest("")
)

// conditionOf returns what a sender is told about an error of ours.
func (r *Router) conditionOf(err error) *features.Error {
	switch {
	case errors.Is(err, ErrMalformed):
		return features.JIDMalformed()
	case errors.Is(err, ErrNotOurs):
		return errNoSuchServer
	case errors.Is(err, ErrUnreachable):
		return errTimeout
	case errors.Is(err, ErrCongested):
		return features.ResourceConstraint() // RFC 6120 §8.3.3.18: wait
	case errors.Is(err, accounts.ErrNoAccount):
		return features.ServiceUnavailable() // RFC 6121 §8.5.1
	}
	if errors.Is(err, ErrUndecided) {
		return features.ResourceConstraint() // RFC 6120 §8.3.3.18: wait
	}
	e := features.StanzaError(err)
	if e.Condition == "internal-server-error" {
		r.Logger.Error("stanza not routed", slog.Any("error", err))
	}
	return e
}

// Refuse answers a stanza with an error, unless it must not be answered. RFC 6120 §8.3.1
func (r *Router) Refuse(from *Resource, f *frame.Frame, err error, t *stream.Turn) {
	if unanswerable(f) {
		return
	}
	p := errorStanza(f, string(f.To), from.full, r.conditionOf(err))
	p.Answer = true
	from.Outlet.Deliver(t, p)
}

// errorStanza answers f: from whom it was meant for, to whom it came from.
func errorStanza(f *frame.Frame, from, to string, e *features.Error) Parcel {
	tag := frame.Tag{Name: string(f.Local), From: from, To: to, ID: string(f.ID), Type: "error"}
	return Parcel{Head: tag.AppendTo(nil, e.Append(echo(f, e))), Kept: true}
}

// maxEcho is the largest payload in bytes that an error repeats.
const maxEcho = 4 << 10

// echo returns what an error repeats of the stanza that it answers: the payload if it stands for itself. RFC 6120 §8.3.1
func echo(f *frame.Frame, e *features.Error) []byte {
	p := f.Payload()
	if e.Beside != nil {
		return bytes.Clone(e.Beside)
	}
	if !e.Echo || p == nil || len(p.Raw) > maxEcho {
		return nil
	}
	if _, err := frame.Parse(p.Raw, frame.NSClient, storedLimits); err != nil {
		return nil // a prefix is declared outside it
	}
	return bytes.Clone(p.Raw)
}

// bounce tells the sender of a message that it failed.
func (r *Router) bounce(d *Duty, e *features.Error, t *stream.Turn) {
	f, err := frame.Parse(d.stanza, frame.NSClient, storedLimits)
	if err != nil {
		r.Logger.Error("message cannot be bounced", slog.Any("error", err))
		return
	}
	sender := split([]byte(d.sender))
	p := errorStanza(&f, string(f.To), d.sender, e)
	a := r.peek(sender.Bare())
	if a == nil {
		_ = r.forward(sender, p.Head) // a foreigner's; nobody else waits for it
		return
	}
	s := a.snap.Load()
	v := s.find(sender.Bytes())
	if v == nil {
		return
	}
	v.Outlet.Deliver(t, p)
	if s.wantsCopies() && a.copied.has(split(f.To), f.ID) {
		r.copyError(v.Resource, s, p.Head, t)
	}
}

// storedLimits are for stanzas that the server itself wrote: what was accepted, and what was added.
var storedLimits = frame.Limits{StanzaBytes: 2 * frame.ServerStanzaBytes, Depth: 2 * frame.MaxDepth,
	Attributes: 2 * frame.MaxAttributes, Namespaces: 2 * frame.MaxNamespaces, Children: 2 * frame.ClientChildren}

func appendEscaped[T string | []byte](dst []byte, text T) []byte {
	return frame.AppendEscaped(dst, text)
}
