package node

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"protokoll/accounts"
	"protokoll/backup"
	"protokoll/eventlog/ledger"
	"protokoll/internal/control"
	"protokoll/schemas"
)

func quiet(control.Progress) {}

// backedUp makes a store with three accounts, backs it up, and erases one of them afterwards. It returns the folder of backups and the
// newest orders.
func backedUp(t *testing.T) (dir, orders string) {
	t.Helper()
	folder, dir := t.TempDir(), t.TempDir()
	s, err := OpenStore(t.Context(), StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"anna", "bob", "carl"} {
		if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, accounts.NewAccount{Localpart: name, Domain: "example.org"}); err != nil {
			t.Fatal(err)
		}
	}
	request(t, s.backup, BackupArguments{Dir: dir})
	request(t, s.Commands()[CommandErase], RightsArguments{Address: "bob@example.org"})
	request(t, s.Commands()[CommandRestrict], RightsArguments{Address: "carl@example.org"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(folder, backup.OrdersName)
}

func request(t *testing.T, h control.Handler, arguments any) {
	t.Helper()
	input, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h(t.Context(), input, quiet); err != nil {
		t.Fatal(err)
	}
}

// TestRestoreObeys sees to it that who was erased after the backup is not there, and that the restored store keeps the orders.
func TestRestoreObeys(t *testing.T) {
	t.Parallel()
	dir, orders := backedUp(t)
	target := filepath.Join(t.TempDir(), "new")
	c := RestoreConfig{Backup: dir, Orders: orders, Folder: target, Logger: slog.New(slog.DiscardHandler)}
	r, err := Restore(t.Context(), c, quiet)
	if err != nil || r.Orders != 2 || r.Epoch != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := Restore(t.Context(), c, quiet); err == nil {
		t.Error("a restore over a data folder")
	}
	s, err := OpenStore(t.Context(), StoreConfig{Folder: target, Logger: slog.New(slog.DiscardHandler), MustExist: true, Keep: filepath.Dir(orders)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Accounts.Find("example.org", "bob"); !errors.Is(err, accounts.ErrNoAccount) {
		t.Errorf("bob was erased: %v", err)
	}
	if a, err := s.Accounts.Find("example.org", "carl"); err != nil || a.Restricted.IsZero() {
		t.Errorf("carl is not restricted: %v", err)
	}
	if a, err := s.Accounts.Find("example.org", "anna"); err != nil || !a.Restricted.IsZero() {
		t.Errorf("anna: %v", err)
	}
}

// TestRestoreInterrupted ends a restore at each step that it tells of: there is no data folder then, and it can be done again.
func TestRestoreInterrupted(t *testing.T) {
	t.Parallel()
	dir, orders := backedUp(t)
	target := filepath.Join(t.TempDir(), "new")
	for step := 1; ; step++ {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		c := RestoreConfig{Backup: dir, Orders: orders, Folder: target, Logger: slog.New(slog.DiscardHandler)}
		_, err := Restore(ctx, c, func(control.Progress) {
			if calls++; calls == step {
				cancel()
			}
		})
		cancel()
		_, there := os.Stat(target)
		if err == nil && calls < step {
			if there != nil || step < 5 {
				t.Errorf("restored after %d steps: %v", step, there)
			}
			return
		}
		if err != nil && !errors.Is(there, fs.ErrNotExist) {
			t.Fatalf("interrupted at step %d there is a data folder: %v", step, err)
		}
		if err == nil {
			return
		}
		if err := os.MkdirAll(filepath.Join(target+restoring, "log"), 0o700); err != nil { // what a kill leaves
			t.Fatal(err)
		}
	}
}

// TestRestoreWithoutOrders refuses to restore when nobody can say who was erased.
func TestRestoreWithoutOrders(t *testing.T) {
	t.Parallel()
	dir, _ := backedUp(t)
	if err := os.Remove(filepath.Join(dir, backup.OrdersName)); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "new")
	if _, err := Restore(t.Context(), RestoreConfig{Backup: dir, Folder: target, Logger: slog.New(slog.DiscardHandler)}, quiet); !errors.Is(err, backup.ErrMissing) {
		t.Error(err)
	}
}

// TestOldFolder puts an older copy in the place of a data folder (F50): with a place that keeps orders it is noticed.
func TestOldFolder(t *testing.T) {
	t.Parallel()
	folder, keep := t.TempDir(), t.TempDir()
	c := StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler), Keep: keep}
	s, err := OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Accounts.Open(t.Context(), schemas.Cause_STAFF, accounts.NewAccount{Localpart: "bob", Domain: "example.org"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old")
	if out, err := exec.Command("cp", "-a", folder, old).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if s, err = OpenStore(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	request(t, s.Commands()[CommandErase], RightsArguments{Address: "bob@example.org"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.Folder = old
	if _, err := OpenStore(t.Context(), c); !errors.Is(err, ledger.ErrDisagrees) {
		t.Errorf("an older copy: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(keep, "*-*"))
	if err != nil || len(left) == 0 {
		t.Fatal(left, err)
	}
	for _, checkpoint := range left { // the orders alone notice it too
		if err := os.Remove(checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenStore(t.Context(), c); !errors.Is(err, ErrOldFolder) {
		t.Errorf("an older copy: %v", err)
	}
	c.Keep = "" // nobody can notice now; docs/recover.md says so
	s, err = OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
