package stream

import (
	"context"
	"errors"
	"log/slog"

	"protokoll/internal/peer"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

// maxUnbound is how many tries to bind to what the connection does not have are not counted: one for each SCRAM mechanism.
const maxUnbound = 6

const (
	saslSpace    = "urn:ietf:params:xml:ns:xmpp-sasl"
	bindingSpace = "urn:xmpp:sasl-cb:0"
)

// offerSASL announces the mechanisms of the domain. RFC 6120 §6.4.1.
func (s *Stream) offerSASL(dst []byte) []byte {
	if !s.Secure() {
		return dst
	}
	s.neg.mechanisms = s.neg.binding.Offered(s.server.cfg.Authenticator.Mechanisms(s.domain))
	if len(s.neg.mechanisms) == 0 {
		return dst
	}
	dst = append(dst, "<mechanisms xmlns='"+saslSpace+"'>"...)
	for _, m := range s.neg.mechanisms {
		dst = append(append(append(dst, "<mechanism>"...), m...), "</mechanism>"...)
	}
	return append(dst, "</mechanisms>"...)
}

// offerBinding announces what a -PLUS mechanism can bind to. XEP-0440 §3.
func (s *Stream) offerBinding(dst []byte) []byte {
	if !s.Secure() || !sasl.OffersPlus(s.neg.mechanisms) {
		return dst
	}
	dst = append(dst, "<sasl-channel-binding xmlns='"+bindingSpace+"'>"...)
	for _, name := range s.neg.binding.Types() {
		dst = append(append(append(dst, "<channel-binding type='"...), name...), "'/>"...)
	}
	return append(dst, "</sasl-channel-binding>"...)
}

// takeSASL handles the elements of RFC 6120 §6.4.
func (s *Stream) takeSASL(f *frame.Frame, t *Turn) error {
	kind := string(f.Local)
	switch {
	case kind != "auth" && kind != "response" && kind != "abort":
		return &Error{Condition: UnsupportedStanzaType}
	case !s.Secure():
		return s.refuse(sasl.EncryptionRequired, nil, t) // RFC 6120 §6.5.4
	case kind == "abort":
		return s.refuse(sasl.Aborted, nil, t) // RFC 6120 §6.4.4
	}
	message, has, err := sasl.Decode(f.Body)
	if err == nil && kind == "auth" {
		s.begin(nil)
		err = s.exchange(string(f.Attr("mechanism")), message, has, t)
	} else if err == nil {
		err = s.exchange("", message, has, t)
	}
	return s.answered(err, t)
}

// answered answers a failure of the exchange, and passes on any other error.
func (s *Stream) answered(err error, t *Turn) error {
	var failure *sasl.Failure
	if errors.As(err, &failure) {
		s.logFailure(failure)
		if errors.Is(failure, sasl.ErrBinding) && s.neg.unbound < maxUnbound {
			s.neg.unbound++
			return s.fail(failure.Condition, nil, t) // no password was tried
		}
		return s.refuse(failure.Condition, s.inWords(failure), t)
	}
	return err
}

// begin makes the negotiation that the next exchange starts. in is what SASL2 was asked for, nil for the profile of RFC 6120.
func (s *Stream) begin(in *signIn) {
	n, cfg := s.neg, &s.server.cfg
	n.asked, n.second = "", in
	c := sasl.Config{Domain: s.domain, Mechanisms: n.mechanisms, Binding: n.binding,
		Backend: turnstile{s}, Secret: cfg.Secret, Iterations: cfg.Iterations}
	if in != nil && in.fast != nil && cfg.Devices != nil {
		c.Tokens, c.TokenMechanisms = redeemer{s}, sasl.TokenMechanisms(n.binding)
	}
	n.sasl = sasl.New(c)
}

// exchange hands one message on, the first one with its mechanism, and answers with what comes back. It asks the Authenticator and
// may take its time.
func (s *Stream) exchange(mechanism string, message []byte, has bool, t *Turn) error {
	ctx, cancel := context.WithTimeout(s.server.signIns, s.server.cfg.Limits.Login)
	defer cancel()
	var out []byte
	var done bool
	var err error
	switch n := s.neg; {
	case n.sasl == nil:
		return &sasl.Failure{Condition: sasl.MalformedRequest}
	case n.sasl.Mechanism() == "":
		out, done, err = n.sasl.Start(ctx, mechanism, message, has)
	default:
		out, done, err = n.sasl.Step(ctx, message)
	}
	switch {
	case err != nil:
		return err
	case done && s.neg.second != nil:
		return s.proven(ctx, out, t)
	case done:
		return s.succeed(out, t)
	case s.neg.second != nil:
		return s.challenge2(out, t)
	}
	return ignoreEnd(t.Send(s, sasl.AppendEncoded([]byte("<challenge xmlns='"+saslSpace+"'>"), out), []byte("</challenge>")))
}

// succeed ends the sign-in; the peer opens the stream anew. RFC 6120 §6.4.6.
func (s *Stream) succeed(out []byte, t *Turn) error {
	if err := s.admit(); err != nil {
		return err
	}
	s.neg.signedIn = true
	s.scan.Reset(s.server.cfg.Limits.After)
	b := append(make([]byte, 0, 128), "<success xmlns='"+saslSpace+"'"...)
	if len(out) == 0 {
		b = append(b, "/>"...)
	} else {
		b = append(sasl.AppendEncoded(append(b, '>'), out), "</success>"...)
	}
	err := ignoreEnd(t.Send(s, b))
	s.began = false
	s.slow(s.account.take(signInBytes, s.server.cfg.Clock()))
	return err
}

// admit makes the stream that of whoever the exchange has proven.
func (s *Stream) admit() error {
	localpart := s.neg.sasl.Localpart()
	s.neg.sasl = nil
	if s.account = s.server.admit(s.domain, localpart); s.account == nil {
		return &Error{Condition: ResourceConstraint, Text: "too many connections of this account"}
	}
	s.localpart = localpart
	return nil
}

// refuse answers with a failure that counts: against the stream, which ends after Limits.Attempts of them (RFC 6120 §6.4.5), and
// against name and origin.
func (s *Stream) refuse(condition string, text []byte, t *Turn) error {
	n := s.neg
	n.refused++
	switch condition {
	case sasl.NotAuthorized, sasl.InvalidAuthzid, sasl.AccountDisabled:
		s.server.cfg.Origins.Failed(s.lease.Origin(), n.asked)
	}
	return s.fail(condition, text, t)
}

// inWords is the <text/> of a failure, if it has one. RFC 6120 §6.4.5, §6.5.
func (s *Stream) inWords(f *sasl.Failure) []byte {
	text, lang := f.Text(s.lang)
	if text == "" {
		return nil
	}
	return append(frame.AppendEscaped([]byte("<text xml:lang='"+lang+"'>"), text), "</text>"...)
}

// fail ends the exchange. RFC 6120 §6.4.5.
func (s *Stream) fail(condition string, text []byte, t *Turn) error {
	b := "<failure xmlns='" + saslSpace + "'><" + condition + "/>"
	if s.neg.second != nil { // XEP-0388 §2.6.2
		b = "<failure xmlns='" + sasl2Space + "'><" + condition + " xmlns='" + saslSpace + "'/>"
	}
	s.neg.sasl, s.neg.second = nil, nil
	if err := t.Send(s, []byte(b), text, []byte("</failure>")); err != nil {
		return nil //nolint:nilerror // the stream is ending already
	}
	if s.neg.refused >= s.server.cfg.Limits.Attempts {
		return &Error{Condition: PolicyViolation}
	}
	return nil
}

// logFailure tells the operator what is his to mend; a wrong password is nobody's news. Who answers sasl.ErrTemporary has said
// once what is wrong, and need not be repeated at every sign-in.
func (s *Stream) logFailure(f *sasl.Failure) {
	log, level := s.server.cfg.Logger, slog.LevelDebug
	attrs := []slog.Attr{slog.String("stream", s.id), slog.String("condition", f.Condition)}
	if f.Condition == sasl.TemporaryAuthFailure && f.Unwrap() != nil && !errors.Is(f, sasl.ErrTemporary) {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("error", peer.Clean(f.Unwrap())))
	}
	log.LogAttrs(context.Background(), level, "sign-in refused", attrs...)
}

// ignoreEnd drops the error of a stream that is ending already: nothing more is to be done about it.
func ignoreEnd(err error) error {
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrSlow) {
		return nil
	}
	return err
}
