package backup_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"protokoll/backup"
)

// lay makes folders that are named as backups and keys are; those that are whole have a manifest.
func lay(t *testing.T, dir, prefix string, made time.Time, whole bool) {
	t.Helper()
	path := filepath.Join(dir, prefix+made.UTC().Format("20060102T150405.000Z"))
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if whole { // a damaged one: it counts until its period is over
		if err := os.WriteFile(filepath.Join(path, "manifest"), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), backup.PlacesName)
	if all, err := backup.ReadPlaces(file); err != nil || len(all) != 0 {
		t.Fatalf("before any backup: %v, %v", all, err)
	}
	first, second := time.Unix(1000, 0).UTC(), time.Unix(2000, 0).UTC()
	for _, p := range []backup.Place{{"/a", "", first}, {"/b", "/k", first}, {"/a", "/a", second}} {
		if err := backup.Remember(file, p); err != nil {
			t.Fatal(err)
		}
	}
	all, err := backup.ReadPlaces(file)
	if want := []backup.Place{{"/a", "/a", second}, {"/b", "/k", first}}; err != nil || !slices.Equal(all, want) {
		t.Errorf("got %v, %v, want %v", all, err, want)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info, err)
	}
	if err := backup.ForgetPlace(file, "/c"); !errors.Is(err, backup.ErrPlace) {
		t.Errorf("an unknown folder: %v", err)
	}
	if err := backup.ForgetPlace(file, "/k"); err != nil { // there is no such folder any more
		t.Error(err)
	}
	if all, err := backup.ReadPlaces(file); err != nil || len(all) != 1 || all[0].Dir != "/a" {
		t.Errorf("after one was forgotten: %v, %v", all, err)
	}
}

func TestPlacesAtTheLimit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), backup.PlacesName)
	text := "["
	for i := range 999 {
		text += fmt.Sprintf(`{"dir":"/%d","keys":"/%d"},`, i, i)
	}
	if err := os.WriteFile(file, []byte(text+`{"dir":"/a","keys":"/a"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := backup.Remember(file, backup.Place{Dir: "/a"}); err != nil {
		t.Errorf("one that is known: %v", err)
	}
	if err := backup.Remember(file, backup.Place{Dir: "/b"}); !errors.Is(err, backup.ErrPlaces) {
		t.Errorf("one more: %v", err)
	}
}

// Nobody may take a record that cannot be read for one that names nothing.
func TestPlacesDamaged(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), backup.PlacesName)
	for _, text := range []string{"", "[", `{"dir":"/a"}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := backup.ReadPlaces(file); err == nil {
			t.Errorf("%q is read as %v", text, all)
		}
		if err := backup.Remember(file, backup.Place{Dir: "/b"}); err == nil {
			t.Errorf("%q is written over", text)
		}
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	const period = 30 * 24 * time.Hour
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	p := backup.Place{Dir: t.TempDir(), Keys: t.TempDir()}
	edge := now.Add(-period)
	lay(t, p.Dir, "backup-", edge, true)
	lay(t, p.Keys, "keys-", edge.Add(-time.Hour), true)
	lay(t, p.Dir, "backup-", edge.Add(-time.Millisecond), true)
	lay(t, p.Dir, "backup-", edge.Add(-2*time.Hour), false)
	lay(t, p.Dir, "backup-", now, false)
	lay(t, p.Dir, "other-", edge.Add(-time.Hour), true)
	s := backup.Look(p, now, period)
	if s.Backups != 2 || s.KeyCopies != 1 || s.Unfinished != 2 || s.Overdue != 3 || s.Unseen != "" {
		t.Errorf("got %+v", s)
	}
	if !s.Oldest.Equal(edge.Add(-2*time.Hour)) || !s.Newest.IsZero() {
		t.Errorf("oldest %v, newest %v", s.Oldest, s.Newest)
	}
	if p, err := backup.Prune(p.Dir, p.Keys, now, period, period); err != nil || p.Backups+p.Keys+p.Partial < 3 {
		t.Fatalf("pruned %+v, %v", p, err)
	}
	if s := backup.Look(p, now, period); s.Overdue != 0 || s.Backups != 1 {
		t.Errorf("when prune was there: %+v", s)
	}
	file := filepath.Join(t.TempDir(), backup.PlacesName)
	if err := backup.Remember(file, p); err != nil {
		t.Fatal(err)
	}
	if err := backup.ForgetPlace(file, p.Dir); !errors.Is(err, backup.ErrHolds) {
		t.Errorf("forgetting a folder with a backup: %v", err)
	}
	p.Keys = filepath.Join(p.Keys, "not mounted")
	if s := backup.Look(p, now, period); s.Unseen == "" || s.Backups != 1 {
		t.Errorf("a folder that cannot be looked into: %+v", s)
	}
}
