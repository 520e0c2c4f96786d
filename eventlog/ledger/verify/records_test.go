package verify_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger"
	"protokoll/eventlog/ledger/verify"
	"protokoll/schemas"
)

// dropFromManifest makes the manifest of lane inbox forget its oldest segment, with a right checksum.
func dropFromManifest(t testing.TB, dir string) {
	t.Helper()
	edit(t, filepath.Join(dir, "log", "manifests", "inbox.json"), func(b []byte) []byte {
		_, body, _ := strings.Cut(string(b), "\n")
		var m map[string]any
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		m["segments"] = m["segments"].([]any)[1:]
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(out)
		return append([]byte("sha256 "+hex.EncodeToString(sum[:])+"\n"), out...)
	})
}

func one(count uint64) []byte { return binary.AppendUvarint(binary.AppendUvarint(nil, count), 0) }

// Records that are missing or do not say the truth are found.
func TestForgedRecords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forge func(*store, eventlog.Segment) *schemas.SegmentErased
		where string
		what  string
	}{
		"missing": {func(*store, eventlog.Segment) *schemas.SegmentErased { return nil }, "inbox/1", "no record says under which rule"},
		"moved to nowhere": {func(_ *store, s eventlog.Segment) *schemas.SegmentErased {
			return &schemas.SegmentErased{Segment: s.ID[:], First: s.First, Last: s.Last, Fates: []string{"moved"}, Runs: one(50)}
		}, "inbox/1", "is nowhere"},
		"too short": {func(_ *store, s eventlog.Segment) *schemas.SegmentErased {
			return &schemas.SegmentErased{Segment: s.ID[:], First: s.First, Last: s.Last - 1, Fates: []string{"r"}, Runs: one(49)}
		}, "inbox/50", "no record says"},
		"runs that do not add up": {func(_ *store, s eventlog.Segment) *schemas.SegmentErased {
			return &schemas.SegmentErased{Segment: s.ID[:], First: s.First, Last: s.Last, Fates: []string{"r"}, Runs: one(49)}
		}, "proof/1", "does not add up"},
		"over another segment": {func(_ *store, s eventlog.Segment) *schemas.SegmentErased {
			return &schemas.SegmentErased{Segment: s.ID[:], First: s.First, Last: s.Last + 10, Fates: []string{"r"}, Runs: one(60)}
		}, "proof/1", "still holds its event"},
		"unknown rule": {func(_ *store, s eventlog.Segment) *schemas.SegmentErased {
			return &schemas.SegmentErased{Segment: s.ID[:], First: s.First, Last: s.Last, Fates: []string{"because"}, Runs: one(50)}
		}, "inbox/1", "which there is not"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			s.messages(120)
			s.checkpoint()
			segment := s.log.Segments(eventlog.Inbox)[0]
			if p := c.forge(s, segment); p != nil {
				p.Lane, p.Parts = uint32(eventlog.Inbox), 1
				s.prove(p)
			}
			if err := s.ledger.Forget(t.Context(), eventlog.Inbox, segment.First, segment.Last); err != nil {
				t.Fatal(err)
			}
			if err := s.log.Drop(t.Context(), eventlog.Inbox, segment.ID); err != nil {
				t.Fatal(err)
			}
			s.close()
			r := run(t, verify.Options{Data: s.dir, Rules: func(name string) bool { return name == "r" }})
			found := slices.ContainsFunc(r.Faults, func(f verify.Fault) bool {
				return strings.HasPrefix(f.String(), c.where+":") && strings.Contains(f.Reason, c.what)
			})
			if !found {
				t.Errorf("got %v", r.Faults)
			}
		})
	}
}

// An older copy of the whole folder is refused at start and found by the verifier, if somebody keeps checkpoints. F20, F50
func TestOldFolderPutBack(t *testing.T) {
	t.Parallel()
	keep := t.TempDir()
	s := newStore(t)
	s.messages(30)
	s.close()
	old := copyOf(t, s.dir)
	s = open(t, s.dir)
	if err := s.tryLedger(ledger.Config{Keep: keep}); err != nil {
		t.Fatal(err)
	}
	s.owner = s.keys.Server()
	s.messages(30)
	last := s.checkpoint()
	s.close()
	mustBeTrue(t, run(t, verify.Options{Data: s.dir, Keep: keep}))

	mustBeTrue(t, run(t, verify.Options{Data: old})) // nobody can tell without a checkpoint that was kept
	file := writeFile(t, filepath.Join(t.TempDir(), "last"), last)
	for _, o := range []verify.Options{{Data: old, Keep: keep}, {Data: old, Checkpoints: []string{file}}} {
		if r := run(t, o); len(r.Faults) == 0 || r.Faults[0].Position != (eventlog.Position{Lane: eventlog.Inbox, Number: 31}) {
			t.Errorf("got %v", r.Faults)
		}
	}

	o := open(t, old)
	err := o.tryLedger(ledger.Config{Keep: keep})
	if err == nil || !strings.Contains(err.Error(), "older") || !strings.Contains(err.Error(), "accept-loss") {
		t.Fatalf("got %v", err)
	}
	if err := o.tryLedger(ledger.Config{Keep: keep, Begin: &ledger.Beginning{Reason: schemas.EpochReason_LOSS_ACCEPTED, Note: "disk lost"}}); err != nil {
		t.Fatal(err)
	}
	if o.ledger.Epoch() != 2 {
		t.Errorf("epoch %d", o.ledger.Epoch())
	}
	o.close()
	r := run(t, verify.Options{Data: old, Keep: keep})
	mustBeTrue(t, r)
	if r.Epoch != 2 || r.Voided == 0 {
		t.Errorf("got epoch %d, %d voided", r.Epoch, r.Voided)
	}
	o = open(t, old)
	if err := o.tryLedger(ledger.Config{Keep: keep}); err != nil {
		t.Fatal(err)
	}
	o.close()
}

// A ledger without its folder is refused, and goes on in a new epoch if staff says so.
func TestLedgerTakenAway(t *testing.T) {
	t.Parallel()
	dir, _ := whole(t)
	if err := os.RemoveAll(filepath.Join(dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if err := s.tryLedger(ledger.Config{}); err == nil {
		t.Fatal("not refused")
	}
	s.openLedger(&ledger.Beginning{Reason: schemas.EpochReason_LOSS_ACCEPTED})
	s.close()
	mustBeTrue(t, run(t, verify.Options{Data: dir}))
}
