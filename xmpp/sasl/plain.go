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
	s.asserted = len(parts[0]) > 0
	localpart, err := account(s.cfg.Domain, string(parts[0]), string(parts[1]))
	if err != nil {
		return nil, false, err
	}
	password, err := preparePassword(string(parts[2]))
	if err != nil {
		return nil, false, fail(NotAuthorized)
	}
	if s.key, err = s.checkPassword(ctx, localpart, password); err != nil {
		return nil, false, err
	}
	s.localpart = localpart
	return nil, true, nil
}

func (s *Server) checkPassword(ctx context.Context, localpart, password string) (key string, err error) {
	key, err = s.cfg.Backend.Password(ctx, s.cfg.Domain, localpart, password)
	if err == nil {
		return key, nil
	}
	if errors.Is(err, ErrNoAccount) && offersScram(s.cfg.Mechanisms) {
		// A local account costs a PBKDF2; who does not exist must cost the same.
		Invented(s.cfg.Secret, s.cfg.Domain, localpart, Hashes()[0], s.cfg.Iterations).CheckPassword(password)
	}
	return "", backendFailure(err)
}

// Invented returns the verifier of a name that does not exist: always the same for the same name, matched by no password. A
// verifier that is made later with its salt and iterations cannot be told from it before the proof.
func Invented(secret []byte, domain, localpart string, h Hash, iterations uint32) Verifier {
	draw := func(label string, size int) []byte {
		var out []byte
		for n := byte(0); len(out) < size; n++ {
			out = append(out, mac(SHA256, secret, []byte(label), []byte{0, n, byte(h), 0},
				[]byte(domain), []byte{0}, []byte(localpart))...)
		}
		return out[:size]
	}
	return Verifier{
		Hash: h, Salt: draw("salt", SaltSize), Iterations: iterations,
		StoredKey: draw("stored key", h.Size()), ServerKey: draw("server key", h.Size()),
	}
}
