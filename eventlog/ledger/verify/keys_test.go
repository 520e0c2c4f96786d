package verify_test

import (
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/verify"
	"protokoll/eventlog/seal"
)

// younger is a store whose server began a segment of lane proof, with the record of a sweep in it, after the keybook was read.
func younger(t *testing.T) (dir string, before *seal.Keybook) {
	t.Helper()
	s := newStore(t)
	s.messages(120)
	s.checkpoint()
	if n := len(s.log.Segments(eventlog.Proof)); n != 0 {
		t.Fatalf("lane proof has %d segments already", n)
	}
	before, err := view(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.sweep(2)
	s.close()
	return s.dir, before
}

// TestSegmentBegunMeanwhile: a segment whose key is not in the keybook that was read is not an empty one. The keybook is read
// again, and no alarm is raised.
func TestSegmentBegunMeanwhile(t *testing.T) {
	t.Parallel()
	dir, before := younger(t)
	reads := 0
	r := run(t, verify.Options{Data: dir, Keys: func() (*seal.Keybook, error) {
		if reads++; reads == 1 {
			return before, nil
		}
		return view(dir)
	}})
	mustBeTrue(t, r)
	if reads != 2 || laneOf(r, eventlog.Inbox).Covered["waiting.delivered"] != 45 {
		t.Errorf("%d reads, %+v", reads, laneOf(r, eventlog.Inbox))
	}
}

// TestSegmentWithoutKey: if no keybook has the key, that is what is said, and nothing is read without end.
func TestSegmentWithoutKey(t *testing.T) {
	t.Parallel()
	dir, before := younger(t)
	reads := 0
	r := run(t, verify.Options{Data: dir, Keys: func() (*seal.Keybook, error) { reads++; return before, nil }})
	if reads != 2 {
		t.Errorf("%d reads", reads)
	}
	for _, f := range r.Faults {
		if strings.Contains(f.String(), "its key is forgotten") {
			return
		}
	}
	t.Errorf("faults: %v", r.Faults)
}
