package directory

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func uni(t testing.TB) *Mapping {
	t.Helper()
	m, err := NewMapping("chat.uni-due.de", []Rule{{"stud.uni-due.de", ".stud"}, {"uni-due.de", ""}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLocalpart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mail, local string
		err         error
		reason      string
	}{
		{mail: "vorname.nachname@stud.uni-due.de", local: "vorname.nachname.stud"},
		{mail: "vorname.nachname@uni-due.de", local: "vorname.nachname"},
		{mail: "vorname.nachname.stud@uni-due.de", local: "vorname.nachname.stud"},
		{mail: "Paul.GROSS@Uni-Due.DE", local: "paul.gross"},
		{mail: "ISIL.I@uni-due.de", local: "isil.i"},
		{mail: "plus+tag@uni-due.de", local: "plus+tag"},
		{mail: "*@uni-due.de", local: "*"},
		{mail: `back\slash@uni-due.de`, local: `back\slash`},
		{mail: "jose\u0301@uni-due.de", local: "jos\u00e9"},
		{mail: "ａｂｃ@uni-due.de", local: "abc"},
		{mail: "a@UNI-DUE.DE", local: "a"},
		{mail: strings.Repeat("l", MaxMailBytes-len("@uni-due.de")) + "@uni-due.de", local: strings.Repeat("l", MaxMailBytes-len("@uni-due.de"))},
		{mail: strings.Repeat("l", MaxMailBytes-len("@uni-due.de")+1) + "@uni-due.de", err: ErrNotMail, reason: "longer than 320 bytes"},
		{mail: "", err: ErrNotMail},
		{mail: "kein-at-zeichen", err: ErrNotMail},
		{mail: "@uni-due.de", err: ErrNotMail},
		{mail: "a@", err: ErrNotMail},
		{mail: "a@uni due.de", err: ErrNotMail},
		{mail: "gast@example.org", err: ErrForeignDomain},
		{mail: "sub@informatik.uni-due.de", err: ErrForeignDomain},
		{mail: "a@uni-due.de.", err: ErrForeignDomain},
		{mail: "a@xuni-due.de", err: ErrForeignDomain},
		{mail: "s.o'hara@uni-due.de", err: ErrInvalidLocalpart, reason: `'\'' is not allowed`},
		{mail: "r&d/raum@uni-due.de", err: ErrInvalidLocalpart, reason: "'&' is not allowed"},
		{mail: `"a@b"@uni-due.de`, err: ErrInvalidLocalpart},
		{mail: "a@b@uni-due.de", err: ErrInvalidLocalpart, reason: "'@' is not allowed"},
		{mail: "a b@uni-due.de", err: ErrInvalidLocalpart, reason: "' ' is not allowed"},
		{mail: "a\x00b@uni-due.de", err: ErrInvalidLocalpart},
		{mail: "a\u200db@uni-due.de", err: ErrInvalidLocalpart}, // zero-width joiner
		{mail: "a\u00adb@uni-due.de", err: ErrInvalidLocalpart}, // soft hyphen
		{mail: "\xff@uni-due.de", err: ErrInvalidLocalpart},
		{mail: "אב@stud.uni-due.de", err: ErrInvalidLocalpart}, // right to left before ".stud"
	} {
		local, err := uni(t).Localpart(c.mail)
		if local != c.local || !errors.Is(err, c.err) {
			t.Errorf("%q: got %q, %v; want %q, %v", c.mail, local, err, c.local, c.err)
		}
		if c.reason != "" && (err == nil || !strings.Contains(err.Error(), c.reason)) {
			t.Errorf("%q: reason %q, want %q", c.mail, err, c.reason)
		}
	}
}

func TestMails(t *testing.T) {
	t.Parallel()
	for local, want := range map[string][]string{
		"a.b":                     {"a.b@uni-due.de"},
		"a.b.stud":                {"a.b@stud.uni-due.de", "a.b.stud@uni-due.de"},
		"A.B.Stud":                {"a.b@stud.uni-due.de", "a.b.stud@uni-due.de"},
		".stud":                   {".stud@uni-due.de"},
		"stud":                    {"stud@uni-due.de"},
		"a.stud.stud":             {"a.stud@stud.uni-due.de", "a.stud.stud@uni-due.de"},
		"":                        nil,
		"a@uni-due.de":            nil,
		"*)(uid=*":                {"*)(uid=*@uni-due.de"}, // escaped later; no JID rule forbids it
		strings.Repeat("x", 1024): nil,
		strings.Repeat("x", 1023): nil, // a localpart, but no address is that long
	} {
		if got := uni(t).Mails(local); !slices.Equal(got, want) {
			t.Errorf("%.40q: got %q, want %q", local, got, want)
		}
	}
}

func TestNewMappingRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why    string
		domain string
		rules  []Rule
	}{
		{"no rule", "uni.de", nil},
		{`"" is no valid domain`, "", []Rule{{"uni.de", ""}}},
		{`no valid domain`, "a@uni.de", []Rule{{"uni.de", ""}}},
		{`rule 1: "" is no valid mail domain`, "uni.de", []Rule{{"", ""}}},
		{`rule 1: "a b" is no valid mail domain`, "uni.de", []Rule{{"a b", ""}}},
		{`rule 1: "uni.de." is no valid mail domain`, "uni.de", []Rule{{"uni.de.", ""}}},
		{`suffix ".Stud": only`, "uni.de", []Rule{{"uni.de", ".Stud"}}},
		{`suffix "@x": only`, "uni.de", []Rule{{"uni.de", "@x"}}},
		{`rules 1 and 2: mail domain "uni.de" appears twice`, "uni.de", []Rule{{"uni.de", ""}, {"UNI.de", ".x"}}},
		{`rules 1 and 2: mail domains "a.de" and "b.de" have the same suffix ""`, "uni.de", []Rule{{"a.de", ""}, {"b.de", ""}}},
		{`rules 1 and 2: suffixes ".gast.stud" and ".stud" overlap`, "uni.de", []Rule{{"a.de", ".gast.stud"}, {"b.de", ".stud"}}},
	} {
		_, err := NewMapping(c.domain, c.rules)
		if !errors.Is(err, ErrRules) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v: got %v, want %s", c.rules, err, c.why)
		}
	}
	_, err := NewMapping("uni.de", []Rule{{"a.de", ".A"}, {"b.de", ""}, {"b.de", ".x"}})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want both faults, got %v", err)
	}
}

// mailGen makes addresses inside the rules, most of them valid.
func mailGen() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		local := rapid.StringMatching(`[a-zA-Z0-9.!#$%*+=?^_{|}~-]{1,40}(\.stud)?`).Draw(t, "local")
		return local + "@" + rapid.SampledFrom([]string{"uni-due.de", "stud.uni-due.de", "Stud.Uni-Due.DE"}).Draw(t, "domain")
	})
}

// mail → localpart → mails gives the mail back, and every one of them leads to
// the same localpart.
func TestMappingBothWays(t *testing.T) {
	t.Parallel()
	m := uni(t)
	rapid.Check(t, func(t *rapid.T) {
		mail := mailGen().Draw(t, "mail")
		local, err := m.Localpart(mail)
		if err != nil {
			t.Fatalf("%q: %v", mail, err)
		}
		mails := m.Mails(local)
		if !slices.Contains(mails, strings.ToLower(mail)) {
			t.Fatalf("%q → %q → %q", mail, local, mails)
		}
		consistent(t, m, local, mails)
	})
}

// Two addresses collide exactly when each is among the other’s mails.
func TestCollisionsAreSymmetric(t *testing.T) {
	t.Parallel()
	m := uni(t)
	rapid.Check(t, func(t *rapid.T) {
		a, b := mailGen().Draw(t, "a"), mailGen().Draw(t, "b")
		la, _ := m.Localpart(a)
		lb, _ := m.Localpart(b)
		if (la == lb) != slices.Contains(m.Mails(la), strings.ToLower(b)) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}

type failer interface{ Fatalf(string, ...any) }

func consistent(t failer, m *Mapping, local string, mails []string) {
	for _, mail := range mails {
		back, err := m.Localpart(mail)
		if err != nil || back != local {
			t.Fatalf("%q → %q → %q, %v", local, mail, back, err)
		}
	}
}

func FuzzLocalpart(f *testing.F) {
	for _, s := range []string{"a.b@uni-due.de", "a@stud.uni-due.de", "ſ@uni-due.de", "\u212a@uni-due.de", "İ@uni-due.de", "ﬃ@stud.uni-due.de", "a\u0338@stud.uni-due.de", "x@ＵＮＩ-due.de", "@", "a@b@c", "σς@uni-due.de"} {
		f.Add(s)
	}
	m := uni(f)
	f.Fuzz(func(t *testing.T, mail string) {
		local, err := m.Localpart(mail)
		if err != nil {
			if local != "" || (!errors.Is(err, ErrNotMail) && !errors.Is(err, ErrForeignDomain) && !errors.Is(err, ErrInvalidLocalpart)) {
				t.Fatalf("%q: %q, %v", mail, local, err)
			}
			return
		}
		if again, err := canonical(local); err != nil || again != local {
			t.Fatalf("%q is not canonical: %q, %v", local, again, err)
		}
		mails := m.Mails(local)
		if len(mails) == 0 {
			t.Fatalf("%q → %q has no address", mail, local)
		}
		consistent(t, m, local, mails)
	})
}

func FuzzMails(f *testing.F) {
	for _, s := range []string{"a.b", "a.b.stud", ".stud", "A\u030a", "ⅷ.stud", "a@b", "\u00adx", "ß"} {
		f.Add(s)
	}
	m := uni(f)
	f.Fuzz(func(t *testing.T, local string) {
		mails := m.Mails(local)
		if len(mails) > len(m.rules) {
			t.Fatalf("%q: %q", local, mails)
		}
		if len(mails) == 0 {
			return
		}
		same, err := canonical(local)
		if err != nil {
			t.Fatal(err)
		}
		consistent(t, m, same, mails)
	})
}

func BenchmarkLocalpart(b *testing.B) {
	m := uni(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Localpart("vorname.nachname@stud.uni-due.de"); err != nil {
			b.Fatal(err)
		}
	}
}
