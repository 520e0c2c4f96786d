package sasl

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
)

// purse is what has tokens: of one name.
type purse struct {
	secrets [][]byte
	err     error
	tried   int
}

func (p *purse) Redeem(_ context.Context, _, localpart string, try func([]byte) bool) error {
	found := false
	for _, s := range p.secrets {
		p.tried++
		found = try(s) || found
	}
	if localpart != "user" || !found {
		return ErrNotAuthorized
	}
	return p.err
}

func tokenMessage(name, token, binding string) []byte {
	return slices.Concat([]byte(name), []byte{0}, mac(SHA256, []byte(token), []byte("Initiator"), []byte(binding)))
}

func tokenServer(p *purse, b Binding) *Server {
	return New(Config{Domain: testDomain, Mechanisms: Mechanisms(true, true), Binding: b, Backend: newAccounts(), Secret: testSecret,
		Tokens: p, TokenMechanisms: TokenMechanisms(b)})
}

func TestToken(t *testing.T) {
	t.Parallel()
	binding := Binding{Exporter: []byte("exported"), EndPoint: []byte("certificate"), Unique: []byte("finished")}
	for mechanism, data := range map[string]string{TokenExporter: "exported", TokenEndPoint: "certificate", TokenUnique: "finished", TokenUnbound: ""} {
		p := &purse{secrets: [][]byte{[]byte("newer"), []byte("token")}}
		s := tokenServer(p, binding)
		out, done, err := s.Start(t.Context(), mechanism, tokenMessage("user", "token", data), true)
		if err != nil || !done || s.Localpart() != "user" || s.Key() != "" {
			t.Fatalf("%s: %v", mechanism, err)
		}
		if want := mac(SHA256, []byte("token"), []byte("Responder"), []byte(data)); !bytes.Equal(out, want) {
			t.Errorf("%s: the server's answer is not %x", mechanism, want)
		}
		if p.tried != 2 {
			t.Errorf("%s: %d secrets tried", mechanism, p.tried)
		}
		// What binds to another connection is nothing here.
		if _, _, err := tokenServer(p, binding).Start(t.Context(), mechanism, tokenMessage("user", "token", data+"!"), true); conditionOf(t, err) != NotAuthorized {
			t.Errorf("%s, another connection: %v", mechanism, err)
		}
	}
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mechanism string
		message         []byte
		err             error
		want            string
	}{
		{"wrong token", TokenUnbound, tokenMessage("user", "other", ""), nil, NotAuthorized},
		{"nobody", TokenUnbound, tokenMessage("nobody", "token", ""), nil, NotAuthorized},
		{"another domain", TokenUnbound, tokenMessage("user@other.example", "token", ""), nil, NotAuthorized},
		{"no name", TokenUnbound, tokenMessage("", "token", ""), nil, MalformedRequest},
		{"no proof", TokenUnbound, []byte("user\x00"), nil, MalformedRequest},
		{"short proof", TokenUnbound, []byte("user\x00short"), nil, MalformedRequest},
		{"no separator", TokenUnbound, []byte("user"), nil, MalformedRequest},
		{"broken name", TokenUnbound, tokenMessage("us\xffer", "token", ""), nil, MalformedRequest},
		{"not on this connection", TokenUnique, tokenMessage("user", "token", ""), nil, InvalidMechanism},
		{"expired", TokenUnbound, tokenMessage("user", "token", ""), ErrExpired, CredentialsExpired},
		{"disabled", TokenUnbound, tokenMessage("user", "token", ""), ErrDisabled, AccountDisabled},
		{"trouble", TokenUnbound, tokenMessage("user", "token", ""), errors.New("disk"), TemporaryAuthFailure},
	} {
		s := tokenServer(&purse{secrets: [][]byte{[]byte("token")}, err: c.err}, testBinding)
		_, _, err := s.Start(t.Context(), c.mechanism, c.message, true)
		if err == nil || conditionOf(t, err) != c.want || s.Localpart() != "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Without tokens there is no such mechanism, whatever was announced.
	if _, _, err := newTestServer(newAccounts()).Start(t.Context(), TokenUnbound, tokenMessage("user", "token", ""), true); conditionOf(t, err) != InvalidMechanism {
		t.Errorf("no tokens: %v", err)
	}
}

func TestTokenMechanisms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		b    Binding
		want []string
	}{
		{Binding{}, []string{TokenUnbound}},
		{testBinding, []string{TokenExporter, TokenEndPoint, TokenUnbound}},
		{Binding{Unique: []byte("u"), EndPoint: []byte("p")}, []string{TokenUnique, TokenEndPoint, TokenUnbound}},
	} {
		if got := TokenMechanisms(c.b); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c.b, got)
		}
	}
	for _, m := range Mechanisms(true, true) {
		if IsToken(m) {
			t.Errorf("%s is no token", m)
		}
	}
}

// several has one person with several passwords, as device passwords are.
type several struct{ keys Verifier }

func (s several) Password(context.Context, string, string, string) (string, error) {
	return "", ErrNotAuthorized
}

func (s several) Verifier(_ context.Context, _, _ string, h Hash) (Verifier, error) {
	if h != s.keys.Hash {
		return Verifier{}, ErrNoAccount
	}
	return s.keys, nil
}

// TestSeveralPasswords: each works, the server knows which it was, and before the proof nobody can tell that there are any.
func TestSeveralPasswords(t *testing.T) {
	t.Parallel()
	keys := Invented(testSecret, testDomain, "user", SHA256, MinIterations)
	salt := keys.Salt
	for _, id := range []string{"one", "two", "three"} {
		v, err := keys.Rederive("secret of " + id)
		if err != nil {
			t.Fatal(err)
		}
		keys.Others = append(keys.Others, Keys{ID: id, StoredKey: v.StoredKey, ServerKey: v.ServerKey})
	}
	if !bytes.Equal(keys.Salt, salt) {
		t.Fatal("another salt")
	}
	for _, id := range []string{"one", "two", "three"} {
		s := newTestServer(several{keys})
		c := &client{hash: SHA256, gs2: "n,,", name: "user", password: "secret of " + id}
		if got := c.login(t, s, ScramSHA256); got != "" || s.Key() != id {
			t.Errorf("%s: %q, key %q", id, got, s.Key())
		}
		if got, ok := keys.CheckOthers("secret of " + id); !ok || got != id {
			t.Errorf("%s: checked as %q", id, got)
		}
	}
	c := &client{hash: SHA256, gs2: "n,,", name: "user", password: "secret of four"}
	if got := c.login(t, newTestServer(several{keys}), ScramSHA256); got != NotAuthorized {
		t.Errorf("a fourth: %q", got)
	}
	if _, ok := keys.CheckOthers("secret of four"); ok {
		t.Error("a fourth is taken")
	}
	damaged := keys
	damaged.Others = []Keys{{ID: "x", StoredKey: []byte("short")}}
	c = &client{hash: SHA256, gs2: "n,,", name: "user", password: "x", nonce: "n"}
	if _, _, err := newTestServer(several{damaged}).Start(t.Context(), ScramSHA256, c.first(), true); conditionOf(t, err) != TemporaryAuthFailure {
		t.Errorf("damaged keys: %v", err)
	}
}

// FuzzToken sends whatever as the message of a token.
func FuzzToken(f *testing.F) {
	f.Add(tokenMessage("user", "token", ""))
	f.Add([]byte("user\x00"))
	f.Add([]byte{0})
	right := tokenMessage("user", "token", "")
	f.Fuzz(func(t *testing.T, message []byte) {
		s := tokenServer(&purse{secrets: [][]byte{[]byte("token")}}, testBinding)
		if _, done, err := s.Start(t.Context(), TokenUnbound, bytes.Clone(message), true); done && (err != nil || !bytes.HasSuffix(message, right[4:])) {
			t.Errorf("%q is signed in: %v", message, err)
		}
	})
}
