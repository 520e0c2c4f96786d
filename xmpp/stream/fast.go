package stream

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"protokoll/internal/peer"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

// Fast Authentication Streamlining Tokens, XEP-0484 version 0.2.0: a client that has signed in once gets a token, with which one
// message is enough the next time. What tokens are, and how long they live, is for Devices. No early data of TLS is taken, so none is
// announced (tls-0rtt); a count is checked all the same where a client sends one.
const fastSpace = "urn:xmpp:fast:0"

// Devices knows which devices sign in to an account, and their tokens. Its calls may block and come from many goroutines.
type Devices interface {
	// Redeem checks a token. Its error is one of those of sasl.Tokens. With it a new one may be issued.
	Redeem(ctx context.Context, domain, localpart string, use Redemption) (Issued, error)
	// SignedIn notes that a device has signed in with a password, and issues a token where one is wanted.
	SignedIn(ctx context.Context, domain, localpart string, in SignedIn) (Issued, error)
}

// Redemption is a sign-in with a token.
type Redemption struct {
	Agent      Agent
	Mechanism  string                   // that of the token
	Count      *uint32                  // how often the client has tried this token; nil: it does not say
	Invalidate bool                     // the token is to be forgotten
	Wanted     string                   // the mechanism that a new token is wanted for; empty: none
	Try        func(secret []byte) bool // whether the client has proven a token
}

// SignedIn is a sign-in with a password.
type SignedIn struct {
	Agent  Agent
	Key    string // which password, see sasl.Keys
	Wanted string // the mechanism that a token is wanted for; empty: none
}

// Issued is what a device gets.
type Issued struct {
	Device  string // names the device towards its owner; empty where it did not say which it is
	Token   string // empty: none
	Expires time.Time
}

// appendTo appends <token/>. XEP-0484 §3.3
func (i Issued) appendTo(dst []byte) []byte {
	if i.Token == "" {
		return dst
	}
	dst = append(dst, "<token xmlns='"+fastSpace+"' expiry='"...)
	dst = i.Expires.UTC().AppendFormat(dst, time.RFC3339)
	dst = append(dst, "' token='"...)
	return append(frame.AppendEscaped(dst, i.Token), "'/>"...)
}

// fast is what comes with a token. XEP-0484 §3.4, §3.6
type fast struct {
	count      *uint32
	invalidate bool
}

var errFast = errors.New("not a count, or not a truth value")

func parseFast(c *frame.Child) (*fast, error) {
	f := &fast{}
	if text := c.Attr("count"); text != nil {
		n, err := strconv.ParseUint(string(text), 10, 31) // xs:int
		if err != nil {
			return nil, errFast
		}
		count := uint32(n)
		f.count = &count
	}
	switch string(c.Attr("invalidate")) {
	case "", "false", "0":
	case "true", "1":
		f.invalidate = true
	default:
		return nil, errFast
	}
	return f, nil
}

// offerTokens announces what tokens can be used by. XEP-0484 §3.1
func (s *Stream) offerTokens(dst []byte) []byte {
	if s.server.cfg.Devices == nil {
		return dst
	}
	dst = append(dst, "<fast xmlns='"+fastSpace+"'>"...)
	for _, m := range sasl.TokenMechanisms(s.neg.binding) {
		dst = append(append(append(dst, "<mechanism>"...), m...), "</mechanism>"...)
	}
	return append(dst, "</fast>"...)
}

// redeemer asks Devices on behalf of a sign-in.
type redeemer struct{ stream *Stream }

// Redeem implements sasl.Tokens.
func (r redeemer) Redeem(ctx context.Context, domain, localpart string, try func([]byte) bool) (err error) {
	s := r.stream
	in := s.neg.second
	if in.agent.ID == "" { // tokens are a device's own. XEP-0484 §4.1
		return sasl.ErrNotAuthorized
	}
	if err := (turnstile{s}).wait(ctx, localpart); err != nil {
		return err
	}
	in.issued, err = s.server.cfg.Devices.Redeem(ctx, domain, localpart, Redemption{
		Agent: in.agent, Mechanism: s.neg.sasl.Mechanism(), Count: in.fast.count, Invalidate: in.fast.invalidate,
		Wanted: s.wanted(in), Try: try,
	})
	return err
}

// wanted is the mechanism that a token is wanted for, empty for one that was not announced.
func (s *Stream) wanted(in *signIn) string {
	for _, m := range sasl.TokenMechanisms(s.neg.binding) {
		if m == in.wanted {
			return m
		}
	}
	return ""
}

// noteDevice tells Devices who has signed in with a password. Where that fails the client is let in without a token.
func (s *Stream) noteDevice(ctx context.Context) {
	in, x := s.neg.second, s.neg.sasl
	if s.server.cfg.Devices == nil || in.agent.ID == "" || sasl.IsToken(x.Mechanism()) {
		return
	}
	s.conn.StepAside() // it may wait for the disk
	issued, err := s.server.cfg.Devices.SignedIn(ctx, s.domain, x.Localpart(), SignedIn{Agent: in.agent, Key: x.Key(), Wanted: s.wanted(in)})
	if err != nil {
		s.server.cfg.Logger.Warn("device not noted", slog.String("stream", s.id), slog.Any("error", peer.Clean(err)))
		return
	}
	in.issued = issued
}
