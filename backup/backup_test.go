package backup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/backup"
	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// store is a real log with keys in a data folder.
type store struct {
	dir    string
	log    *jetstream.Log
	keys   *seal.Keybook
	owner  *seal.Owner
	now    time.Time
	source backup.Source
}

func newStore(t testing.TB) *store {
	t.Helper()
	s := &store{dir: t.TempDir(), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	var err error
	if s.keys, err = seal.Create(filepath.Join(s.dir, "keys"), seal.FileRoot(filepath.Join(s.dir, "root.key"))); err != nil {
		t.Fatal(err)
	}
	if s.log, err = jetstream.Create(jetstream.Config{Dir: filepath.Join(s.dir, "log"), Keys: s.keys}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.log.Close(); err != nil {
			t.Error(err)
		}
	})
	id := schemas.NewOwnerID()
	if err := s.keys.Add(id); err != nil {
		t.Fatal(err)
	}
	if s.owner, err = s.keys.Owner(id); err != nil {
		t.Fatal(err)
	}
	s.source = backup.Source{
		Folder: s.dir, Log: s.log, Keys: s.keys, Program: "test",
		Clock:  func() time.Time { s.now = s.now.Add(time.Second); return s.now },
		Orders: func(context.Context) (backup.Orders, error) { return backup.Orders{}, nil },
	}
	return s
}

// put appends n roster items and a presence, and waits for the disk.
func (s *store) put(t testing.TB, first, n int) {
	t.Helper()
	var facts []eventlog.Fact
	for i := first; i < first+n; i++ {
		item := &schemas.RosterItem{Contact: fmt.Sprintf("contact%d@example.org", i), Listed: true}
		facts = append(facts, eventlog.Set(item.Contact, item))
	}
	facts = append(facts, eventlog.Set("presence", &schemas.PresenceUpdated{}))
	if err := s.log.Append(eventlog.Command{Owner: s.owner, Cause: schemas.Cause_CLIENT, Facts: facts}).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *store) backup(t testing.TB, o backup.Options) backup.Result {
	t.Helper()
	r, err := backup.Make(t.Context(), s.source, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func find(t testing.TB, path string) (backup.Entry, string) {
	t.Helper()
	e, err := backup.Find(path)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := backup.FindKeys(e, "")
	if err != nil {
		t.Fatal(err)
	}
	return e, keys
}

// TestThereAndBack backs a store up twice and reads the second one out of what was unpacked.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	s, dir := newStore(t), t.TempDir()
	s.put(t, 0, 50)
	first := s.backup(t, backup.Options{Dir: dir})
	s.put(t, 50, 30)
	second := s.backup(t, backup.Options{Dir: dir, Incremental: true})
	if second.Linked == 0 || second.Segments != first.Segments+1 {
		t.Errorf("the second backup: %+v after %+v", second, first)
	}
	e, keys := find(t, dir)
	if e.Path != second.Backup {
		t.Errorf("%s is found, not the newest", e.Path)
	}
	report, err := backup.Verify(t.Context(), e, keys, nil)
	if err != nil || report.Events[eventlog.Lasting] != 80 || report.Events[eventlog.Now] != 0 {
		t.Errorf("verified %v: %v", report.Events, err)
	}
	seen := backup.Seen{At: s.now, Marks: map[eventlog.Lane]uint64{eventlog.Now: 700}}
	target := filepath.Join(t.TempDir(), "new")
	u, err := backup.Unpack(t.Context(), e, keys, target, seen, s.now.Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	if u.Ends[eventlog.Lasting] != 80 {
		t.Errorf("ends %v", u.Ends)
	}
	book, err := seal.OpenKeybook(filepath.Join(target, "keys"), seal.FileRoot(filepath.Join(target, "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	for _, live := range s.log.Segments(eventlog.Now) {
		if _, err := book.Segment(live.ID); !errors.Is(err, seal.ErrForgotten) {
			t.Errorf("the key of a segment that was left out: %v", err)
		}
	}
	log, err := jetstream.Open(jetstream.Config{Dir: filepath.Join(target, "log"), Keys: book})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	count := 0
	err = log.Read(t.Context(), eventlog.Lasting, 1, 80, func(records []eventlog.Record) error { count += len(records); return nil })
	if err != nil || count != 80 {
		t.Errorf("%d events, %v", count, err)
	}
	for lane, above := range map[eventlog.Lane]uint64{eventlog.Now: 700, eventlog.Lasting: 80} {
		family := map[eventlog.Lane]schemas.Family{eventlog.Now: schemas.Family_PRESENCE_FACTS, eventlog.Lasting: schemas.Family_ROSTER_FACTS}[lane]
		owner, err := book.Owner(s.owner.ID())
		if err != nil {
			t.Fatal(err)
		}
		r := log.Append(eventlog.Command{Owner: owner, Facts: []eventlog.Fact{eventlog.End(family, "x")}})
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := r.Positions()[0].Number; n < above+1<<20 {
			t.Errorf("lane %s goes on at %d; somebody may have seen that", lane, n)
		}
	}
}

// TestInterrupted ends a backup after each file: what is left is partial, says so, is refused and pruned.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.put(t, 0, 10)
	for step := 1; ; step++ {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err := backup.Make(ctx, s.source, backup.Options{Dir: dir}, func(string, uint64, uint64) {
			if calls++; calls == step {
				cancel()
			}
		})
		cancel()
		if err == nil {
			if step < 5 {
				t.Errorf("only %d steps", step)
			}
			return
		}
		if _, err := backup.Find(dir); !errors.Is(err, backup.ErrPartial) {
			t.Fatalf("interrupted after %d files: %v", step, err)
		}
		all, err := backup.List(dir)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		target := filepath.Join(t.TempDir(), "new")
		if _, err := backup.Unpack(t.Context(), all[0], "", target, backup.Seen{}, s.now, nil); !errors.Is(err, backup.ErrPartial) {
			t.Errorf("a partial backup is unpacked: %v", err)
		}
		if p, err := backup.Prune(dir, "", s.now, time.Hour, time.Hour); err != nil || p.Partial == 0 || p.Backups != 0 {
			t.Errorf("pruned %+v, %v", p, err)
		}
		if all, err := backup.List(dir); err != nil || len(all) != 0 {
			t.Errorf("after pruning there is %v, %v", all, err)
		}
	}
}

// TestNoManifest takes away the manifest alone, as a kill before the last write does.
func TestNoManifest(t *testing.T) {
	t.Parallel()
	s, dir := newStore(t), t.TempDir()
	s.put(t, 0, 10)
	r := s.backup(t, backup.Options{Dir: dir})
	if err := os.Remove(filepath.Join(r.Backup, "manifest")); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Find(r.Backup); !errors.Is(err, backup.ErrPartial) {
		t.Error(err)
	}
}

// TestDamage changes one bit of every file, cuts it and takes it away: verify names it, and unpack refuses.
func TestDamage(t *testing.T) {
	t.Parallel()
	s, dir := newStore(t), t.TempDir()
	s.put(t, 0, 10)
	r := s.backup(t, backup.Options{Dir: dir})
	e, keys := find(t, dir)
	for _, folder := range []string{r.Backup, r.Keys} {
		err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			whole, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for name, harm := range map[string]func() error{
				"a bit":  func() error { b := append([]byte{}, whole...); b[len(b)/2] ^= 4; return os.WriteFile(path, b, 0o600) },
				"a cut":  func() error { return os.Truncate(path, int64(len(whole)-1)) },
				"a loss": func() error { return os.Remove(path) },
			} {
				if err := harm(); err != nil {
					return err
				}
				e := e
				e.Manifest, e.Fault = reread(e.Path)
				_, err := backup.Verify(t.Context(), e, keys, nil)
				if err == nil {
					t.Errorf("%s in %s is not noticed", name, path)
				} else if errors.Is(err, backup.ErrDamaged) && !strings.Contains(err.Error(), filepath.Base(path)) {
					t.Errorf("%s in %s: %v", name, path, err)
				}
				target := filepath.Join(t.TempDir(), "new")
				if _, err := backup.Unpack(t.Context(), e, keys, target, backup.Seen{}, s.now, nil); err == nil {
					t.Errorf("%s in %s: unpacked", name, path)
				}
				if err := os.WriteFile(path, whole, 0o600); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := backup.Verify(t.Context(), e, keys, nil); err != nil {
		t.Errorf("all is as it was: %v", err)
	}
}

func reread(path string) (*backup.Manifest, error) {
	e, err := backup.Find(path)
	return e.Manifest, err
}

// TestPrune keeps keys for a shorter time than backups, and leaves the files that others link to.
func TestPrune(t *testing.T) {
	t.Parallel()
	s, dir, keys := newStore(t), t.TempDir(), t.TempDir()
	s.put(t, 0, 10)
	o := backup.Options{Dir: dir, KeysTo: keys, Incremental: true}
	s.backup(t, o)
	s.now = s.now.Add(10 * 24 * time.Hour)
	s.backup(t, o)
	if p, err := backup.Prune(dir, keys, s.now, 30*24*time.Hour, 7*24*time.Hour); err != nil || p != (backup.Pruned{Keys: 1}) {
		t.Fatalf("pruned %+v, %v", p, err)
	}
	if p, err := backup.Prune(dir, keys, s.now.Add(21*24*time.Hour), 30*24*time.Hour, 30*24*time.Hour); err != nil || p != (backup.Pruned{Backups: 1}) {
		t.Fatalf("pruned %+v, %v", p, err)
	}
	e, err := backup.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	found, err := backup.FindKeys(e, keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Verify(t.Context(), e, found, nil); err != nil {
		t.Error(err)
	}
}

// TestBusy refuses a second writer in one folder.
func TestBusy(t *testing.T) {
	t.Parallel()
	s, dir := newStore(t), t.TempDir()
	s.put(t, 0, 3)
	var inner error
	_, err := backup.Make(t.Context(), s.source, backup.Options{Dir: dir}, func(string, uint64, uint64) {
		_, inner = backup.Prune(dir, "", s.now, 0, 0)
	})
	if err != nil || !errors.Is(inner, backup.ErrBusy) {
		t.Error(err, inner)
	}
}
