package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

func openStore(t *testing.T, folder string) *Store {
	t.Helper()
	s, err := OpenStore(t.Context(), StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler), ReserveBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAccountsSurviveRestart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := openStore(t, folder)
	verifiers, err := sasl.NewVerifiers("open sesame", sasl.MinIterations)
	if err != nil {
		t.Fatal(err)
	}
	batch := []accounts.NewAccount{
		{Localpart: "anna", Domain: "a.example", Verifiers: verifiers},
		{Localpart: "bela", Domain: "a.example", DirectoryID: "d-1"},
	}
	if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, batch...); err != nil {
		t.Fatal(err)
	}
	for name, taken := range map[string]accounts.NewAccount{
		"address":         {Localpart: "anna", Domain: "a.example"},
		"directory entry": {Localpart: "other", Domain: "a.example", DirectoryID: "d-1"},
	} {
		if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, taken); !errors.Is(err, accounts.ErrExists) {
			t.Errorf("same %s twice: got %v", name, err)
		}
	}
	closeStore(t, s)

	s = openStore(t, folder)
	defer closeStore(t, s)
	anna, err := s.Accounts.Find("a.example", "anna")
	if err != nil || !anna.Local() || anna.Address() != "anna@a.example" {
		t.Fatalf("got %v, %v", anna.Address(), err)
	}
	found, err := s.Accounts.Verifiers(anna)
	if err != nil || len(found) != len(verifiers) || !found[0].CheckPassword("open sesame") {
		t.Errorf("verifiers: got %d, %v", len(found), err)
	}
	bela, err := s.Accounts.FindByDirectory("a.example", "d-1")
	if err != nil || bela.Localpart != "bela" {
		t.Errorf("by directory id: got %q, %v", bela.Localpart, err)
	}
	if _, err := s.Accounts.Find("b.example", "anna"); !errors.Is(err, accounts.ErrNoAccount) {
		t.Errorf("other domain: got %v", err)
	}
	n := 0
	if err := s.Accounts.List(func(accounts.Account) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("list: got %d, %v", n, err)
	}
}

// F9: two processes on one folder.
func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := openStore(t, folder)
	defer closeStore(t, s)
	_, err := OpenStore(t.Context(), StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "by process") {
		t.Errorf("got %v", err)
	}
}

// F18, F19: what is missing beside the rest is never made anew.
func TestMissingPartIsRefused(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"log", "keys", "root.key"} {
		folder := t.TempDir()
		closeStore(t, openStore(t, folder))
		if err := os.RemoveAll(filepath.Join(folder, part)); err != nil {
			t.Fatal(err)
		}
		_, err := OpenStore(context.Background(), StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler)})
		if !errors.Is(err, eventlog.ErrMissing) || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got %v", part, err)
		}
		if _, err := os.Stat(filepath.Join(folder, part)); err == nil {
			t.Errorf("%s was made anew", part)
		}
	}
}

// A missing state is no loss.
func TestMissingStateIsRebuilt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := openStore(t, folder)
	if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, accounts.NewAccount{Localpart: "anna", Domain: "a.example"}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if err := os.RemoveAll(filepath.Join(folder, "state")); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, folder)
	defer closeStore(t, s)
	if _, err := s.Accounts.Find("a.example", "anna"); err != nil {
		t.Error(err)
	}
}

// A set-up that was interrupted begins again.
func TestInterruptedSetUp(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	closeStore(t, openStore(t, folder))
	if err := os.WriteFile(filepath.Join(folder, creating), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, folder)
	defer closeStore(t, s)
	if _, err := os.Stat(filepath.Join(folder, creating)); err == nil {
		t.Error("the marker stayed")
	}
}

// What root writes on a stopped folder, the server could not read.
func TestOtherUsersFolderIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := ownFiles(folder, os.Geteuid()+1); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	closeStore(t, openStore(t, folder))
	if err := ownFiles(folder, os.Geteuid()); err != nil {
		t.Errorf("the own folder: %v", err)
	}
	if err := ownFiles(folder, os.Geteuid()+1); !errors.Is(err, ErrOtherUser) {
		t.Errorf("another user's folder: got %v", err)
	}
}

// A lane rolls after at most half of its shortest deadline, whatever the configuration says. DESIGN §5
func TestLanesRollInTime(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ set, short, long time.Duration }{
		{0, 30 * time.Minute, 12 * time.Hour},
		{48 * time.Hour, 30 * time.Minute, 12 * time.Hour},
		{time.Hour, 30 * time.Minute, time.Hour},
		{time.Minute, time.Minute, time.Minute},
	} {
		ages := logConfig(StoreConfig{SegmentAge: row.set}, nil).SegmentAge
		for _, lane := range eventlog.Lanes {
			want := row.long
			if lane == eventlog.Now || lane == eventlog.Inbox || lane == eventlog.Held { // Held has what is due of every lane
				want = row.short
			}
			if ages[lane] != want {
				t.Errorf("set to %v: lane %s rolls after %v, want %v", row.set, lane, ages[lane], want)
			}
		}
	}
}
