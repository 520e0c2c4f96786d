package backup_test

import (
	"errors"
	"testing"
	"time"

	"protokoll/backup"
)

var errKilled = errors.New("killed")

// A kill before each step of a backup, of a full one and of one that builds on another: what is left says that it is partial, the
// backup before it is untouched, the next one is whole, and pruning leaves only whole ones. The last step only makes a name
// last, so a backup that was killed before it is there, or will be gone as a whole.
func TestCrashAtEachStepOfABackup(t *testing.T) {
	t.Parallel()
	for name, incremental := range map[string]bool{"full": false, "incremental": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			for _, step := range backup.Steps {
				t.Run(step, func(t *testing.T) {
					s.crashAt(t, step, backup.Options{Dir: t.TempDir(), KeysTo: t.TempDir(), Incremental: incremental})
				})
			}
		})
	}
}

func (s *store) crashAt(t *testing.T, step string, o backup.Options) {
	s.put(t, 0, 20)
	first := s.backup(t, o)
	s.put(t, 20, 10)
	reached := false
	s.source.Step = func(at string) error {
		if at == step {
			reached = true
			return errKilled
		}
		return nil
	}
	if _, err := backup.Make(t.Context(), s.source, o, nil); !errors.Is(err, errKilled) || !reached {
		t.Fatalf("got %v", err)
	}
	s.source.Step = nil
	all, err := backup.List(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Path != first.Backup && step != "name" && !errors.Is(e.Fault, backup.ErrPartial) {
			t.Errorf("%s: %v", e.Path, e.Fault)
		}
	}
	checkNewest(t, o, step == "name", first.Backup)

	s.put(t, 30, 10)
	next := s.backup(t, o)
	checkNewest(t, o, false, next.Backup)
	if _, err := backup.Prune(o.Dir, o.KeysTo, s.now, time.Hour, time.Hour); err != nil {
		t.Fatal(err)
	}
	left, err := backup.List(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := backup.ListKeys(o.KeysTo)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range append(left, keys...) {
		if e.Fault != nil {
			t.Errorf("after pruning: %s: %v", e.Path, e.Fault)
		}
	}
	checkNewest(t, o, false, next.Backup)
}

// checkNewest verifies the newest whole backup, which is the one that is named unless another is as good.
func checkNewest(t *testing.T, o backup.Options, other bool, path string) {
	t.Helper()
	e, err := backup.Find(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if e.Path != path && !other {
		t.Errorf("%s is found, not %s", e.Path, path)
	}
	keys, err := backup.FindKeys(e, o.KeysTo)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Verify(t.Context(), e, keys, nil); err != nil {
		t.Error(err)
	}
}
