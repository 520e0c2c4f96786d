package sasl

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// cheap answers at once: every password is wrong, every name has the first key of its hash.
type cheap struct{ keys []Verifier }

func (cheap) Password(context.Context, string, string, string) (string, error) {
	return "", ErrNotAuthorized
}

func (c cheap) Verifier(_ context.Context, _, _ string, h Hash) (Verifier, error) {
	for _, v := range c.keys {
		if v.Hash == h {
			return v, nil
		}
	}
	return Verifier{}, ErrNoAccount
}

// TestHostile holds one row or table per number of the list of hostile input.
func TestHostile(t *testing.T) {
	t.Parallel()
	t.Run("H37", testAuthzid)
	t.Run("H38", testMalformedPlain)
	t.Run("H39", testHostileNames)
	t.Run("H40", testNameVariants)
	t.Run("H41", testOutOfOrder)
	t.Run("H42", testTamperedScram)
	t.Run("H43", testManInTheMiddle)
	t.Run("H44", testUnknownAccount)
	t.Run("H48", testPasswordForms)
}

func plainCondition(t *testing.T, a *accounts, message string) (condition, localpart string) {
	t.Helper()
	s := newTestServer(a)
	buf := []byte(message)
	_, done, err := s.Start(t.Context(), Plain, buf, true)
	if len(message) <= MaxMessage && len(bytes.Trim(buf, "\x00")) > 0 {
		t.Error("the message is still in memory")
	}
	if err != nil {
		return conditionOf(t, err), s.Localpart()
	}
	if !done {
		t.Fatal("PLAIN has one message")
	}
	return "", s.Localpart()
}

func testAuthzid(t *testing.T) {
	for authzid, want := range map[string]string{
		"": "", "user@example.org": "", "USER@example.org": "", "admin@example.org": InvalidAuthzid, "user": InvalidAuthzid,
		"user@other.org": InvalidAuthzid, "user@example.org/x": InvalidAuthzid, "example.org": InvalidAuthzid, "@": InvalidAuthzid,
	} {
		if got, name := plainCondition(t, newAccounts(), authzid+"\x00user\x00pencil"); got != want || want != "" && name != "" {
			t.Errorf("PLAIN authzid %q: %q as %q, want %q", authzid, got, name, want)
		}
		c := &client{hash: SHA1, gs2: "n,", name: "user", password: testPassword}
		if authzid != "" {
			c.gs2 += "a=" + authzid
		}
		c.gs2 += ","
		if got := c.login(t, newTestServer(newAccounts()), ScramSHA1); got != want {
			t.Errorf("SCRAM authzid %q: %q, want %q", authzid, got, want)
		}
	}
}

func testMalformedPlain(t *testing.T) {
	for message, want := range map[string]string{
		"": MalformedRequest, "user": MalformedRequest, "user\x00pencil": MalformedRequest, "\x00user\x00pencil\x00": MalformedRequest,
		"\x00\x00pencil": MalformedRequest, "\x00user\x00": MalformedRequest, "\x00user\x00\xff": MalformedRequest,
		"\x00user\x00" + strings.Repeat("x", MaxMessage): MalformedRequest,
	} {
		a := newAccounts()
		if got, _ := plainCondition(t, a, message); got != want || len(a.asked) > 0 {
			t.Errorf("%.30q: %q, backend asked %d times", message, got, len(a.asked))
		}
	}
}

func testHostileNames(t *testing.T) {
	names := []string{"*)(uid=*", `\00`, `cn=x\,dc=y`, "user\u0000", "a/b", "a:b", "<a>", "&amp;", `a"b`, "a'b", "user@", "@example.org",
		"user@@example.org", "user@example.org@example.org", "user@127.0.0.1", strings.Repeat("x", 1024), strings.Repeat("é", 600), " ", "us er"}
	for _, name := range names {
		a := newAccounts()
		got, _ := plainCondition(t, a, "\x00"+name+"\x00pencil")
		if got != NotAuthorized && got != MalformedRequest {
			t.Errorf("%.30q: %q", name, got)
		}
		for _, asked := range a.asked {
			if localpart := strings.Split(asked, "|")[1]; strings.ContainsAny(localpart, "\"&'/:<>@ \x00") || len(localpart) > 1023 {
				t.Errorf("%.30q reached the backend", asked)
			}
		}
	}
}

func testNameVariants(t *testing.T) {
	tests := []struct{ name, localpart, condition string }{
		{"USER", "user", ""}, {"\uff55\uff53\uff45\uff52", "user", ""}, // full width
		{"ju\u0308rgen", "jürgen", ""}, {"J\u00dcRGEN", "jürgen", ""},
		{"us\u200der", "", NotAuthorized}, {"us\u00ader", "", NotAuthorized},
		{"u\u017fer", "", NotAuthorized}, {"\u212auser", "", NotAuthorized},
		{"us\u0435r", "", NotAuthorized}, // Cyrillic
	}
	for _, tt := range tests {
		if got, name := plainCondition(t, newAccounts(), "\x00"+tt.name+"\x00pencil"); got != tt.condition || name != tt.localpart {
			t.Errorf("%+q: %q as %q, want %q as %q", tt.name, got, name, tt.condition, tt.localpart)
		}
	}
}

func testOutOfOrder(t *testing.T) {
	s := newTestServer(newAccounts())
	if _, _, err := s.Step(t.Context(), []byte("x")); conditionOf(t, err) != MalformedRequest {
		t.Errorf("Step before Start: %v", err)
	}
	if _, _, err := s.Start(t.Context(), "DIGEST-MD5", nil, false); conditionOf(t, err) != InvalidMechanism {
		t.Errorf("unknown mechanism: %v", err)
	}
	if _, _, err := s.Start(t.Context(), Plain, []byte("\x00user\x00pencil"), true); conditionOf(t, err) != MalformedRequest {
		t.Errorf("second Start: %v", err)
	}
	s = New(Config{Domain: testDomain, Mechanisms: Mechanisms(false, true), Backend: newAccounts(), Secret: testSecret})
	if _, _, err := s.Start(t.Context(), ScramSHA1, []byte("n,,n=user,r=a"), true); conditionOf(t, err) != InvalidMechanism {
		t.Errorf("mechanism that was not announced: %v", err)
	}
	s = newTestServer(newAccounts())
	if _, _, err := s.Start(t.Context(), ScramSHA1, []byte("garbage"), true); err == nil {
		t.Fatal("garbage accepted")
	}
	if _, _, err := s.Step(t.Context(), []byte("n,,n=user,r=a")); conditionOf(t, err) != MalformedRequest {
		t.Errorf("Step after a failure: %v", err)
	}
}

func testTamperedScram(t *testing.T) {
	good := func() *client { return &client{hash: SHA256, gs2: "n,,", name: "user", password: testPassword} }
	plus := func(gs2, data string) *client {
		return &client{hash: SHA256, gs2: gs2, cbind: data, name: "user", password: testPassword}
	}
	tests := []struct {
		name, mechanism string
		c               *client
		want            string
	}{
		{"wrong password", ScramSHA256, &client{hash: SHA256, gs2: "n,,", name: "user", password: "x"}, NotAuthorized},
		{"wrong channel data", ScramSHA256Plus, plus("p=tls-exporter,,", strings.Repeat("x", 32)), NotAuthorized},
		{"no channel data", ScramSHA256Plus, plus("p=tls-exporter,,", ""), NotAuthorized},
		{"unknown type", ScramSHA256Plus, plus("p=tls-unique,,", "x"), NotAuthorized},
		{"n under PLUS", ScramSHA256Plus, good(), NotAuthorized},
		{"y though PLUS is offered", ScramSHA256, plus("y,,", ""), NotAuthorized},
		{"p without PLUS", ScramSHA256, plus("p=tls-exporter,,", string(testBinding.Exporter)), NotAuthorized},
		{"header changed", ScramSHA256, func() *client { c := good(); c.finalBinding = "y,,"; return c }(), NotAuthorized},
		{"nonce not extended", ScramSHA256, func() *client { c := good(); c.nonce = "abc"; c.finalNonce = "abc"; return c }(), NotAuthorized},
		{"nonce of another", ScramSHA256, func() *client { c := good(); c.finalNonce = "zzzzzzzzzzzzzzzz"; return c }(), NotAuthorized},
		{"nonce too long", ScramSHA256, func() *client { c := good(); c.nonce = strings.Repeat("n", maxNonce+1); return c }(), MalformedRequest},
		{"longest nonce", ScramSHA256, func() *client { c := good(); c.nonce = strings.Repeat("n", maxNonce); return c }(), ""},
	}
	for _, tt := range tests {
		if got := tt.c.login(t, newTestServer(newAccounts()), tt.mechanism); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	firsts := []string{"", "n", "n,", "n,,", "n,,n=user", "n,,r=a,n=user", "n,,m=x,n=user,r=a", "n,,n=user,r=", "n,,n=us=er,r=a", "n,,n=,r=a",
		"q,,n=user,r=a", "p=,,n=user,r=a", "p=a b,,n=user,r=a", "n,user,n=user,r=a", "n,,n=user,r=a b", "n,,n=user,r=a,m=1", "n,,n=user,r=a,xx", "n,,n=us\x00er,r=a", "n,,n=\xff,r=a"}
	for _, message := range firsts {
		_, _, err := newTestServer(newAccounts()).Start(t.Context(), ScramSHA256, []byte(message), true)
		if err == nil || conditionOf(t, err) != MalformedRequest {
			t.Errorf("first message %q: %v", message, err)
		}
	}
	lasts := []string{"", "c=biws", "c=biws,r=a", "p=AAAA", "r=a,c=biws,p=AAAA", "c=biws,r=a,p=", "c=biws,r=a,p=AAAA", "c=b!ws,r=a,p=AAAA", "c=biws,r=a,m=1,p=AAAA"}
	for _, message := range lasts {
		s := newTestServer(newAccounts())
		if _, _, err := s.Start(t.Context(), ScramSHA256, []byte("n,,n=user,r=a"), true); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Step(t.Context(), []byte(message)); err == nil || conditionOf(t, err) != MalformedRequest {
			t.Errorf("last message %q: %v", message, err)
		}
	}
}

// testManInTheMiddle shows that both lists are under the signatures: what the server hashed is what it announced.
func testManInTheMiddle(t *testing.T) {
	challenge := func(mechanisms []string, b Binding) string {
		s := New(Config{Domain: testDomain, Mechanisms: mechanisms, Binding: b, Backend: newAccounts(), Secret: testSecret})
		out, _, err := s.Start(t.Context(), ScramSHA1, []byte("n,,n=user,r=a"), true)
		if err != nil {
			t.Fatal(err)
		}
		_, h, _ := strings.Cut(string(out), ",h=")
		return h
	}
	all := challenge(Mechanisms(true, true), testBinding)
	if all == challenge(Mechanisms(true, false), testBinding) || all == challenge(Mechanisms(true, true), Binding{EndPoint: testBinding.EndPoint}) || all == "" {
		t.Error("the hash does not depend on what was announced")
	}
}

func testUnknownAccount(t *testing.T) {
	challenge := func(secret []byte, name string) string {
		cfg := Config{Domain: testDomain, Mechanisms: Mechanisms(true, true), Binding: testBinding, Backend: newAccounts(), Secret: secret, Iterations: MinIterations}
		out, _, err := New(cfg).Start(t.Context(), ScramSHA256, []byte("n,,n="+name+",r=a"), true)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(out), ",")
		return rest
	}
	known, unknown := challenge(testSecret, "user"), challenge(testSecret, "nobody")
	if len(known) != len(unknown) || known[len(known)-40:] != unknown[len(unknown)-40:] {
		t.Errorf("the challenges differ in form: %q, %q", known, unknown)
	}
	if unknown != challenge(testSecret, "nobody") || unknown != challenge(testSecret, "NOBODY") {
		t.Error("the salt is not stable for a name")
	}
	if unknown == challenge(testSecret, "nobody2") || unknown == challenge(bytes.Repeat([]byte{8}, 32), "nobody") {
		t.Error("the salt does not depend on name and secret")
	}
	c := &client{hash: SHA256, gs2: "n,,", name: "nobody", password: testPassword}
	if got := c.login(t, newTestServer(newAccounts()), ScramSHA256); got != NotAuthorized {
		t.Errorf("unknown name: %q", got)
	}
	// Under PLAIN the invented verifier is whole, so that checking against it is one PBKDF2 of the same length.
	invented := Invented(testSecret, testDomain, "nobody", Hashes()[0], MinIterations)
	if v := invented; v.check() != nil || v.Iterations != testKeys()[0].Iterations || v.Hash != testKeys()[0].Hash {
		t.Errorf("invented verifier %+v", v)
	}
}

func testPasswordForms(t *testing.T) {
	for password, reaches := range map[string]string{
		strings.Repeat("p", MaxPassword): strings.Repeat("p", MaxPassword), strings.Repeat("p", MaxPassword+1): "", strings.Repeat("p", 4096): "",
		"pe\u0301": "p\u00e9", "a\x01b": "", "a\u00a0b": "a b", "\u00e4\u20ac": "\u00e4\u20ac",
	} {
		a := newAccounts()
		got, _ := plainCondition(t, a, "\x00user\x00"+password)
		if got != NotAuthorized {
			t.Errorf("%.20q: %q", password, got)
		}
		want := 0
		if reaches != "" {
			want = 1
		}
		if len(a.asked) != want || want == 1 && a.asked[0] != testDomain+"|user|"+reaches {
			t.Errorf("%.20q: the backend saw %.60q", password, a.asked)
		}
	}
}
