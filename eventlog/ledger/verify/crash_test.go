package verify_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger"
	"protokoll/eventlog/ledger/verify"
)

var errKilled = errors.New("killed")

// A kill before each step of writing a checkpoint: what lies there then is true, a start goes on from it, and what is signed
// afterwards continues what was signed before.
func TestCrashAtEachStepOfACheckpoint(t *testing.T) {
	t.Parallel()
	for step := range ledger.Steps {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			t.Parallel()
			s, keep := newStore(t), t.TempDir()
			s.messages(20)
			check := verify.Options{Checkpoints: []string{writeFile(t, filepath.Join(t.TempDir(), "old"), s.checkpoint())}}
			s.close()

			s = open(t, s.dir)
			var armed atomic.Bool
			err := s.tryLedger(ledger.Config{Keep: keep, Save: time.Hour, Every: time.Hour, Before: func(at ledger.Step) error {
				if at == step && armed.Load() {
					return errKilled
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			s.owner = s.keys.Server()
			armed.Store(true)
			n := 20
			for err = nil; err == nil; n++ { // the ledger follows the log by itself
				s.messages(1)
				_, err = s.ledger.Checkpoint()
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("got %v", err)
			}
			check.Data = copyOf(t, s.dir)
			mustBeTrue(t, run(t, check))
			if err := s.log.Close(); err != nil {
				t.Fatal(err)
			}
			<-s.ran

			s = open(t, check.Data)
			s.owner = s.keys.Server()
			if err := s.tryLedger(ledger.Config{Keep: keep}); err != nil {
				t.Fatal(err)
			}
			s.messages(10)
			s.checkpoint()
			s.close()
			check.Keep = keep
			r := run(t, check)
			mustBeTrue(t, r)
			if got := laneOf(r, eventlog.Inbox).Events; got != uint64(n+10) {
				t.Errorf("%d events, want %d", got, n+10)
			}
		})
	}
}
