package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	ldaptest "protokoll/test/ldap"
)

// ordinary is how many people the shared directory holds beside the difficult ones.
const ordinary = 1000

// shared is one slapd for all tests that do not stop it.
var shared struct {
	once  sync.Once
	slapd *ldaptest.Server
	dir   string
}

func TestMain(m *testing.M) {
	result := m.Run()
	if shared.slapd != nil {
		shared.slapd.Stop()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(result)
}

func slapd(t testing.TB) *ldaptest.Server {
	t.Helper()
	shared.once.Do(func() {
		dir, err := os.MkdirTemp("", "directory")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
		shared.slapd = ldaptest.Start(t, dir, ordinary)
	})
	if shared.slapd == nil {
		t.Fatal("slapd did not start")
	}
	return shared.slapd
}

// logBuffer is a log that tests read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func config(t testing.TB, s *ldaptest.Server) Config {
	return Config{
		URLs: []string{s.URL()}, CAFile: s.CAFile(),
		BindDN: ldaptest.ServiceDN, Password: ldaptest.ServicePassword, BaseDN: ldaptest.BaseDN,
		Mapping: uni(t), RefusalFloor: -1,
		// Generous, for machines that do other things: what a test says of time-outs it sets itself.
		DialTimeout: time.Minute, OpTimeout: time.Minute, SignInTimeout: 2 * time.Minute,
	}
}

func open(t testing.TB, c Config) *LDAP {
	t.Helper()
	l, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	secure := config(t, slapd(t))
	secure.URLs = []string{slapd(t).SecureURL()}
	for name, l := range map[string]*LDAP{"StartTLS": open(t, config(t, slapd(t))), "ldaps": open(t, secure)} {
		for _, c := range []struct {
			local, password string
			err             error
		}{
			{"anna.mueller", "secret", nil},
			{"ben.mueller.stud", "secret", nil},
			{"ANNA.Mueller", "secret", nil},
			{"anna.mueller", "Secret", ErrWrongPassword},
			{"anna.mueller", "", ErrWrongPassword},
			{"ben.mueller", "secret", ErrWrongPassword}, // is a student
			{"nobody", "secret", ErrWrongPassword},
			{"joerg.muessig", "gehéim ß:1", nil},
			{"joerg.muessig", "gehe\u0301im ß:1", nil}, // decomposed
			{"erika.muster", "secret", nil},
			{"erika.muster.stud", "secret", nil},
			{"max.muster.stud", "secret", ErrAmbiguous},
			{"paul.gross", "secret", nil}, // upper case in the directory
			{"vera.viele", "secret", ErrNoPrimary},
			{"v.viele", "secret", ErrNoPrimary},
			{"vera", "secret", ErrWrongPassword}, // her address elsewhere
			{"wanda", "secret", ErrNoPrimary},
			{"gesa.gesperrt", "secret", ErrLocked},
			{"otto.ohnepass", "secret", ErrWrongPassword},
			{"doppelt", "secret", ErrAmbiguous}, // three entries
			{"s.o'hara", "secret", ErrWrongPassword},
			{"gast", "secret", ErrWrongPassword},
			{"sub", "secret", ErrWrongPassword},
			{"kein-at-zeichen", "secret", ErrWrongPassword},
			{strings.Repeat("l", 64), "secret", nil},
			{"komma", "secret", nil},     // DN metacharacters
			{"plus+tag", "secret", nil},  // the same
			{"nur-stern", "secret", nil}, // uid=*
			{"jose", "secret", nil},      // uid josé
			{"isil.i", "secret", nil},
			{"dekanat", "secret", nil},
			{"*", "secret", ErrWrongPassword},
			{"*)(uid=*", "secret", ErrWrongPassword},
			{`\2a`, "secret", ErrWrongPassword},
			{"a\x00b", "secret", ErrWrongPassword},
			{strings.Repeat("a", 4096), "secret", ErrWrongPassword},
			{"anna.mueller@uni-due.de", "secret", ErrWrongPassword},
			// Spellings of a name: the same account or none.
			{"ａｎｎａ.mueller", "secret", nil},                    // full width
			{"\u212aarl.mueller", "secret", nil},               // Kelvin sign
			{"an\u200dna.mueller", "secret", ErrWrongPassword}, // zero-width joiner
			{"an\u00adna.mueller", "secret", ErrWrongPassword}, // soft hyphen
			{"jo\u017fe", "secret", ErrWrongPassword},          // long s
			{"jose\u0301", "secret", ErrWrongPassword},         // é is not e
			{"uid=m000000,ou=people,dc=uni-due,dc=de", "secret", ErrWrongPassword},
		} {
			e, err := l.Authenticate(t.Context(), c.local, c.password)
			if !errors.Is(err, c.err) || (err == nil) != (e.ID != "") {
				t.Errorf("%s: %.40q, %q: %v, want %v", name, c.local, c.password, err, c.err)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	l := open(t, config(t, slapd(t)))
	e, err := l.Lookup(t.Context(), "Paul.Gross")
	if err != nil {
		t.Fatal(err)
	}
	want := Entry{ID: e.ID, Localpart: "paul.gross", Name: "Paul Groß", Mail: "Paul.GROSS@Uni-Due.DE", dn: "uid=n006," + ldaptest.PeopleDN}
	if e != want || len(e.ID) != 36 {
		t.Errorf("got another entry, id of %d bytes", len(e.ID))
	}
	if e, err = l.Lookup(t.Context(), "gesa.gesperrt"); err != nil || !e.Locked {
		t.Errorf("locked: %v, %v", e.Locked, err)
	}
	for local, want := range map[string]error{"nobody": ErrNoSuchEntry, "": ErrNoSuchEntry, "doppelt": ErrAmbiguous, "vera.viele": ErrNoPrimary} {
		if _, err := l.Lookup(t.Context(), local); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", local, err, want)
		}
	}
}

func TestPrimaryAttributeDecides(t *testing.T) {
	t.Parallel()
	c := config(t, slapd(t))
	c.PrimaryAttribute = "mailLocalAddress" // the fixture’s first value of mail
	l := open(t, c)
	if e, err := l.Authenticate(t.Context(), "vera.viele", "secret"); err != nil || e.Mail != "vera.viele@uni-due.de" {
		t.Errorf("primary: %v", err)
	}
	if _, err := l.Authenticate(t.Context(), "v.viele", "secret"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("alias: %v", err)
	}
	if _, err := l.Authenticate(t.Context(), "wanda.stud", "secret"); err != nil {
		t.Errorf("student first: %v", err)
	}
}

func TestFilterSelectsPeople(t *testing.T) {
	t.Parallel()
	c := config(t, slapd(t))
	c.Filter = "(eduPersonAffiliation=staff)"
	l := open(t, c)
	if _, err := l.Authenticate(t.Context(), "emeritus", "secret"); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("retired: %v", err)
	}
	if _, err := l.Authenticate(t.Context(), "erika.muster", "secret"); err != nil {
		t.Errorf("staff: %v", err)
	}
}

// Unknown names and wrong passwords: the same error, and a bind in both cases.
func TestUnknownNameLooksLikeAWrongPassword(t *testing.T) {
	t.Parallel()
	l := open(t, config(t, slapd(t)))
	_, wrong := l.Authenticate(t.Context(), "finn.mueller", "wrong")
	_, unknown := l.Authenticate(t.Context(), "there.is.no.such.person", "wrong")
	if wrong != unknown || wrong != ErrWrongPassword {
		t.Errorf("%v and %v", wrong, unknown)
	}
	if !strings.Contains(slapd(t).Log(t), `BIND dn="cn=nobody,`+ldaptest.BaseDN) {
		t.Error("no bind for an unknown name")
	}
}

func TestWhatMustNotReachTheDirectory(t *testing.T) {
	t.Parallel()
	s := ldaptest.Start(t, t.TempDir(), 1)
	t.Cleanup(s.Stop)
	l := open(t, config(t, s))
	for _, password := range []string{"", strings.Repeat("x", MaxPasswordBytes+1), "a\x00", "\xff"} {
		if _, err := l.Authenticate(t.Context(), "anna.mueller", password); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("%.10q: %v", password, err)
		}
	}
	if log := s.Log(t); strings.Contains(log, "BIND") || strings.Contains(log, "SRCH") {
		t.Errorf("slapd was asked:\n%s", log)
	}
}

func TestTooManyWrongPasswordsLock(t *testing.T) {
	t.Parallel()
	l := open(t, config(t, slapd(t)))
	var err error
	for range 6 { // pwdMaxFailure is 5
		_, err = l.Authenticate(t.Context(), "greta.mueller.stud", "wrong")
	}
	if !errors.Is(err, ErrLocked) {
		t.Errorf("after six: %v", err)
	}
	e, err := l.Lookup(t.Context(), "greta.mueller.stud")
	if err != nil || e.Locked {
		t.Errorf("a lock that passes is no administrator’s lock: %v, %v", e.Locked, err)
	}
}

func TestRefusalTakesItsTime(t *testing.T) {
	t.Parallel()
	c := config(t, slapd(t))
	c.RefusalFloor = 80 * time.Millisecond
	l := open(t, c)
	started := time.Now()
	if _, err := l.Authenticate(t.Context(), "nobody", "secret"); !errors.Is(err, ErrWrongPassword) {
		t.Error(err)
	}
	if took := time.Since(started); took < c.RefusalFloor {
		t.Errorf("refused after %v", took)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	c := config(t, slapd(t))
	c.PoolSize = 3
	l := open(t, c)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			local := []string{"hannah.mueller.stud", "ida.mueller.stud", "jonas.mueller.stud", "lena.mueller.stud"}[i%4]
			e, err := l.Authenticate(context.Background(), local, "secret")
			if err != nil || e.Localpart != local {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	for _, p := range []*pool{l.search, l.binds} {
		if len(p.idle) > c.PoolSize || len(p.slots) != 0 {
			t.Errorf("%d idle connections, %d slots taken", len(p.idle), len(p.slots))
		}
	}
}

func TestLogHoldsNobody(t *testing.T) {
	t.Parallel()
	var log logBuffer
	c := config(t, slapd(t))
	c.Logger = log.logger()
	l := open(t, c)
	var texts []string
	for _, local := range []string{"max.muster.stud", "max.muster.stud", "vera.viele", "nobody", "mia.mueller.stud"} {
		_, err := l.Authenticate(t.Context(), local, "needle-password")
		texts = append(texts, fmt.Sprint(err))
	}
	if n := strings.Count(log.String(), "two directory entries"); n != 1 {
		t.Errorf("the collision is logged %d times, want once a minute:\n%s", n, log.String())
	}
	everything := log.String() + strings.Join(texts, "\n")
	for _, secret := range []string{"needle", "muster", "viele", "nobody", "mueller", "127.0.0.1", "dc=", "uid="} {
		if strings.Contains(everything, secret) {
			t.Errorf("%q is in:\n%s", secret, everything)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	l := open(t, config(t, slapd(t)))
	if _, err := l.Lookup(t.Context(), "nobody"); !errors.Is(err, ErrNoSuchEntry) {
		t.Fatal(err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	_, e1 := l.Lookup(t.Context(), "nobody")
	_, e2 := l.Authenticate(t.Context(), "nobody", "x")
	e3 := l.Walk(t.Context(), nil, nil)
	for _, err := range []error{e1, e2, e3} {
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
}
