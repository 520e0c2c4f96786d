package accounts_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// slowLog takes a command to the log when it is let go.
type slowLog struct {
	eventlog.Log
	asked, letGo chan struct{}
}

func (s *slowLog) Append(c eventlog.Command) *eventlog.Receipt {
	r := eventlog.NewReceipt(1)
	s.asked <- struct{}{}
	go func() {
		<-s.letGo
		inner := s.Log.Append(c)
		inner.Then(func(err error) { r.Settle(inner.Positions()[0], err) })
	}()
	return r
}

// newRegistry returns a registry on a real log and state, with appends going through a slowLog.
func newRegistry(t *testing.T) (*accounts.Registry, *slowLog) {
	t.Helper()
	dir := t.TempDir()
	keys, err := seal.Create(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	log, err := jetstream.Create(jetstream.Config{Dir: filepath.Join(dir, "log"), Keys: keys, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	facts, err := state.Open(filepath.Join(dir, "state"), log, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	folded := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(folded)
		_ = facts.Run(ctx) // the reason is what the test did
	}()
	t.Cleanup(func() {
		cancel()
		<-folded
		if err := errors.Join(log.Close(), facts.Close()); err != nil {
			t.Error(err)
		}
	})
	slow := &slowLog{Log: log, asked: make(chan struct{}, 8), letGo: make(chan struct{})}
	return accounts.New(slow, facts, keys), slow
}

// Who gives up while the disk is slow must not make room for a second owner of the same address.
func TestOneOwnerOfAnAddressWhoeverGivesUp(t *testing.T) {
	t.Parallel()
	r, log := newRegistry(t)
	anna := accounts.NewAccount{Localpart: "anna", Domain: "a.example", DirectoryID: "d-1"}
	impatient, giveUp := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- r.Open(impatient, schemas.Cause_DIRECTORY, anna) }()
	<-log.asked
	giveUp()
	go func() { second <- r.Open(t.Context(), schemas.Cause_DIRECTORY, anna) }()
	close(log.letGo)
	if err := <-first; err != nil {
		t.Errorf("first: %v", err)
	}
	if err := <-second; !errors.Is(err, accounts.ErrExists) {
		t.Errorf("second: got %v, want %v", err, accounts.ErrExists)
	}
	n := 0
	if err := r.List(func(accounts.Account) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d owners of one address, %v", n, err)
	}
}

// One batch cannot give an address or a directory entry twice either.
func TestOneOwnerOfAnAddressWithinABatch(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string][]accounts.NewAccount{
		"address":         {{Localpart: "anna", Domain: "a.example"}, {Localpart: "anna", Domain: "a.example", DirectoryID: "d-1"}},
		"directory entry": {{Localpart: "anna", Domain: "a.example", DirectoryID: "d-1"}, {Localpart: "bela", Domain: "a.example", DirectoryID: "d-1"}},
	} {
		r, log := newRegistry(t)
		close(log.letGo)
		if err := r.Open(t.Context(), schemas.Cause_STAFF, batch...); !errors.Is(err, accounts.ErrExists) {
			t.Errorf("%s twice: got %v, want %v", name, err, accounts.ErrExists)
		}
	}
}
