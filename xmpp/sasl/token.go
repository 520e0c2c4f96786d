package sasl

import (
	"bytes"
	"context"
	"crypto/subtle"
	"slices"
	"unicode/utf8"
)

// Hashed tokens: the HT family of mechanisms with SHA-256 (draft-schmaus-kitten-sasl-ht-09), by which a client proves in one
// message that it has a token, and the server answers in kind. XEP-0484 §3.1

// Names of the mechanisms, by what they bind to.
const (
	TokenExporter = "HT-SHA-256-EXPR" // tls-exporter
	TokenUnique   = "HT-SHA-256-UNIQ" // tls-unique, which only TLS 1.2 has
	TokenEndPoint = "HT-SHA-256-ENDP" // tls-server-end-point
	TokenUnbound  = "HT-SHA-256-NONE" // nothing: for clients that cannot look into TLS, such as those in a browser
)

// Tokens is what a negotiation with a hashed token asks.
type Tokens interface {
	// Redeem finds the token of a name. try says whether the peer has proven a secret; it is called for each that is worth
	// trying, and all of them take the same time. A nil error means that one of them was right and may be used:
	// ErrNotAuthorized and ErrExpired, ErrDisabled as for Backend.
	Redeem(ctx context.Context, domain, localpart string, try func(secret []byte) bool) error
}

// TokenMechanisms lists what tokens can be used by on a connection, the strongest first.
func TokenMechanisms(b Binding) []string {
	all := make([]string, 0, 4)
	if b.Exporter != nil {
		all = append(all, TokenExporter)
	}
	if b.Unique != nil {
		all = append(all, TokenUnique)
	}
	if b.EndPoint != nil {
		all = append(all, TokenEndPoint)
	}
	return append(all, TokenUnbound)
}

// IsToken tells whether a mechanism is one of those for tokens.
func IsToken(mechanism string) bool {
	return slices.Contains([]string{TokenExporter, TokenUnique, TokenEndPoint, TokenUnbound}, mechanism)
}

// tokenData returns what a mechanism binds to.
func (b Binding) tokenData(mechanism string) []byte {
	switch mechanism {
	case TokenExporter:
		return b.Exporter
	case TokenUnique:
		return b.Unique
	case TokenEndPoint:
		return b.EndPoint
	}
	return nil
}

// token takes the one message of the client: authcid NUL HMAC(token, "Initiator" channel-binding-data).
func (s *Server) token(ctx context.Context, message []byte) ([]byte, bool, error) {
	name, hashed, found := bytes.Cut(message, []byte{0})
	if !found || len(name) == 0 || len(hashed) != SHA256.Size() {
		return nil, false, fail(MalformedRequest)
	}
	if !utf8.Valid(name) {
		return nil, false, fail(MalformedRequest)
	}
	localpart, err := account(s.cfg.Domain, "", string(name))
	if err != nil {
		return nil, false, err
	}
	data := s.cfg.Binding.tokenData(s.mechanism)
	var proven []byte
	err = s.cfg.Tokens.Redeem(ctx, s.cfg.Domain, localpart, func(secret []byte) bool {
		right := subtle.ConstantTimeCompare(mac(SHA256, secret, []byte("Initiator"), data), hashed) == 1
		if right {
			proven = bytes.Clone(secret)
		}
		return right
	})
	switch {
	case err != nil:
		return nil, false, backendFailure(err)
	case proven == nil: // the backend asked nobody
		return nil, false, fail(NotAuthorized)
	}
	s.localpart = localpart
	return mac(SHA256, proven, []byte("Responder"), data), true, nil
}
