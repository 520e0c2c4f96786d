package sasl

import (
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/secure/precis"
)

const (
	testDomain   = "example.org"
	testPassword = "pencil"
)

var (
	testSecret  = bytes.Repeat([]byte{7}, 32)
	testBinding = Binding{Exporter: bytes.Repeat([]byte{1}, 32), EndPoint: bytes.Repeat([]byte{2}, 32)}
	// Made once: PBKDF2 is the dear part of these tests.
	testKeys = sync.OnceValue(func() []Verifier {
		vs, err := NewVerifiers(testPassword, MinIterations)
		if err != nil {
			panic(err) // a test without keys says nothing
		}
		return vs
	})
)

// accounts is a backend with the names it holds, all with testPassword; the error is what signing in answers.
type accounts struct {
	names map[string]error
	asked []string
}

func newAccounts() *accounts { return &accounts{names: map[string]error{"user": nil, "jürgen": nil}} }

func (a *accounts) Password(_ context.Context, domain, localpart, password string) (string, error) {
	a.asked = append(a.asked, domain+"|"+localpart+"|"+password)
	err, ok := a.names[localpart]
	switch {
	case !ok:
		return "", ErrNoAccount
	case err != nil:
		return "", err
	case !testKeys()[0].CheckPassword(password):
		return "", ErrNotAuthorized
	}
	return "", nil
}

func (a *accounts) Verifier(_ context.Context, _, localpart string, h Hash) (Verifier, error) {
	err, ok := a.names[localpart]
	if !ok {
		return Verifier{}, ErrNoAccount
	}
	i := slices.IndexFunc(testKeys(), func(v Verifier) bool { return v.Hash == h })
	return testKeys()[i], err
}

func newTestServer(b Backend) *Server {
	return New(Config{Domain: testDomain, Mechanisms: Mechanisms(true, true), Binding: testBinding, Backend: b,
		Secret: testSecret, Iterations: MinIterations})
}

// client is a SCRAM client of our own, with every part of its messages open to tampering.
type client struct {
	hash           Hash
	gs2, cbind     string // "n,,", channel-binding data
	name, password string
	nonce          string // generated where empty
	finalNonce     string // sent in the last message instead of the right one
	finalBinding   string
	salted         []byte // spares PBKDF2 in benchmarks

	bare, auth string
}

func (c *client) first() []byte {
	if c.nonce == "" {
		var b [12]byte
		_, _ = rand.Read(b[:]) // never fails
		c.nonce = base64.StdEncoding.EncodeToString(b[:])
	}
	c.bare = "n=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(c.name) + ",r=" + c.nonce
	return []byte(c.gs2 + c.bare)
}

func (c *client) last(challenge []byte) ([]byte, error) {
	var salt []byte
	var nonce string
	iterations := 0
	for f := range strings.SplitSeq(string(challenge), ",") {
		switch f[0] {
		case 'r':
			nonce = f[2:]
		case 's':
			salt, _ = base64.StdEncoding.DecodeString(f[2:])
		case 'i':
			_, _ = fmt.Sscan(f[2:], &iterations)
		}
	}
	if c.salted == nil {
		password, err := precis.OpaqueString.String(c.password)
		if err != nil {
			return nil, err
		}
		if c.salted, err = pbkdf2.Key(c.hash.New, password, salt, iterations, c.hash.Size()); err != nil {
			return nil, err
		}
	}
	if c.finalNonce != "" {
		nonce = c.finalNonce
	}
	binding := c.gs2 + c.cbind
	if c.finalBinding != "" {
		binding = c.finalBinding
	}
	without := "c=" + base64.StdEncoding.EncodeToString([]byte(binding)) + ",r=" + nonce
	c.auth = c.bare + "," + string(challenge) + "," + without
	key := mac(c.hash, c.salted, []byte("Client Key"))
	signature := mac(c.hash, digest(c.hash, key), []byte(c.auth))
	subtle.XORBytes(key, key, signature)
	return []byte(without + ",p=" + base64.StdEncoding.EncodeToString(key)), nil
}

// trusts says whether the server's signature is right.
func (c *client) trusts(final []byte) bool {
	signature := mac(c.hash, mac(c.hash, c.salted, []byte("Server Key")), []byte(c.auth))
	return string(final) == "v="+base64.StdEncoding.EncodeToString(signature)
}

// login runs a whole SCRAM negotiation; the condition is empty where it went well.
func (c *client) login(t testing.TB, s *Server, mechanism string) (condition string) {
	t.Helper()
	challenge, done, err := s.Start(t.Context(), mechanism, c.first(), true)
	if err != nil {
		return conditionOf(t, err)
	}
	if done {
		t.Fatal("done after the first message")
	}
	last, err := c.last(challenge)
	if err != nil {
		t.Fatal(err)
	}
	final, done, err := s.Step(t.Context(), last)
	if err != nil {
		if s.Localpart() != "" {
			t.Fatal("a failed negotiation has a name")
		}
		return conditionOf(t, err)
	}
	if !done || !c.trusts(final) {
		t.Fatalf("done=%v, server signature %q", done, final)
	}
	return ""
}

func conditionOf(t testing.TB, err error) string {
	t.Helper()
	f, ok := err.(*Failure)
	if !ok {
		t.Fatalf("error %v is no *Failure", err)
	}
	return f.Condition
}
