package verify_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger"
)

// At start the ledger refuses what is not what it promised, and changes nothing. F14, F18
func TestStartRefuses(t *testing.T) {
	t.Parallel()
	dir, _ := whole(t)
	for name, c := range map[string]struct {
		tamper func(ledger string)
		what   string
	}{
		"last leaf": {func(d string) {
			edit(t, filepath.Join(d, "inbox.1", "0", "0"), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, "lane inbox"},
		"tile": {func(d string) { os.RemoveAll(filepath.Join(d, "inbox.1", "0")) }, "missing"},
		"tip": {func(d string) {
			edit(t, filepath.Join(d, "tip"), func(b []byte) []byte { return append(b, 'x') })
		}, "tip"},
		"key": {func(d string) { os.Remove(filepath.Join(d, "key")) }, "key"},
		"checkpoint": {func(d string) {
			found, _ := filepath.Glob(filepath.Join(d, "checkpoints", "*"))
			edit(t, found[0], func(b []byte) []byte { b[len(b)-10] ^= 1; return b })
		}, "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := copyOf(t, dir)
			c.tamper(filepath.Join(copied, "ledger"))
			err := open(t, copied).tryLedger(ledger.Config{})
			if !errors.Is(err, ledger.ErrDisagrees) || !strings.Contains(err.Error(), c.what) || !strings.Contains(err.Error(), "accept-loss") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A log that is shorter than its ledger is refused: here an older copy of the log alone.
func TestOlderLogIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.messages(20)
	s.close()
	old := copyOf(t, s.dir)
	s = open(t, s.dir)
	s.openLedger(nil)
	s.owner = s.keys.Server()
	s.messages(20)
	s.close()
	if err := errors.Join(os.RemoveAll(filepath.Join(old, "ledger")), os.CopyFS(filepath.Join(old, "ledger"), os.DirFS(filepath.Join(s.dir, "ledger"))),
		os.Chmod(filepath.Join(old, "ledger", "key"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := open(t, old).tryLedger(ledger.Config{}); !errors.Is(err, ledger.ErrDisagrees) || !strings.Contains(err.Error(), "ends at 20") {
		t.Errorf("got %v", err)
	}
}

// A ledger that a crash left behind is filled from the log, and then says the same.
func TestBehindIsFilled(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.messages(20)
	s.checkpoint()
	tip := filepath.Join(s.dir, "ledger", "tip")
	before, err := os.ReadFile(tip)
	if err != nil {
		t.Fatal(err)
	}
	s.messages(40)
	s.close()
	writeFile(t, tip, before) // and the checkpoint signed at 60 stays: what is filled must be what it says
	s = open(t, s.dir)
	s.openLedger(nil)
	if err := s.ledger.Passed(t.Context(), eventlog.Position{Lane: eventlog.Inbox, Number: 60}); err != nil {
		t.Fatal(err)
	}
	s.close()
	mustBeTrue(t, run(t, verifyOptions(s.dir)))
}
