package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

const (
	// DefaultIterations is how often PBKDF2 hashes a new password. RFC 7677 §4 asks for 4,096 at least; more costs the
	// client at sign-in and whoever stole the verifiers, and the server only under PLAIN (1.7 ms at 10,000).
	DefaultIterations = 10_000
	// MinIterations is the least that is accepted. RFC 5802 §5.1.
	MinIterations = 4096
	// MaxIterations bounds what a stored verifier may make a client or PLAIN compute (0.2 s).
	MaxIterations = 1_000_000
	// MaxPassword is the most bytes a password may have.
	MaxPassword = 1024
	// SaltSize is the length of a salt in bytes.
	SaltSize = 16
)

// ErrPassword is returned when a text cannot be a password: empty, above MaxPassword bytes, or refused by RFC 8265 §4.2
// (control characters, broken UTF-8).
var ErrPassword = errors.New("sasl: not usable as a password")

// Verifier is what is stored of a password for one SCRAM family. RFC 5802 §3.
type Verifier struct {
	Hash       Hash
	Salt       []byte // SaltSize random bytes
	Iterations uint32
	StoredKey  []byte // H(HMAC(SaltedPassword, "Client Key"))
	ServerKey  []byte // HMAC(SaltedPassword, "Server Key")

	// Others are keys made of other passwords of the same person with the same salt and iterations: a client is told those
	// before anybody knows which password it has. That is sound for passwords that are random and long only.
	Others []Keys
}

// Keys are those of one of several passwords.
type Keys struct {
	ID        string // names the password; empty for the account's own
	StoredKey []byte
	ServerKey []byte
}

// NewVerifiers makes the verifiers of a password, one for each of Hashes, each with its own salt.
func NewVerifiers(password string, iterations uint32) ([]Verifier, error) {
	if iterations < MinIterations || iterations > MaxIterations {
		return nil, fmt.Errorf("sasl: %d iterations, not within %d to %d", iterations, MinIterations, MaxIterations)
	}
	prepared, err := preparePassword(password)
	if err != nil {
		return nil, err
	}
	vs := make([]Verifier, 0, len(Hashes()))
	for _, h := range Hashes() {
		salt := make([]byte, SaltSize)
		if _, err := rand.Read(salt); err != nil {
			return nil, fmt.Errorf("sasl: make a salt: %w", err)
		}
		v, err := derive(h, prepared, salt, iterations)
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

// CheckPassword says whether the verifier was made from this password, Others not looked at. It costs one PBKDF2 (0.7 ms at 4,096 iterations
// of SHA-256) and compares in constant time.
func (v Verifier) CheckPassword(password string) bool {
	prepared, err := preparePassword(password)
	if err != nil || v.check() != nil {
		return false
	}
	other, err := derive(v.Hash, prepared, v.Salt, v.Iterations)
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(v.StoredKey, other.StoredKey) == 1
}

// check refuses a verifier that cannot have been made by NewVerifiers or an import.
func (v Verifier) check() error {
	n := v.Hash.Size()
	if n == 0 || len(v.StoredKey) != n || len(v.ServerKey) != n || len(v.Salt) == 0 || v.Iterations == 0 || v.Iterations > MaxIterations {
		return errors.New("sasl: stored verifier is damaged")
	}
	for _, k := range v.Others {
		if len(k.StoredKey) != n || len(k.ServerKey) != n {
			return errors.New("sasl: stored verifier is damaged")
		}
	}
	return nil
}

// Rederive makes the verifier that goes with another one: of this password, with the same hash, salt and iterations.
func (v Verifier) Rederive(password string) (Verifier, error) {
	prepared, err := preparePassword(password)
	if err != nil {
		return Verifier{}, err
	}
	return derive(v.Hash, prepared, v.Salt, v.Iterations)
}

// NewSalt returns a salt for a verifier whose salted password the client computes. XEP-0480 §3
func NewSalt() []byte {
	salt := make([]byte, SaltSize)
	_, _ = rand.Read(salt) // never fails: crypto/rand crashes the program instead
	return salt
}

// FromSalted makes the verifier of a salted password. It returns ErrPassword where that is not as long as a digest.
func FromSalted(h Hash, salted, salt []byte, iterations uint32) (Verifier, error) {
	if h.Size() == 0 || len(salted) != h.Size() {
		return Verifier{}, ErrPassword
	}
	return keysOf(h, salted, salt, iterations), nil
}

func derive(h Hash, password string, salt []byte, iterations uint32) (Verifier, error) {
	salted, err := pbkdf2.Key(h.New, password, salt, int(iterations), h.Size())
	if err != nil {
		return Verifier{}, fmt.Errorf("sasl: derive keys: %w", err)
	}
	return keysOf(h, salted, salt, iterations), nil
}

// keysOf is RFC 5802 §3.
func keysOf(h Hash, salted, salt []byte, iterations uint32) Verifier {
	clientKey := mac(h, salted, []byte("Client Key"))
	return Verifier{
		Hash: h, Salt: salt, Iterations: iterations,
		StoredKey: digest(h, clientKey),
		ServerKey: mac(h, salted, []byte("Server Key")),
	}
}

// preparePassword brings every spelling of a password to one. RFC 8265 §4.2.
func preparePassword(password string) (string, error) {
	if password == "" || len(password) > MaxPassword || !utf8.ValidString(password) {
		return "", ErrPassword
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil || prepared == "" || len(prepared) > MaxPassword {
		return "", ErrPassword // the library's text may quote the input
	}
	return prepared, nil
}

func mac(h Hash, key []byte, parts ...[]byte) []byte {
	m := hmac.New(func() hash.Hash { return h.New() }, key)
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)
}

func digest(h Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

// CheckOthers returns the ID of the keys among Others that were made from this password. It costs one PBKDF2, however many there are.
func (v Verifier) CheckOthers(password string) (id string, ok bool) {
	other, err := v.Rederive(password)
	if err != nil {
		return "", false
	}
	for _, k := range v.Others {
		if subtle.ConstantTimeCompare(k.StoredKey, other.StoredKey) == 1 {
			id, ok = k.ID, true
		}
	}
	return id, ok
}
