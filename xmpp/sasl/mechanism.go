package sasl

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"
	"strings"
)

// Names of the mechanisms served.
const (
	Plain           = "PLAIN"
	ScramSHA1       = "SCRAM-SHA-1"
	ScramSHA256     = "SCRAM-SHA-256"
	ScramSHA512     = "SCRAM-SHA-512"
	ScramSHA1Plus   = "SCRAM-SHA-1-PLUS"
	ScramSHA256Plus = "SCRAM-SHA-256-PLUS"
	ScramSHA512Plus = "SCRAM-SHA-512-PLUS"
)

const plusSuffix = "-PLUS"

// Hash is the hash function of a SCRAM family. The numbers are stored; they never change.
type Hash uint8

// The three families.
const (
	SHA1   Hash = 1
	SHA256 Hash = 2
	SHA512 Hash = 3
)

// Hashes lists every family, the one to check PLAIN passwords with first.
func Hashes() []Hash { return []Hash{SHA256, SHA1, SHA512} }

// New returns a fresh hash function; nil for a number that is no Hash.
func (h Hash) New() hash.Hash {
	switch h {
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	}
	return nil
}

// Size returns the length of a digest in bytes, 0 for a number that is no Hash.
func (h Hash) Size() int {
	switch h {
	case SHA1:
		return sha1.Size
	case SHA256:
		return sha256.Size
	case SHA512:
		return sha512.Size
	}
	return 0
}

// String returns the name as IANA writes it.
func (h Hash) String() string {
	switch h {
	case SHA1:
		return "SHA-1"
	case SHA256:
		return "SHA-256"
	case SHA512:
		return "SHA-512"
	}
	return "unknown hash"
}

// Mechanisms returns what a domain announces, the strongest first. A domain with directory accounts and without device passwords
// (scram is false) offers PLAIN alone: the keys for SCRAM exist only where the server made or keeps them. docs/decisions/0016 With bound the -PLUS variants are included.
// The set of a domain must not change from one connection to the next: clients pin the strongest they have seen.
func Mechanisms(scram, bound bool) []string {
	switch {
	case !scram:
		return []string{Plain}
	case !bound:
		return []string{ScramSHA512, ScramSHA256, ScramSHA1, Plain}
	}
	return []string{ScramSHA512Plus, ScramSHA256Plus, ScramSHA1Plus, ScramSHA512, ScramSHA256, ScramSHA1, Plain}
}

// scramOf returns the family of a SCRAM mechanism and whether it binds the channel.
func scramOf(mechanism string) (h Hash, plus, ok bool) {
	base, plus := strings.CutSuffix(mechanism, plusSuffix)
	switch base {
	case ScramSHA1:
		h = SHA1
	case ScramSHA256:
		h = SHA256
	case ScramSHA512:
		h = SHA512
	default:
		return 0, false, false
	}
	return h, plus, true
}

// OffersPlus says whether any mechanism of the list binds the channel.
func OffersPlus(mechanisms []string) bool {
	return slices.ContainsFunc(mechanisms, func(m string) bool { return strings.HasSuffix(m, plusSuffix) })
}

// offersScram says whether the domain of the list keeps verifiers.
func offersScram(mechanisms []string) bool {
	return slices.ContainsFunc(mechanisms, func(m string) bool { _, _, ok := scramOf(m); return ok })
}
