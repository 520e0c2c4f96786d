package verify

import (
	"fmt"
	"time"

	"protokoll/eventlog"
)

// Fault is something that is not as it was promised.
type Fault struct {
	Position eventlog.Position // zero where no position can be named
	Reason   string
}

func (f Fault) String() string {
	if f.Position.Lane == 0 {
		return f.Reason
	}
	return fmt.Sprintf("%s: %s", f.Position, f.Reason)
}

// Report is what a verification found. The log can be trusted up to the newest checkpoint if there are no faults.
type Report struct {
	Epoch  uint64
	Newest time.Time // of the checkpoint up to which was verified
	Lanes  []LaneReport
	Proved int // checkpoints that are beginnings of what is there now
	Voided int // checkpoints of epochs that ended before them
	Faults []Fault
}

// LaneReport adds up one lane. Size is Events + Void + all of Covered.
type LaneReport struct {
	Lane    eventlog.Lane
	Size    uint64
	Events  uint64            // positions that hold their event
	Void    uint64            // positions that never held one
	Covered map[string]uint64 // positions covered by erasure records, by rule; and those moved or held
	Pending uint64            // positions of segments that are accounted for and not dropped yet; they are in Events too
	Above   uint64            // events that no checkpoint covers yet; not verified against the ledger
}

// Progress is called now and then: done of total positions of a lane.
type Progress func(lane eventlog.Lane, done, total uint64)
