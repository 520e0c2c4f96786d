package router

import (
	"strings"
	"testing"

	"mellium.im/xmpp/jid"
	"pgregory.net/rapid"
)

func TestAddressParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, bare, local, domain string }{
		{"anna@example.org", "anna@example.org", "anna", "example.org"},
		{"anna@example.org/desk", "anna@example.org", "anna", "example.org"},
		{"Anna@Example.ORG/Desk", "anna@example.org", "anna", "example.org"},
		{"anna@example.org/a@b/c", "anna@example.org", "anna", "example.org"},
		{"example.org", "example.org", "", "example.org"},
		{"example.org/a@b", "example.org", "", "example.org"},
		{"anna@localhost", "anna@localhost", "anna", "localhost"},
	} {
		a, err := ParseAddress([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if string(a.Bare()) != c.bare || string(a.Localpart()) != c.local || string(a.Domain()) != c.domain {
			t.Errorf("%s: %s, %s, %s", c.in, a.Bare(), a.Localpart(), a.Domain())
		}
	}
}

// TestHostileAddresses is H50: refused or prepared, never a panic.
func TestHostileAddresses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "@", "/", "@@", "a@", "@b", "a@b/", "a@@b", "a b@c", "a@b c", "\xff@b", "a@b/\x00",
		strings.Repeat("a", 1024) + "@b", "a@" + strings.Repeat("b", 1024), "a@b/" + strings.Repeat("c", 1024), "a'@b", "a:b@c"} {
		if a, err := ParseAddress([]byte(in)); err == nil {
			t.Errorf("%.20q became %.20q", in, a.String())
		}
	}
}

// TestPlainIsPrepared: what the short way accepts, preparation leaves as it is.
func TestPlainIsPrepared(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		checkPlain(t, []byte(rapid.StringMatching(`[ -~]{0,12}@?[a-z0-9.\-]{0,12}(/[ -~]{0,12})?`).Draw(t, "jid")))
	})
}

func FuzzAddress(f *testing.F) {
	f.Add([]byte("anna@example.org/desk"))
	f.Add([]byte("a--b@xn--a.example/ x"))
	f.Fuzz(func(t *testing.T, b []byte) { checkPlain(t, b) })
}

type fataler interface{ Fatalf(string, ...any) }

func checkPlain(t fataler, b []byte) {
	a, err := ParseAddress(b)
	j, want := jid.Parse(string(b))
	if (err == nil) != (want == nil) {
		t.Fatalf("%q: %v, preparation says %v", b, err, want)
	}
	if err != nil {
		return
	}
	if a.String() != j.String() || string(a.Localpart()) != j.Localpart() || string(a.Domain()) != j.Domainpart() ||
		a.IsBare() != (j.Resourcepart() == "") {
		t.Fatalf("%q: %q, preparation says %q", b, a.String(), j.String())
	}
}
