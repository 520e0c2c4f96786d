package sasl

import (
	"bytes"
	"context"
	"errors"
	"unicode/utf8"
)

// plain takes the one message of PLAIN: authzid NUL authcid NUL password. RFC 4616 §2.
func (s *Server) plain(ctx context.Context, message []byte) ([]byte, bool, error) {
	defer clear(message) // it holds the password
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return nil, false, fail(MalformedRequest)
	}
	if !utf8.Valid(message) {
		return nil, false, fail(MalformedRequest)
	}
	localpart, err := account(s.cfg.Domain, string(parts[0]), string(parts[1]))
	if err != nil {
		return nil, false, err
	}
	password, err := preparePassword(string(parts[2]))
	if err != nil {
		return nil, false, fail(NotAuthorized)
	}
	if err := s.checkPassword(ctx, localpart, password); err != nil {
		return nil, false, err
	}
	s.localpart = localpart
	return nil, true, nil
}

func (s *Server) checkPassword(ctx context.Context, localpart, password string) error {
	err := s.cfg.Backend.Password(ctx, s.cfg.Domain, localpart, password)
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrNoAccount) && offersScram(s.cfg.Mechanisms) {
		// A local account costs a PBKDF2; who does not exist must cost the same.
		s.invented(localpart, Hashes()[0]).CheckPassword(password)
	}
	return backendFailure(err)
}

// invented returns the verifier of a name that does not exist: always the same for the same name, matched by no password.
func (s *Server) invented(localpart string, h Hash) Verifier {
	draw := func(label string, size int) []byte {
		var out []byte
		for n := byte(0); len(out) < size; n++ {
			out = append(out, mac(SHA256, s.cfg.Secret, []byte(label), []byte{0, n, byte(h), 0},
				[]byte(s.cfg.Domain), []byte{0}, []byte(localpart))...)
		}
		return out[:size]
	}
	return Verifier{
		Hash: h, Salt: draw("salt", SaltSize), Iterations: s.cfg.Iterations,
		StoredKey: draw("stored key", h.Size()), ServerKey: draw("server key", h.Size()),
	}
}
