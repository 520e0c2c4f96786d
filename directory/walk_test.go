package directory

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ldaptest "protokoll/test/ldap"
)

// campus is as many ordinary people as the university has.
const campus = 40_000

func TestWalk(t *testing.T) {
	t.Parallel()
	l := open(t, config(t, slapd(t)))
	seen, several := map[string]int{}, 0
	var calls [][2]int
	err := l.Walk(t.Context(), func(done, total int) { calls = append(calls, [2]int{done, total}) },
		func(mail string, all []string, id string) error {
			seen[mail]++
			if len(all) > 1 {
				several++
			}
			if id == "" {
				t.Error("a person without an id")
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	const n = ordinary + ldaptest.Difficult
	if want := [][2]int{{0, n}, {1000, n}, {n, n}}; !slices.Equal(calls, want) {
		t.Errorf("progress %v, want %v", calls, want)
	}
	if seen["anna.mueller@uni-due.de"] != 1 || seen["doppelt@uni-due.de"] != 2 || seen["vera.viele@uni-due.de"] != 0 || several != 4 {
		t.Errorf("%d with several addresses", several)
	}
}

func TestWalkStops(t *testing.T) {
	t.Parallel()
	l := open(t, config(t, slapd(t)))
	enough := errors.New("enough")
	calls := 0
	err := l.Walk(t.Context(), nil, func(string, []string, string) error { calls++; return enough })
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Walk(ctx, nil, nil); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Without its limit lifted the service account sees 500 people: the walk says so
// and does not call the first 500 everybody.
func TestWalkIsCutOff(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t, t.TempDir(), 600)
	t.Cleanup(s.Stop)
	s.Stop()
	file := filepath.Join(s.Dir, "slapd.conf")
	settings, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	settings = bytes.Replace(settings, []byte("limits "), []byte("# limits "), 1)
	if err := os.WriteFile(file, settings, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	err = open(t, config(t, s)).Walk(t.Context(), nil, func(string, []string, string) error { return nil })
	if !errors.Is(err, ErrSizeLimit) {
		t.Errorf("%v, want %v", err, ErrSizeLimit)
	}
}

func TestCheckDifficultPeople(t *testing.T) {
	t.Parallel()
	l := open(t, config(t, slapd(t)))
	r, err := Check(t.Context(), l, uni(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.Print(&text, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1030 people: 1014 can sign in, 1 locked, 4 with several addresses\n",
		"nobody of these can sign in: 2\n",
		"  max.muster.stud: max.muster.stud@uni-due.de [", "] against max.muster@stud.uni-due.de [",
		"  doppelt: DOPPELT@uni-due.de [", "] against doppelt@uni-due.de [",
		"no valid localpart: 3\n",
		"  kein-at-zeichen [", "  r&d/raum@uni-due.de [", "  s.o'hara@uni-due.de [", `no valid localpart: '\'' is not allowed in a JID`,
		"primary one not clear: 4\n", "  v.viele@uni-due.de, vera.viele@uni-due.de, vera@example.org [", "  wanda@stud.uni-due.de, wanda@uni-due.de [",
		"outside the rules: 3\n", "  gast@example.org [", "  sub@informatik.uni-due.de [", "  vera@example.org [",
		"People without an address: 1\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if t.Failed() {
		t.Log(text.String())
	}
	if r.OK() {
		t.Error("OK in spite of collisions")
	}
}

// Another mapping than the one in use: what would be, before it is switched on.
func TestCheckAnotherMapping(t *testing.T) {
	t.Parallel()
	m, err := NewMapping("x.example", []Rule{{"stud.uni-due.de", ".s"}, {"uni-due.de", ""}, {"example.org", ".extern"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Check(t.Context(), open(t, config(t, slapd(t))), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Collisions) != 1 || len(r.Foreign) != 1 {
		t.Errorf("%d collisions, %d outside the rules", len(r.Collisions), len(r.Foreign))
	}
}

func TestCheckCampus(t *testing.T) {
	s := ldaptest.Start(t, t.TempDir(), campus)
	t.Cleanup(s.Stop)
	l := open(t, config(t, s))
	var done, total int
	r, err := Check(t.Context(), l, uni(t), func(d, n int) { done, total = d, n })
	if err != nil {
		t.Fatal(err)
	}
	if want := campus + ldaptest.Difficult; r.People != want || done != want || total != want {
		t.Errorf("%d people, progress %d of %d; want %d", r.People, done, total, want)
	}
	if len(r.Collisions) != 2 || r.Able != campus+14 {
		t.Errorf("%d collisions, %d can sign in", len(r.Collisions), r.Able)
	}
	if err := anna(l); err != nil {
		t.Error(err)
	}
}
