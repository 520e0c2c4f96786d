package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
)

// Options say what is verified.
type Options struct {
	Data string // the data folder
	// Keys reads the keybook. It is called again when a segment has a key that began after the last call.
	Keys        func() (*seal.Keybook, error)
	Public      string   // public half of the ledger's key, kept elsewhere; empty: the one in the data folder
	Checkpoints []string // files of older checkpoints, kept elsewhere
	Keep        string   // folder that keeps checkpoints; empty: none
	// Rules knows the names of rules that may have erased. nil: any.
	Rules    func(name string) bool
	Progress Progress // may be nil
}

// maxFaults is how many faults are collected; more would say nothing new.
const maxFaults = 100

// again is how often something is read again because the server changed it meanwhile.
const again = 5

// verifier is one verification.
type verifier struct {
	Options
	keys        *seal.Keybook
	locked      []seal.SegmentID // that the keys do not open
	log, ledger string
	key         note.Verifier
	newest      checkpoint
	older       []checkpoint
	lanes       map[eventlog.Lane]*reading
	records     records
	report      Report
}

// Run verifies. The error says that it could not be done; what is not right is in the report.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Progress == nil {
		o.Progress = func(eventlog.Lane, uint64, uint64) {}
	}
	keys, err := readKeys(o)
	if err != nil {
		return Report{}, err
	}
	for n := 1; ; n++ {
		v := &verifier{
			Options: o, keys: keys, log: filepath.Join(o.Data, "log"), ledger: filepath.Join(o.Data, "ledger"),
			lanes: map[eventlog.Lane]*reading{},
		}
		report, err := v.run(ctx)
		if err != nil || len(v.locked) == 0 || n == again {
			return report, err
		}
		if keys, err = readKeys(o); err != nil || !v.unlocks(keys) {
			return report, err
		}
	}
}

func readKeys(o Options) (*seal.Keybook, error) {
	keys, err := o.Keys()
	if err != nil {
		return nil, fmt.Errorf("read the keybook: %w", err)
	}
	return keys, nil
}

// unlocks tells whether a keybook opens a segment that could not be opened: the server began it meanwhile.
func (v *verifier) unlocks(keys *seal.Keybook) bool {
	return slices.ContainsFunc(v.locked, func(id seal.SegmentID) bool {
		_, err := keys.Segment(id)
		return err == nil
	})
}

// run verifies with the keys of one moment.
func (v *verifier) run(ctx context.Context) (Report, error) {
	if err := v.findCheckpoints(); err != nil {
		return v.report, err
	}
	if v.newest.epoch == 0 {
		return v.report, nil // the fault is in the report
	}
	for _, l := range eventlog.Lanes { // proof last: what it says of the others was there when they were read
		r, err := v.readSettled(ctx, l)
		if err != nil {
			return v.report, fmt.Errorf("verify lane %s: %w", l, err)
		}
		v.lanes[l] = r
		v.report.Faults = append(v.report.Faults, r.faults...)
	}
	v.records = v.lanes[eventlog.Proof].records
	for _, l := range eventlog.Lanes {
		v.account(v.lanes[l])
	}
	v.judgeCheckpoints()
	return v.report, nil
}

func (v *verifier) fault(l eventlog.Lane, number uint64, reason string, args ...any) {
	v.report.Faults = addFault(v.report.Faults, l, number, reason, args...)
}

func addFault(faults []Fault, l eventlog.Lane, number uint64, reason string, args ...any) []Fault {
	if len(faults) >= maxFaults {
		return faults
	}
	return append(faults, Fault{eventlog.Position{Lane: l, Number: number}, fmt.Sprintf(reason, args...)})
}

// findCheckpoints reads every checkpoint there is, those kept elsewhere first: the server may sign another one meanwhile.
func (v *verifier) findCheckpoints() error {
	public := v.Public
	if public == "" {
		data, err := os.ReadFile(filepath.Join(v.ledger, "key.pub"))
		if err != nil {
			v.fault(0, 0, "the public half of the ledger's key: %v", err)
			return nil
		}
		public = string(data)
	}
	var err error
	if v.key, err = note.NewVerifier(strings.TrimSpace(public)); err != nil {
		return fmt.Errorf("the public half of the ledger's key: %w", err)
	}
	given, err := v.givenCheckpoints()
	if err != nil {
		return err
	}
	own, err := readFolder(filepath.Join(v.ledger, "checkpoints"), v.key)
	if err != nil {
		v.fault(0, 0, "the ledger's own checkpoints: %v", err)
		return nil
	}
	if len(own) == 0 {
		v.fault(0, 0, "the data folder holds no checkpoint")
		return nil
	}
	v.newest = own[len(own)-1]
	v.older = append(given, own...)
	v.report.Epoch, v.report.Newest = v.newest.epoch, v.newest.time
	return nil
}

func (v *verifier) givenCheckpoints() (given []checkpoint, err error) {
	for _, path := range v.Checkpoints {
		some, err := readNotes(path, v.key)
		if err != nil {
			return nil, err
		}
		given = append(given, some...)
	}
	if v.Keep != "" {
		some, err := readFolder(v.Keep, v.key)
		if err != nil {
			return nil, err
		}
		given = append(given, some...)
	}
	for i := range given {
		given[i].given = true
	}
	return given, nil
}

// readSettled reads a lane, again if faults may come from what the server did to it meanwhile.
func (v *verifier) readSettled(ctx context.Context, l eventlog.Lane) (r *reading, err error) {
	for range again {
		before := v.look(l)
		r = &reading{verifier: v, lane: l, size: v.newest.sizes[l]}
		err = r.read(ctx)
		if ctx.Err() != nil || err == nil && len(r.faults) == 0 || before == v.look(l) {
			break
		}
	}
	return r, err
}

// look is what changes when segments come and go or leaves are forgotten.
func (v *verifier) look(l eventlog.Lane) string {
	c, err := readChain(v.log, l)
	dir, err2 := born(v.ledger, l)
	_, listing, err3 := readGaps(dir)
	return string(c.raw) + listing + fmt.Sprint(err, err2, err3)
}

// judgeCheckpoints says what became of each checkpoint.
func (v *verifier) judgeCheckpoints() {
	for _, c := range v.older {
		switch voided, ok := v.stands(c); {
		case ok:
			v.report.Proved++
		case voided:
			v.report.Voided++
		}
	}
	if e := v.newest.epoch; e > 1 && v.records.epochs[e] == nil {
		v.fault(0, 0, "epoch %d began without a record that says why", e)
	}
}

// stands compares one checkpoint with the trees.
func (v *verifier) stands(c checkpoint) (voided, ok bool) {
	if c.epoch > v.newest.epoch {
		v.fault(0, 0, "%s was signed in epoch %d, and the data folder is in epoch %d: an older copy of it was put back", c.source, c.epoch, v.newest.epoch)
		return false, false
	}
	ok = true
	for _, l := range eventlog.Lanes {
		size := c.sizes[l]
		if size > v.bound(c.epoch, l) {
			voided, ok = true, false
			continue
		}
		if size > v.newest.sizes[l] {
			v.fault(l, v.newest.sizes[l]+1, "is missing: %s was signed when the lane had %d numbers; an older copy was put back, or the end cut off", c.source, size)
			return false, false
		}
		if got, found := v.lanes[l].roots[size]; !found {
			v.fault(l, size, "the hashes that connect the checkpoint of %s with what is there now are missing", c.time.Format("2006-01-02 15:04:05"))
			ok = false
		} else if got != c.roots[l] {
			v.fault(l, size, "up to here it is not what was signed on %s", c.time.Format("2006-01-02 15:04:05"))
			ok = false
		}
	}
	return voided, ok
}

// bound is up to where a lane's tree of an epoch goes on in the newest one.
func (v *verifier) bound(epoch uint64, l eventlog.Lane) uint64 {
	bound := ^uint64(0)
	for later, e := range v.records.epochs {
		if later <= epoch || later > v.newest.epoch {
			continue
		}
		for _, end := range e.GetEnds() {
			if eventlog.Lane(end.GetLane()) == l {
				bound = min(bound, end.GetLast())
			}
		}
	}
	return bound
}
