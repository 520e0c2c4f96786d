package stream

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"protokoll/internal/peer"
	"protokoll/internal/wheel"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

// Authenticator says who may sign in. Its calls may block (a directory is asked) and come from many goroutines.
type Authenticator interface {
	sasl.Backend
	// Mechanisms returns what a domain offers, the strongest first, always the same for one domain; nil where the domain is
	// not ours. What a connection cannot do (-PLUS without anything to bind to) is left out by the stream.
	Mechanisms(domain string) []string
}

// Sessions is what a stream hands over to once its peer has signed in. Calls for one stream never overlap; a call that
// blocks holds up its own stream only.
type Sessions interface {
	// Features returns the children of <stream:features/> after sign-in.
	Features(s *Stream) []byte
	// Element is called for every element after sign-in, in order. f is valid during the call only. An *Error
	// ends the stream with that error; any other error with internal-server-error.
	Element(s *Stream, f *frame.Frame, t *Turn) error
	// Closed is called exactly once for every stream for which Features was called, after the last Element: reason is nil
	// when the peer closed the stream, else an *Error or one of the sentinels of this package.
	Closed(s *Stream, t *Turn, reason error)
}

// Inline carries out what clients ask for together with signing in. XEP-0388 §2.3
type Inline interface {
	// InlineFeatures returns the children of <inline/>, the same for all.
	InlineFeatures() []byte
	// ParseInline reads what is asked for in <authenticate/>; f is valid during the call only. Its error is answered with
	// malformed-request, before any password is looked at.
	ParseInline(f *frame.Frame) (any, error)
	// Welcome is called instead of everything else for a peer that signed in by SASL2, right behind Sessions.Features: it does
	// what was asked for and calls w.Send, now or later. Errors as of Sessions.Element.
	Welcome(s *Stream, w *Welcome, t *Turn) error
}

// Config is what a Server needs.
type Config struct {
	Domains       func(domain string) bool // whether a domain, prepared by RFC 7622 §3.2, is ours
	Certificate   func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Authenticator Authenticator
	Sessions      Sessions
	Inline        Inline   // nil: SASL2 signs in and does nothing else
	Devices       Devices  // nil: devices are not told apart, and there are no tokens
	Upgrades      Upgrades // nil: keys are not added at sign-in
	Limits        Limits
	Origins       *peer.Origins    // limits by origin; nil: none
	Wheel         *wheel.Wheel     // nil: one of its own
	Logger        *slog.Logger     // nil: nothing is logged
	Clock         func() time.Time // nil: time.Now
	Secret        []byte           // of package sasl: at least 16 bytes
	Iterations    uint32           // of package sasl: what local accounts have
}

var errConfig = errors.New("stream: Domains, Certificate, Authenticator, Sessions and a Secret of 16 bytes are needed")

func (c Config) withDefaults() (Config, error) {
	if c.Domains == nil || c.Certificate == nil || c.Authenticator == nil || c.Sessions == nil || len(c.Secret) < 16 {
		return c, errConfig
	}
	c.Limits = c.Limits.withDefaults()
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Origins == nil {
		c.Origins = peer.NewOrigins(peer.Limits{}, c.Clock)
	}
	if c.Wheel == nil {
		c.Wheel = wheel.New(0)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
