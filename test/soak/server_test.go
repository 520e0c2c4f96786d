package soak

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/internal/democa"
	"protokoll/internal/peer"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/router"
	"protokoll/xmpp/sasl"
	"protokoll/xmpp/stream"
)

const (
	domain = "localhost"
	// window is how long sessions can be resumed here; long enough that some are and some are not.
	window = 2 * time.Second
	// idle is how long accounts without a session stay in memory here.
	idle = time.Second
)

// startServer starts a server in this process, put together as `demo` does it, with accounts that are cheap to check.
func startServer(tb testing.TB, people int) (*node.Node, plan) {
	tb.Helper()
	folder := tb.TempDir()
	if _, err := democa.Pair(folder, domain, time.Now()); err != nil {
		tb.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	tls := filepath.Join(folder, "tls")
	n, err := node.Start(tb.Context(), node.Config{
		Store:   node.StoreConfig{Folder: folder, Logger: logger},
		Domains: []node.Domain{{Pair: stream.Pair{Domain: domain, Certificate: filepath.Join(tls, "cert.pem"), Key: filepath.Join(tls, "cert.key")}}},
		Listen:  []string{"127.0.0.1:0"}, ListenTLS: []string{"127.0.0.1:0"},
		Accounts: router.Limits{Idle: idle},
		Origins:  peer.Limits{Connections: 100_000, PerSecond: 100_000, Burst: 100_000, FreeFailures: 10, FreeOriginFailures: 300, MaxWait: time.Second},
		Resume:   window, Logger: logger,
		Prepare: func(ctx context.Context, s *node.Store) error { return openAccounts(ctx, s, people) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		tb.Fatal(err)
	}
	at := n.Addresses()
	return n, plan{Addr: at[0], TLSAddr: at[1], Domain: domain, CA: ca, People: people, Window: window}
}

// openAccounts gives everybody the same verifiers, the cheapest there are: passwords are not what is measured.
func openAccounts(ctx context.Context, s *node.Store, people int) error {
	verifiers, err := sasl.NewVerifiers(password, sasl.MinIterations)
	if err != nil {
		return err
	}
	all := make([]accounts.NewAccount, people)
	for i := range all {
		all[i] = accounts.NewAccount{Localpart: name(i), Domain: domain, Verifiers: verifiers}
	}
	return s.Accounts.Open(ctx, schemas.Cause_STAFF, all...)
}

// stopServer stops it, and fails where goroutines stay that were not running before it was started.
func stopServer(tb testing.TB, n *node.Node, running int) {
	tb.Helper()
	if err := n.Stop(context.WithoutCancel(tb.Context())); err != nil {
		tb.Error(err)
	}
	if !until(patience, func() bool { return runtime.NumGoroutine() <= running }) {
		tb.Errorf("%d goroutines ran before the start, %d after the stop:\n%s", running, runtime.NumGoroutine(), stacks())
	}
}

// rebuilt fails where the state is not what the log says.
func rebuilt(tb testing.TB, n *node.Node) {
	tb.Helper()
	live, again, err := state.Check(tb.Context(), n.State, n.Log, n.Folder, func(eventlog.Lane, uint64, uint64) {})
	if err != nil {
		tb.Fatal(err)
	}
	if live.String() != again.String() {
		tb.Errorf("the state is %v, the log says %v", live, again)
	}
}
