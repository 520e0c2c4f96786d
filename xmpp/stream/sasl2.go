package stream

import (
	"bytes"
	"context"
	"errors"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

// Extensible SASL Profile, XEP-0388 version 1.0.4: the second way to sign in, without a new stream behind it, and together with
// whatever else a client wants done. What that is stands in package session (Inline); tokens are in fast.go, tasks in upgrade.go.
const sasl2Space = "urn:xmpp:sasl:2"

// Limits of what a client says of itself.
const (
	// MaxAgentText is the most bytes that are kept of the name of a client's software, and of its device.
	MaxAgentText = 64
	// agentIDSize is the length of a UUID as text. RFC 9562 §4
	agentIDSize = 36
)

// Agent is an installation of a client. XEP-0388 §2.3
type Agent struct {
	ID       string // a UUID in lower case; empty: the client has none
	Software string
	Device   string
}

// signIn is what <authenticate/> asks for.
type signIn struct {
	agent    Agent
	inline   any    // what Inline made of it
	fast     *fast  // the client has a token
	wanted   string // the mechanism that it wants a token for; empty: none
	upgrades []sasl.Hash
	task     *task  // under way
	data     []byte // of the mechanism's success, until it is sent; nil: none
	issued   Issued
}

// Welcome is <success/>, which the session completes. XEP-0388 §2.6.1
type Welcome struct {
	Request any   // what ParseInline returned
	Agent   Agent // who signs in
	head    []byte
	tail    []byte
}

// Send tells the peer who it is, and what became of what it asked for. identifier is its full JID if a resource was bound, else its
// bare JID. features are those that follow, the limits of the stream not among them; a resumed session gets none, and nil.
// XEP-0198 §6.2
func (w *Welcome) Send(s *Stream, t *Turn, identifier string, results, features []byte) error {
	b := append(w.head, "<authorization-identifier>"...)
	b = append(frame.AppendEscaped(b, identifier), "</authorization-identifier>"...)
	b = append(append(append(b, results...), w.tail...), "</success>"...)
	if features != nil {
		b = append(append(b, "<stream:features>"...), features...)
		b = append(s.offerLimits(b), "</stream:features>"...)
	}
	return t.Send(s, b)
}

// offerSASL2 announces the same mechanisms as RFC 6120's profile does, and what can be asked for together with them. It comes
// behind offerSASL. XEP-0388 §2.1
func (s *Stream) offerSASL2(dst []byte) []byte {
	n, cfg := s.neg, &s.server.cfg
	if !s.Secure() || len(n.mechanisms) == 0 {
		return dst
	}
	dst = append(dst, "<authentication xmlns='"+sasl2Space+"'>"...)
	for _, m := range n.mechanisms {
		dst = append(append(append(dst, "<mechanism>"...), m...), "</mechanism>"...)
	}
	if cfg.Inline != nil || cfg.Devices != nil {
		dst = append(dst, "<inline>"...)
		if cfg.Inline != nil {
			dst = append(dst, cfg.Inline.InlineFeatures()...)
		}
		dst = append(s.offerTokens(dst), "</inline>"...)
	}
	return append(s.offerUpgrades(dst), "</authentication>"...)
}

// takeSASL2 handles the elements of XEP-0388.
func (s *Stream) takeSASL2(f *frame.Frame, t *Turn) error {
	n, kind := s.neg, string(f.Local)
	if !s.Secure() {
		return &Error{Condition: PolicyViolation} // XEP-0388 §3
	}
	if kind == "authenticate" {
		return s.authenticate(f, t)
	}
	switch {
	case n.second == nil && kind == "abort": // of what has failed already
		n.second = &signIn{}
		return s.refuse(sasl.Aborted, nil, t)
	case n.second == nil:
		return &Error{Condition: NotAuthorized}
	case kind == "abort":
		return s.refuse(sasl.Aborted, nil, t) // XEP-0388 §5.5
	case kind == "response" && n.second.task == nil:
		message, err := decode2(f.Body)
		if err == nil {
			err = s.exchange("", message, true, t)
		}
		return s.answered(err, t)
	case (kind == "next" || kind == "task-data") && n.second.task != nil:
		return s.answered(s.takeTask(kind, f, t), t)
	}
	return &Error{Condition: NotAuthorized} // XEP-0388 §2.4
}

// authenticate begins. XEP-0388 §2.3
func (s *Stream) authenticate(f *frame.Frame, t *Turn) error {
	n := s.neg
	if n.second != nil {
		return &Error{Condition: NotAuthorized} // XEP-0388 §5.8
	}
	n.second = &signIn{} // who fails is answered in this profile
	in, err := s.parseSignIn(f)
	if err != nil {
		return s.refuse(sasl.MalformedRequest, nil, t)
	}
	message, has, err := initialResponse(f)
	if err == nil {
		s.begin(in)
		err = s.exchange(string(f.Attr("mechanism")), message, has, t)
	}
	return s.answered(err, t)
}

// errRepeated is returned when something is asked for twice at once: nobody can know which is meant.
var errRepeated = errors.New("asked for twice")

// parseSignIn reads what is asked for. What nobody here knows is not looked at.
func (s *Stream) parseSignIn(f *frame.Frame) (in *signIn, err error) {
	cfg := &s.server.cfg
	in = &signIn{}
	seen := map[string]bool{}
	for i := range f.Children {
		c := &f.Children[i]
		name := string(c.Space) + " " + string(c.Local)
		if repeatable := name == upgradeSpace+" upgrade"; seen[name] && !repeatable {
			return nil, errRepeated
		}
		seen[name] = true
		switch name {
		case sasl2Space + " user-agent":
			if in.agent, err = parseAgent(c); err != nil {
				return nil, err
			}
		case fastSpace + " fast":
			if in.fast, err = parseFast(c); err != nil {
				return nil, err
			}
		case fastSpace + " request-token":
			in.wanted = string(c.Attr("mechanism"))
		case upgradeSpace + " upgrade":
			in.upgrades = appendUpgrade(in.upgrades, string(c.Text()))
		}
	}
	if cfg.Inline != nil {
		in.inline, err = cfg.Inline.ParseInline(f)
	}
	return in, err
}

// initialResponse decodes the first message, if there is one. An empty element is an empty message. XEP-0388 §2.2
func initialResponse(f *frame.Frame) (message []byte, has bool, err error) {
	c := f.Child(sasl2Space, "initial-response")
	if c == nil {
		return nil, false, nil
	}
	message, err = decode2(c.Text())
	return message, true, err
}

// decode2 reads base64 that may have white space around it, as in the examples of XEP-0388. `=` has no meaning of its own.
func decode2(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 1 {
		return nil, &sasl.Failure{Condition: sasl.IncorrectEncoding}
	}
	message, _, err := sasl.Decode(text)
	if message == nil {
		message = []byte{}
	}
	return message, err
}

func (s *Stream) challenge2(out []byte, t *Turn) error {
	b := sasl.AppendEncoded([]byte("<challenge xmlns='"+sasl2Space+"'>"), out)
	if len(out) == 0 {
		b = b[:bytes.IndexByte(b, '>')+1] // nothing is nothing here
	}
	return ignoreEnd(t.Send(s, append(b, "</challenge>"...)))
}

// proven goes on when the exchange has shown who the peer is: with a task, or with the end of the sign-in.
func (s *Stream) proven(ctx context.Context, out []byte, t *Turn) error {
	in, x := s.neg.second, s.neg.sasl
	if x.Asserted() && s.claimed != "" && s.claimed != x.Localpart()+"@"+s.domain {
		return &sasl.Failure{Condition: sasl.InvalidAuthzid} // XEP-0388 §2.3
	}
	if in.data = out; out != nil {
		in.data = append(make([]byte, 0, len(out)), out...)
	}
	if next, err := s.nextTask(ctx, t); next || err != nil {
		return err
	}
	return s.welcome(ctx, t)
}

// welcome ends the sign-in. There is no new stream: the features follow at once. XEP-0388 §2.6.1
func (s *Stream) welcome(ctx context.Context, t *Turn) error {
	in, cfg := s.neg.second, &s.server.cfg
	s.noteDevice(ctx)
	if err := s.admit(); err != nil {
		return err
	}
	s.device = in.issued.Device
	w := &Welcome{Request: in.inline, Agent: in.agent, head: make([]byte, 0, 4096), tail: in.issued.appendTo(nil)}
	w.head = in.appendData(append(w.head, "<success xmlns='"+sasl2Space+"'>"...))
	s.scan.SetLimits(cfg.Limits.After)
	features := s.handOver(nil)
	s.slow(s.account.take(signInBytes, cfg.Clock()))
	if cfg.Inline == nil {
		return ignoreEnd(w.Send(s, t, s.localpart+"@"+s.domain, nil, features))
	}
	return ignoreEnd(cfg.Inline.Welcome(s, w, t))
}

// appendData appends what the mechanism adds to its success, once.
func (in *signIn) appendData(dst []byte) []byte {
	if in.data == nil {
		return dst
	}
	dst = append(dst, "<additional-data>"...)
	if len(in.data) > 0 {
		dst = sasl.AppendEncoded(dst, in.data)
	}
	in.data = nil
	return append(dst, "</additional-data>"...)
}
