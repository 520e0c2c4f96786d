package directory

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPasswordsThatReachNoBind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		password, reason string
	}{
		{"", "empty"},
		{strings.Repeat("x", MaxPasswordBytes+1), "longer than 1024 bytes"},
		{strings.Repeat("x", 4096), "longer than 1024 bytes"},
		{"sec\x00ret", "control character"},
		{"sec\nret", "control character"},
		{"sec\x7fret", "control character"},
		{"sec\u0085ret", "control character"},
		{"\xff\xfe", "not UTF-8"},
	} {
		err := acceptable(c.password)
		if !errors.Is(err, ErrWrongPassword) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%.20q: %v, want %s", c.password, err, c.reason)
		}
	}
	for _, good := range []string{"x", strings.Repeat("x", MaxPasswordBytes), "gehéim ß:1", " ", "日本"} {
		if err := acceptable(good); err != nil {
			t.Errorf("%.20q: %v", good, err)
		}
	}
}

func TestSpellings(t *testing.T) {
	t.Parallel()
	if got := spellings("gehe\u0301im"); !slices.Equal(got, []string{"geh\u00e9im", "gehe\u0301im"}) {
		t.Errorf("decomposed: %q", got)
	}
	if got := spellings("geh\u00e9im"); len(got) != 1 {
		t.Errorf("composed: %q", got)
	}
}

func TestPrimary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mails       []string
		mail, local string
		err         error
	}{
		{[]string{"a@uni-due.de"}, "a@uni-due.de", "a", nil},
		{[]string{"a@uni-due.de", "A@uni-due.de"}, "A@uni-due.de", "a", nil},
		{[]string{"x@example.org", "a@uni-due.de", "kaputt"}, "a@uni-due.de", "a", nil},
		{[]string{"a.stud@uni-due.de", "a@stud.uni-due.de"}, "a.stud@uni-due.de", "a.stud", nil},
		{[]string{"a@stud.uni-due.de", "a@uni-due.de"}, "", "", ErrNoPrimary},
		{[]string{"a@uni-due.de", "o'a@uni-due.de"}, "", "", ErrNoPrimary},
		{[]string{"x@example.org"}, "", "", ErrNoPrimary},
		{nil, "", "", ErrNoPrimary},
	} {
		for range 2 {
			p := person{mails: c.mails}
			mail, local, err := p.primary(uni(t))
			if mail != c.mail || local != c.local || !errors.Is(err, c.err) {
				t.Errorf("%q: %q, %q, %v", c.mails, mail, local, err)
			}
			slices.Reverse(c.mails) // the order says nothing
		}
	}
}

func TestIDText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"550E8400-E29B-41D4-A716-446655440000": "550e8400-e29b-41d4-a716-446655440000",
		"\xff\x01":                             "ff01",
		"a\x00":                                "6100",
		"":                                     "",
	} {
		if got := idText(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCircuit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := &server{}
	admit := func(want, wantTrial bool) {
		t.Helper()
		if ok, trial := s.admit(now); ok != want || trial != wantTrial {
			t.Errorf("admit: %v, %v; want %v, %v", ok, trial, want, wantTrial)
		}
	}
	admit(true, false)
	if !s.failure(now, now, false) || s.currentEpoch() != 1 {
		t.Error("the first failure opens the circuit and retires connections")
	}
	admit(false, false)
	now = now.Add(firstBackoff)
	admit(true, true)
	admit(false, false) // one at a time finds out
	s.abandon()
	admit(true, true)
	if s.failure(now, now, false) {
		t.Error("the circuit was open already")
	}
	now = now.Add(firstBackoff)
	admit(false, false) // twice as long now
	now = now.Add(firstBackoff)
	admit(true, true)
	if !s.success(now) || s.success(now) {
		t.Error("success closes the circuit, once")
	}
	admit(true, false)
	if s.failure(now.Add(time.Second), now.Add(-1), false) {
		t.Error("a server is blamed that answered others meanwhile")
	}
	admit(true, false)
	s.failure(now, now, true)
	now = now.Add(refusedBackoff - 1)
	admit(false, false)
	now = now.Add(1)
	admit(true, true)
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{0: firstBackoff, 1: 2 * firstBackoff, 4: 16 * firstBackoff, 5: maxBackoff, 1_000_000: maxBackoff} {
		if got := backoff(failures); got != want {
			t.Errorf("%d failures: %v, want %v", failures, got, want)
		}
	}
}

func TestNothingOfAPersonIsPrinted(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	e := Entry{ID: "needle", Localpart: "needle", Name: "needle", Mail: "needle", dn: "needle"}
	c := Config{URLs: []string{"needle"}, BindDN: "needle", Password: "needle"}
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "e", e, "c", c, "held", struct {
		E Entry
		C Config
	}{e, c})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&log, verb+verb+verb, e, c, &e)
	}
	if strings.Contains(log.String(), "needle") || strings.Contains(log.String(), "6e6565646c65") {
		t.Errorf("printed: %s", log.String())
	}
}

func TestOpenNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := Open(Config{BindDN: "x", BaseDN: "y=", Filter: "(", MailAttribute: "a)b", PoolSize: MaxPoolSize + 1, OpTimeout: -1})
	for _, want := range []string{"no URL", "no address mapping", "no password", "service account is no valid DN", "filter is no valid", `"a)b" is no attribute`, "pool size outside 1 to 256", "negative time-out"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	good := Config{BindDN: "cn=a", Password: "p", BaseDN: "dc=b", Mapping: uni(t)}
	for _, url := range []string{"http://a", "ldap://", "ldap://a/dc=x", "ldapi:///", "a", "ldap://u:p@a", "ldap://a?x", "ldap://a:b"} {
		c := good
		c.URLs = []string{url}
		if _, err := Open(c); err == nil || !strings.Contains(err.Error(), "URL 1") {
			t.Errorf("%s: %v", url, err)
		}
	}
	good.URLs = []string{"ldaps://a", "ldap://[::1]:1389/"}
	if _, err := Open(good); err != nil {
		t.Error(err)
	}
	good.CAFile = "/nonexistent"
	if _, err := Open(good); err == nil {
		t.Error("a missing CA file is accepted")
	}
}

func TestReportFitsOnAScreen(t *testing.T) {
	t.Parallel()
	c := newChecker(uni(t))
	for i := range 100 {
		id := fmt.Sprint(i)
		for _, mails := range [][]string{
			{"twin" + id + "@uni-due.de"}, {"twin" + id + "@uni-due.de"}, {"o'" + id + "@uni-due.de"}, {id + "@example.org"},
			{"a" + id + "@uni-due.de", "b" + id + "@uni-due.de"}, nil,
		} {
			c.add(person{id: id, mails: mails, all: mails})
		}
		c.add(person{mails: []string{"noid" + id + "@uni-due.de"}})
	}
	c.add(person{id: "evil", mails: []string{"\x1b[2J\u202e'@uni-due.de"}})
	r := c.report()
	var short, long strings.Builder
	if err := errors.Join(r.Print(&short, false), r.Print(&long, true)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(short.String(), "\n"); n > screenLines {
		t.Errorf("%d lines:\n%s", n, short.String())
	}
	if !strings.Contains(short.String(), "… and 99 more") || !strings.Contains(long.String(), "twin99@uni-due.de") {
		t.Errorf("not cut as it should be:\n%s", short.String())
	}
	if strings.ContainsAny(long.String(), "\x1b\u202e") {
		t.Error("control characters reach the terminal")
	}
	if r.OK() {
		t.Error("such a directory is not OK")
	}
}
