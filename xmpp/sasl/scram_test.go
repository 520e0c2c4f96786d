package sasl

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	msasl "mellium.im/sasl"
)

// TestVectors plays the exchanges printed in RFC 5802 §5 and RFC 7677 §3.
func TestVectors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                       string
		hash                       Hash
		salt, bare, first, last, v string
		nonce                      string
	}{
		{"RFC 5802", SHA1, "QSXCR+Q6sek8bf92", "n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j"},
		{"RFC 7677", SHA256, "W22ZaJ0SNY7soEsUEjb6gQ==", "n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			salt, err := base64.StdEncoding.DecodeString(tt.salt)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := derive(tt.hash, testPassword, salt, 4096)
			if err != nil {
				t.Fatal(err)
			}
			x := &scram{server: newTestServer(nil), hash: tt.hash, localpart: "user", keys: keys,
				binding: []byte("n,,"), nonce: tt.nonce, auth: []byte(tt.bare + "," + tt.first)}
			out, done, err := x.last(t.Context(), []byte(tt.last))
			if err != nil || !done || string(out) != tt.v {
				t.Fatalf("last = %q, %v, %v; want %q", out, done, err, tt.v)
			}
		})
	}
}

// TestAnnounced is the example of XEP-0474 §6.3.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	got := announced(SHA1, []string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"}, []string{"tls-server-end-point", "tls-exporter"})
	if s := base64.StdEncoding.EncodeToString(got); s != "G6k/rBLDqgOhRRaCuuatSDFkJ08=" {
		t.Fatalf("announced = %s", s)
	}
}

func TestEveryMechanism(t *testing.T) {
	t.Parallel()
	for _, m := range Mechanisms(true, true) {
		h, plus, ok := scramOf(m)
		if !ok {
			continue
		}
		gs2, data := []string{"n,,"}, []string{""}
		if plus {
			gs2 = []string{"p=tls-exporter,,", "p=tls-server-end-point,,", "p=tls-exporter,a=user@example.org,"}
			data = []string{string(testBinding.Exporter), string(testBinding.EndPoint), string(testBinding.Exporter)}
		}
		for i := range gs2 {
			t.Run(m+" "+gs2[i], func(t *testing.T) {
				t.Parallel()
				s := newTestServer(newAccounts())
				c := &client{hash: h, gs2: gs2[i], cbind: data[i], name: "User@EXAMPLE.org", password: testPassword}
				if got := c.login(t, s, m); got != "" || s.Localpart() != "user" {
					t.Fatalf("%q as %q", got, s.Localpart())
				}
			})
		}
	}
}

func TestForeignClient(t *testing.T) {
	t.Parallel()
	for _, m := range []msasl.Mechanism{msasl.ScramSha1, msasl.ScramSha256, msasl.Plain} {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			s := New(Config{Domain: testDomain, Mechanisms: Mechanisms(true, false), Backend: newAccounts(), Secret: testSecret})
			c := msasl.NewClient(m, msasl.Credentials(func() (user, pass, identity []byte) {
				return []byte("user"), []byte(testPassword), nil
			}), msasl.RemoteMechanisms(s.cfg.Mechanisms...))
			more, message, err := c.Step(nil)
			if err != nil {
				t.Fatal(err)
			}
			out, done, err := s.Start(t.Context(), m.Name, message, true)
			for ; err == nil && !done; out, done, err = s.Step(t.Context(), message) {
				if more, message, err = c.Step(out); err != nil {
					t.Fatal(err)
				}
			}
			if err != nil || s.Localpart() != "user" {
				t.Fatalf("server: %v, name %q", err, s.Localpart())
			}
			if more {
				if _, _, err := c.Step(out); err != nil {
					t.Fatalf("client refuses the server's signature: %v", err)
				}
			}
		})
	}
}

func TestDisabledAndDown(t *testing.T) {
	t.Parallel()
	boom := errTest("pool is empty")
	tests := []struct {
		answer          error
		right, wrong    string // SCRAM with the right and a wrong password
		plain           string
		reachesTheCause bool
	}{
		{ErrDisabled, AccountDisabled, NotAuthorized, AccountDisabled, true},
		{ErrTemporary, TemporaryAuthFailure, TemporaryAuthFailure, TemporaryAuthFailure, true},
		{boom, TemporaryAuthFailure, TemporaryAuthFailure, TemporaryAuthFailure, true},
		{ErrNotAuthorized, NotAuthorized, NotAuthorized, NotAuthorized, true},
	}
	for _, tt := range tests {
		a := newAccounts()
		a.names["user"] = tt.answer
		for password, want := range map[string]string{testPassword: tt.right, "wrong": tt.wrong} {
			c := &client{hash: SHA256, gs2: "n,,", name: "user", password: password}
			if got := c.login(t, newTestServer(a), ScramSHA256); got != want {
				t.Errorf("%v, password %q: %q, want %q", tt.answer, password, got, want)
			}
		}
		_, _, err := newTestServer(a).Start(t.Context(), Plain, []byte("\x00user\x00pencil"), true)
		if got := conditionOf(t, err); got != tt.plain {
			t.Errorf("%v: PLAIN %q, want %q", tt.answer, got, tt.plain)
		}
		if strings.Contains(err.Error(), "pool") {
			t.Errorf("the text tells the cause: %v", err)
		}
	}
}

type errTest string

func (e errTest) Error() string { return string(e) }

func TestWithoutInitialResponse(t *testing.T) {
	t.Parallel()
	for _, m := range []string{Plain, ScramSHA256} {
		s := newTestServer(newAccounts())
		out, done, err := s.Start(t.Context(), m, nil, false)
		if len(out) != 0 || done || err != nil {
			t.Fatalf("%s: %q %v %v", m, out, done, err)
		}
	}
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	for _, v := range testKeys() {
		if !v.CheckPassword(testPassword) || v.CheckPassword("Pencil") || v.CheckPassword("") || v.CheckPassword(strings.Repeat("x", MaxPassword+1)) {
			t.Errorf("%v: CheckPassword", v.Hash)
		}
	}
	if (Verifier{}).CheckPassword("x") || (Verifier{Hash: SHA1, Iterations: MaxIterations + 1}).CheckPassword("x") {
		t.Error("a damaged verifier matches")
	}
	nfc, err := NewVerifiers("p\u00e9n", MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	if !nfc[0].CheckPassword("pe\u0301n") {
		t.Error("NFD is another password than NFC")
	}
	for _, p := range []string{"", "a\x00b", "a\tb", "\xff", strings.Repeat("x", MaxPassword+1)} {
		if _, err := NewVerifiers(p, MinIterations); err != ErrPassword {
			t.Errorf("NewVerifiers(%q) = %v", p, err)
		}
	}
	if _, err := NewVerifiers(strings.Repeat("x", MaxPassword), MinIterations); err != nil {
		t.Errorf("a password of %d bytes: %v", MaxPassword, err)
	}
	for _, n := range []uint32{0, MinIterations - 1, MaxIterations + 1} {
		if _, err := NewVerifiers("x", n); err == nil {
			t.Errorf("%d iterations accepted", n)
		}
	}
}

func TestMechanisms(t *testing.T) {
	t.Parallel()
	if got := Mechanisms(false, true); !slices.Equal(got, []string{Plain}) {
		t.Errorf("directory domain: %v", got)
	}
	if got := Mechanisms(true, true); len(got) != 7 || got[0] != ScramSHA512Plus || got[6] != Plain {
		t.Errorf("local domain: %v", got)
	}
	if got, want := (Binding{}).Offered(Mechanisms(true, true)), Mechanisms(true, false); !slices.Equal(got, want) {
		t.Errorf("nothing to bind to: %v", got)
	}
	if got := testBinding.Types(); !slices.Equal(got, []string{TLSExporter, TLSServerEndPoint}) {
		t.Errorf("types %v", got)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, message string
		has           bool
		condition     string
	}{
		{"", "", false, ""}, {"=", "", true, ""}, {"YQ==", "a", true, ""},
		{"YQ", "", false, IncorrectEncoding}, {"YQ= =", "", false, IncorrectEncoding}, {"YR==", "", false, IncorrectEncoding},
		{"Y\nQ==", "", false, IncorrectEncoding}, {"====", "", false, IncorrectEncoding}, {"&&&&", "", false, IncorrectEncoding},
		{strings.Repeat("A", 1<<20), "", false, MalformedRequest},
	}
	for _, tt := range tests {
		got, has, err := Decode([]byte(tt.text))
		condition := ""
		if err != nil {
			condition = conditionOf(t, err)
		}
		if string(got) != tt.message || has != tt.has || condition != tt.condition {
			t.Errorf("Decode(%.20q) = %q, %v, %q", tt.text, got, has, condition)
		}
	}
	if s := string(AppendEncoded(nil, []byte{})) + string(AppendEncoded(nil, nil)) + string(AppendEncoded(nil, []byte("a"))); s != "=YQ==" {
		t.Errorf("AppendEncoded: %q", s)
	}
}

func FuzzServer(f *testing.F) {
	f.Add(byte(0), []byte("\x00user\x00pencil"), []byte(""))
	f.Add(byte(1), []byte("n,,n=user,r=abc"), []byte("c=biws,r=abc,p=AAAA"))
	f.Add(byte(4), []byte("p=tls-exporter,a=x@y,n==2C=3D,r=a"), []byte("c=,r=,p="))
	keys := testKeys()
	f.Fuzz(func(t *testing.T, m byte, first, second []byte) {
		mechanisms := Mechanisms(true, true)
		s := New(Config{Domain: testDomain, Mechanisms: mechanisms, Binding: testBinding, Backend: cheap{keys}, Secret: testSecret})
		out, done, err := s.Start(t.Context(), mechanisms[int(m)%len(mechanisms)], slices.Clone(first), true)
		if err == nil && !done {
			if len(out) == 0 || len(out) > 2*MaxMessage {
				t.Fatalf("challenge of %d bytes", len(out))
			}
			_, done, err = s.Step(t.Context(), slices.Clone(second))
		}
		if done || s.Localpart() != "" || err == nil {
			t.Fatalf("signed in as %q", s.Localpart())
		}
		conditionOf(t, err)
	})
}

func BenchmarkScramLogin(b *testing.B) {
	salted := sha256.Sum256([]byte("spares PBKDF2"))
	keys := Verifier{Hash: SHA256, Salt: make([]byte, SaltSize), Iterations: 4096,
		StoredKey: digest(SHA256, mac(SHA256, salted[:], []byte("Client Key"))), ServerKey: mac(SHA256, salted[:], []byte("Server Key"))}
	cfg := Config{Domain: testDomain, Mechanisms: Mechanisms(true, true), Binding: testBinding, Backend: cheap{[]Verifier{keys}}, Secret: testSecret}
	c := &client{hash: SHA256, gs2: "n,,", name: "user", salted: salted[:]}
	b.ReportAllocs()
	var server time.Duration // without the client's part, which lies between
	for b.Loop() {
		first := c.first()
		start := time.Now()
		s := New(cfg)
		challenge, _, err := s.Start(b.Context(), ScramSHA256, first, true)
		server += time.Since(start)
		if err != nil {
			b.Fatal(err)
		}
		last, err := c.last(challenge)
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if _, done, err := s.Step(b.Context(), last); !done {
			b.Fatal(err)
		}
		server += time.Since(start)
	}
	b.ReportMetric(float64(server.Nanoseconds())/float64(b.N), "server-ns/op")
}
