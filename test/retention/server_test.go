package retention

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/internal/democa"
	"protokoll/retention/engine"
	"protokoll/schemas"
	"protokoll/test/wire"
	"protokoll/xmpp/router"
	"protokoll/xmpp/sasl"
	"protokoll/xmpp/stream"
)

const (
	domain   = "localhost"
	password = "open sesame"
)

// clock is the one clock of a server; the test moves it.
type clock struct {
	mu      sync.Mutex
	began   time.Time
	elapsed time.Duration
}

func (c *clock) Now() time.Time { return c.began.Add(c.Elapsed()) }

func (c *clock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.elapsed += d
	c.mu.Unlock()
}

// server is a whole one in this process.
type server struct {
	*node.Node
	t      testing.TB
	clock  *clock
	folder string
	target wire.Target
	said   said
	limits router.Limits
}

// said is what the server reported; it is shown where a test fails.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func start(t testing.TB, names ...string) *server {
	t.Helper()
	return startWith(t, router.Limits{}, names...)
}

func startWith(t testing.TB, limits router.Limits, names ...string) *server {
	t.Helper()
	s := &server{t: t, limits: limits, folder: t.TempDir(), clock: &clock{began: time.Now().Truncate(time.Second)}}
	if _, err := democa.Pair(s.folder, domain, time.Now()); err != nil {
		t.Fatal(err)
	}
	s.run(names...)
	t.Cleanup(s.stop)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.said.String())
		}
	})
	return s
}

func (s *server) run(names ...string) {
	s.t.Helper()
	tls, logger := filepath.Join(s.folder, "tls"), slog.New(slog.NewTextHandler(&s.said, nil))
	verifiers, err := sasl.NewVerifiers(password, sasl.MinIterations)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Node, err = node.Start(context.Background(), node.Config{
		Store: node.StoreConfig{
			Folder: filepath.Join(s.folder, "data"), Logger: logger, ReserveBytes: 1, Clock: s.clock.Now, Elapsed: s.clock.Elapsed,
		},
		Domains: []node.Domain{{Pair: stream.Pair{Domain: domain, Certificate: filepath.Join(tls, "cert.pem"), Key: filepath.Join(tls, "cert.key")}}},
		Listen:  []string{"127.0.0.1:0"}, Logger: logger, Accounts: s.limits,
		Prepare: func(ctx context.Context, store *node.Store) error {
			var batch []accounts.NewAccount
			for _, name := range names {
				batch = append(batch, accounts.NewAccount{Localpart: name, Domain: domain, Verifiers: verifiers})
			}
			if len(batch) == 0 {
				return nil
			}
			return store.Accounts.Open(ctx, schemas.Cause_STAFF, batch...)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	authority, err := os.ReadFile(filepath.Join(s.folder, "ca.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	s.target = wire.Target{Addr: s.Addresses()[0], Domain: domain, Roots: roots}
}

func (s *server) stop() {
	if err := s.Stop(context.Background()); err != nil {
		s.t.Error(err)
	}
}

// pass lets time pass as a running server sees it: the engine looks at its lanes every few minutes.
func (s *server) pass(d time.Duration) {
	s.t.Helper()
	step := max(5*time.Minute, d/200)
	for d > 0 {
		step = min(step, d)
		s.clock.pass(step)
		d -= step
		s.Retention.Tick(context.Background())
	}
}

func (s *server) account(name string) accounts.Account {
	s.t.Helper()
	a, err := s.Accounts.Find(domain, name)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// read hands every event of every lane to fn.
func (s *server) read(fn func(eventlog.Record)) {
	s.t.Helper()
	for _, l := range eventlog.Lanes {
		err := s.Log.Read(context.Background(), l, 1, s.Log.Mark(l), func(all []eventlog.Record) error {
			for _, r := range all {
				fn(r)
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *server) status() engine.Status {
	s.t.Helper()
	st, err := s.Retention.Status(context.Background(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return st
}

// put states a fact of an owner, and returns when it is on disk and folded.
func (s *server) put(o *seal.Owner, f eventlog.Fact) []eventlog.Position {
	s.t.Helper()
	r := s.Log.Append(eventlog.Command{Owner: o, Cause: schemas.Cause_SERVER, Facts: []eventlog.Fact{f}})
	err := r.Wait(context.Background())
	if err == nil {
		err = s.State.Wait(context.Background(), r.Positions()...)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Positions()
}
