package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/eventlog/ledger"
	"protokoll/eventlog/ledger/verify"
)

// thinned is a store whose first segments were erased after the checkpoints inside them had been thinned, and every checkpoint that was
// ever signed. spoil changes the folder before anything is erased.
func thinned(t *testing.T, spoil func(dir string)) (s *store, all [][]byte) {
	t.Helper()
	var minutes atomic.Int64
	first := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return first.Add(time.Duration(minutes.Load()) * time.Minute) }
	s = newStoreWith(t, ledger.Config{Clock: clock, Every: time.Hour})
	for range 12 {
		s.messages(7)
		all = append(all, s.checkpoint())
		minutes.Add(1)
	}
	for range 3 { // each thins one file at most
		minutes.Add(60 * 24 * 60)
		s.messages(20)
		all = append(all, s.checkpoint())
	}
	spoil(s.dir)
	s.sweep(2)
	all = append(all, s.checkpoint())
	s.close()
	return s, all
}

// Whoever kept a checkpoint that the server thinned away still gets its proof, also after the leaves around it were erased.
func TestThinnedCheckpointsStillProve(t *testing.T) {
	t.Parallel()
	s, all := thinned(t, func(string) {})
	file := filepath.Join(s.dir, "ledger", "checkpoints", "1-2026-01-01")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte("protokoll ledger\n")); n != 1 {
		t.Fatalf("%d checkpoints stayed of the first day", n)
	}
	kept := writeFile(t, filepath.Join(t.TempDir(), "kept"), bytes.Join(all, nil))
	r := run(t, verify.Options{Data: s.dir, Checkpoints: []string{kept}})
	mustBeTrue(t, r)
	if r.Proved < len(all) {
		t.Errorf("%d of %d checkpoints are proved", r.Proved, len(all))
	}
}

// Without the sizes that thinning leaves there would be no such proof: the test above sees what it is about.
func TestThinningNeedsTheSizes(t *testing.T) {
	t.Parallel()
	s, all := thinned(t, func(dir string) {
		edit(t, filepath.Join(dir, "ledger", "checkpoints", "1-2026-01-01"), func(b []byte) []byte {
			note, _, _ := strings.Cut(string(b), "thinned\n")
			return []byte(note)
		})
	})
	kept := writeFile(t, filepath.Join(t.TempDir(), "kept"), bytes.Join(all, nil))
	if r := run(t, verify.Options{Data: s.dir, Checkpoints: []string{kept}}); len(r.Faults) == 0 {
		t.Error("every checkpoint is proved all the same")
	}
}
