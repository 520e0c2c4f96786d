package sasl

import (
	"context"
	"slices"
)

// MaxMessage is the most bytes a decoded message of the peer may have: what fits, in base64, into the 8,192 bytes that an
// element may have before sign-in.
const MaxMessage = 6144

// Backend is what a negotiation asks. Both calls may come from many goroutines at once. Names are prepared localparts
// (RFC 8265 §3.3), domains those given to [New].
type Backend interface {
	// Password checks a password sent by PLAIN; it is prepared, not empty and at most MaxPassword bytes. A nil error means that
	// the peer is that person. key names the password where the person has several: see Keys.
	Password(ctx context.Context, domain, localpart, password string) (key string, err error)
	// Verifier returns the stored keys of one family. ErrNoAccount makes the negotiation go on with invented ones;
	// ErrDisabled comes together with the keys.
	Verifier(ctx context.Context, domain, localpart string, h Hash) (Verifier, error)
}

// Config is what one negotiation is about.
type Config struct {
	Domain     string   // the domain the stream was opened to, prepared
	Mechanisms []string // what was announced on this connection, in that order
	Binding    Binding  // of the TLS connection below
	Backend    Backend
	// Secret makes the invented salts: at least 16 random bytes, the same for the life of the installation, else a name
	// that does not exist is found out by a salt that changed.
	Secret []byte
	// Iterations is what invented verifiers claim; 0 means DefaultIterations. It must be what the domain's accounts have.
	Iterations uint32
	// Tokens checks tokens by the mechanisms of TokenMechanisms; nil: there are none in this negotiation.
	Tokens          Tokens
	TokenMechanisms []string // what was announced for tokens on this connection
}

// Server is one negotiation. It is used by one goroutine and thrown away after done or an error.
type Server struct {
	cfg       Config
	mechanism string
	step      func(ctx context.Context, message []byte) (out []byte, done bool, err error)
	localpart string
	key       string // which of several secrets was proven
	asserted  bool   // the peer said whom it wants to be (authzid)
	done      bool
}

// New returns a negotiation that has not begun.
func New(cfg Config) *Server {
	if cfg.Iterations == 0 {
		cfg.Iterations = DefaultIterations
	}
	return &Server{cfg: cfg}
}

// Start begins with the mechanism the peer chose and, with hasInitial, its first message. It returns the next challenge, or
// with done the data that goes with success (nil for none). Every error is a *Failure. A message that held a password is
// overwritten.
func (s *Server) Start(ctx context.Context, mechanism string, initial []byte, hasInitial bool) (out []byte, done bool, err error) {
	if s.mechanism != "" {
		return nil, false, fail(MalformedRequest)
	}
	s.mechanism = mechanism
	if s.step = s.begin(mechanism); s.step == nil {
		return nil, false, fail(InvalidMechanism)
	}
	if !hasInitial {
		return nil, false, nil // the empty challenge. RFC 4422 §5
	}
	return s.Step(ctx, initial)
}

// begin returns what takes the first message of a mechanism that was announced; nil for any other.
func (s *Server) begin(mechanism string) func(context.Context, []byte) ([]byte, bool, error) {
	if s.cfg.Tokens != nil && slices.Contains(s.cfg.TokenMechanisms, mechanism) {
		return s.token
	}
	if !slices.Contains(s.cfg.Mechanisms, mechanism) {
		return nil
	}
	if mechanism == Plain {
		return s.plain
	}
	if h, plus, ok := scramOf(mechanism); ok {
		return (&scram{server: s, hash: h, plus: plus}).first
	}
	return nil
}

// Step takes the peer's next message; results as of Start.
func (s *Server) Step(ctx context.Context, response []byte) (out []byte, done bool, err error) {
	step := s.step
	if step == nil || s.done {
		return nil, false, fail(MalformedRequest)
	}
	s.step = nil // whatever fails stays failed
	if len(response) > MaxMessage {
		return nil, false, fail(MalformedRequest)
	}
	out, done, err = step(ctx, response)
	if err != nil {
		return nil, false, err
	}
	s.done = done
	return out, done, nil
}

// Localpart returns whose password or key was proven; empty before done.
func (s *Server) Localpart() string {
	if !s.done {
		return ""
	}
	return s.localpart
}

// Key names which of several secrets of the person was proven (Keys.ID); empty for the account's own password and for a token.
func (s *Server) Key() string {
	if !s.done {
		return ""
	}
	return s.key
}

// Asserted tells whether the peer named itself twice, by an authzid too. RFC 4422 §3.4.1
func (s *Server) Asserted() bool { return s.asserted }

// Mechanism returns what the peer chose; empty before Start.
func (s *Server) Mechanism() string { return s.mechanism }
