package state_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// store is a real log with owners.
type store struct {
	log    *jetstream.Log
	keys   *seal.Keybook
	owners []*seal.Owner
}

func newStore(t testing.TB, people int) *store {
	t.Helper()
	dir := t.TempDir()
	keys, err := seal.Create(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	s := &store{keys: keys}
	if s.log, err = jetstream.Create(jetstream.Config{Dir: filepath.Join(dir, "log"), Keys: keys}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.log.Close(); err != nil {
			t.Error(err)
		}
	})
	ids := make([]schemas.OwnerID, people)
	for i := range ids {
		ids[i] = schemas.NewOwnerID()
	}
	if err := keys.Add(ids...); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		o, err := keys.Owner(id)
		if err != nil {
			t.Fatal(err)
		}
		s.owners = append(s.owners, o)
	}
	return s
}

// fill appends n roster items, dealt round, and returns the last receipt.
func (s *store) fill(t testing.TB, n int) *eventlog.Receipt {
	t.Helper()
	var last *eventlog.Receipt
	for i := range n {
		item := &schemas.RosterItem{Contact: fmt.Sprintf("contact%d@example.org", i/len(s.owners)), Name: "Some Body", Groups: []string{"Friends"}, Listed: true}
		last = s.log.Append(eventlog.Command{
			Owner: s.owners[i%len(s.owners)], Cause: schemas.Cause_CLIENT, Facts: []eventlog.Fact{eventlog.Set(item.Contact, item)},
		})
		if i%4096 == 0 {
			if err := last.Wait(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := last.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	return last
}

// TestOnTheRealLog reads back, opens and compares what the embedded log holds.
func TestOnTheRealLog(t *testing.T) {
	t.Parallel()
	s := newStore(t, 10)
	dir := t.TempDir()
	live, err := state.Open(dir, s.log, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- live.Run(ctx) }()
	receipt := s.fill(t, 500)
	if err := live.Wait(ctx, receipt.Positions()...); err != nil {
		t.Fatal(err)
	}
	for _, o := range s.owners {
		facts, err := live.Facts(o.ID(), schemas.Family_ROSTER_FACTS)
		if err != nil || len(facts) != 50 {
			t.Fatalf("%d facts, %v", len(facts), err)
		}
		for i, f := range facts {
			m, err := eventlog.Open(o, f.About, f.Sealed)
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("contact%d@example.org", i); m.(*schemas.RosterItem).GetContact() != want {
				t.Errorf("fact %d is about %q", i, m.(*schemas.RosterItem).GetContact())
			}
		}
	}
	was, rebuilt, err := state.Check(ctx, live, s.log, t.TempDir(), nil)
	if err != nil || was.SHA256 != rebuilt.SHA256 || was.Events != 500 || rebuilt.Events != 500 {
		t.Errorf("live %s after %d, rebuilt %s after %d: %v", was, was.Events, rebuilt, rebuilt.Events, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := live.Close(); err != nil {
		t.Error(err)
	}
}

// BenchmarkRebuildFromLog1000000 folds 1,000,000 events of the embedded log: reading, deciphering and folding them.
func BenchmarkRebuildFromLog1000000(b *testing.B) {
	s := newStore(b, 40_000)
	s.fill(b, 1_000_000)
	for b.Loop() {
		if _, err := state.Rebuild(context.Background(), b.TempDir(), s.log, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenNowFromLog1000000 is BenchmarkOpenNow on the embedded log: after a kill its records are read and deciphered too.
func BenchmarkOpenNowFromLog1000000(b *testing.B) {
	s := newStore(b, 40_000)
	for i := range 1_000_000 {
		p := &schemas.PresenceUpdated{Resource: "phone", Available: true, Show: "away", Status: "Back at two", At: 1_700_000_000_000}
		last := s.log.Append(eventlog.Command{
			Owner: s.owners[i%len(s.owners)], Cause: schemas.Cause_CLIENT, Facts: []eventlog.Fact{eventlog.Set(p.Resource, p)},
		})
		if i%4096 == 0 || i == 999_999 {
			if err := last.Wait(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
	start := func(b *testing.B, dir string) {
		live, err := state.Open(dir, s.log, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- live.Run(ctx) }()
		if err := live.Caught(ctx); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		cancel()
		<-ended
		if err := live.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.Run("killed", func(b *testing.B) {
		for b.Loop() {
			start(b, b.TempDir())
		}
	})
	b.Run("clean", func(b *testing.B) {
		dir := b.TempDir()
		start(b, dir)
		for b.Loop() {
			start(b, dir)
		}
	})
}
