package stream

import (
	"strconv"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

// negotiation is what a stream keeps until its peer has signed in.
type negotiation struct {
	handshake  bool // TLS comes next
	mechanisms []string
	binding    sasl.Binding
	sasl       *sasl.Server // between <auth/> and its end
	second     *signIn      // what SASL2 was asked for, until its end; nil: nothing
	refused    int          // sign-ins that count
	unbound    int          // those that do not, because they only wanted another channel binding
	asked      string       // the name whose password is being checked
	signedIn   bool         // the header of the authenticated stream comes next
}

// feature is one step of the negotiation: what it announces, and the elements of its namespace.
type feature struct {
	space string
	offer func(s *Stream, dst []byte) []byte // appends nothing where it has nothing to offer now
	take  func(s *Stream, f *frame.Frame, t *Turn) error
}

// features lists the steps in the order they are announced. One more way to sign in is one more entry.
func features() []feature {
	return []feature{
		{tlsSpace, (*Stream).offerTLS, (*Stream).takeTLS},
		{saslSpace, (*Stream).offerSASL, (*Stream).takeSASL},
		{sasl2Space, (*Stream).offerSASL2, (*Stream).takeSASL2},
		{bindingSpace, (*Stream).offerBinding, nil},
		{limitsSpace, (*Stream).offerLimits, nil},
	}
}

// negotiate handles an element from a peer that has not signed in.
func (s *Stream) negotiate(f *frame.Frame, t *Turn) error {
	if f.Name != frame.Other || s.neg.signedIn {
		return &Error{Condition: NotAuthorized} // RFC 6120 §4.9.3.12
	}
	if s.neg.second != nil && string(f.Space) != sasl2Space {
		return &Error{Condition: NotAuthorized} // XEP-0388 §2.4
	}
	for _, feature := range features() {
		if feature.take != nil && string(f.Space) == feature.space {
			return feature.take(s, f, t)
		}
	}
	if !s.Secure() {
		return &Error{Condition: PolicyViolation}
	}
	return &Error{Condition: UnsupportedStanzaType} // RFC 6120 §4.9.3.24
}

// sendFeatures announces what comes next, and with the last step hands the stream over to Sessions. RFC 6120 §4.3.2.
func (s *Stream) sendFeatures(t *Turn) error {
	b := append(make([]byte, 0, 2048), "<stream:features>"...)
	if s.neg.signedIn {
		b = s.offerLimits(s.handOver(b))
	} else {
		for _, f := range features() {
			b = f.offer(s, b)
		}
	}
	if err := t.Send(s, append(b, "</stream:features>"...)); err != nil {
		return nil //nolint:nilerror // the stream is ending already
	}
	return nil
}

// handOver ends the negotiation: from now on the stream is the session's. It appends the features of the session,
// without the limits.
func (s *Stream) handOver(dst []byte) []byte {
	s.neg = nil
	l := s.server.cfg.Limits
	s.bucket = bucket{rate: l.Rate, burst: l.Burst}
	s.SetIdleLimit(l.Idle)
	return append(dst, s.server.cfg.Sessions.Features(s)...)
}

const limitsSpace = "urn:xmpp:stream-limits:0"

// offerLimits announces the limits that are enforced from now on. XEP-0478 §3.
func (s *Stream) offerLimits(dst []byte) []byte {
	l := s.server.cfg.Limits
	bytes, idle := l.After.StanzaBytes, l.Idle
	if s.neg != nil {
		bytes, idle = l.Before.StanzaBytes, l.Login
	}
	dst = append(dst, "<limits xmlns='"+limitsSpace+"'><max-bytes>"...)
	dst = strconv.AppendInt(dst, int64(bytes), 10)
	dst = append(dst, "</max-bytes><idle-seconds>"...)
	dst = strconv.AppendInt(dst, int64(idle.Seconds()), 10)
	return append(dst, "</idle-seconds></limits>"...)
}
