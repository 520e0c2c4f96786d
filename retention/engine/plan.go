package engine

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/internal/durable"
)

// planFormat is the version of the plan's file; another one is refused.
const planFormat = 1

// Plan is one sweep of one lane.
type Plan struct {
	Format   int       `json:"format"`
	Lane     string    `json:"lane"`
	Made     int64     `json:"made"` // milliseconds since 1970 UTC
	Marks    Marks     `json:"marks"`
	Roll     bool      `json:"roll"`    // the live segment holds something due, and is closed first
	Allowed  bool      `json:"allowed"` // staff allowed an unusual share
	Facts    uint64    `json:"facts"`   // that are current in the lane
	Ends     uint64    `json:"ends"`    // of these, how many the sweep ends
	Segments []Segment `json:"segments"`
}

// Marks say where lanes stood when the sweep began: all that it appends lies above.
type Marks struct {
	Lane  uint64 `json:"lane"`
	Held  uint64 `json:"held"`
	Proof uint64 `json:"proof"`
}

// Segment is one that is swept.
type Segment struct {
	ID    string `json:"id"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Bytes int64  `json:"bytes"`
	Keeps uint64 `json:"keeps"` // numbers that are appended again
	Due   uint64 `json:"due"`   // numbers that go; void ones count
}

// Due counts the numbers that go.
func (p Plan) Due() (due uint64) {
	for _, s := range p.Segments {
		due += s.Due
	}
	return due
}

func (s Segment) id() (id seal.SegmentID, err error) {
	b, err := hex.DecodeString(s.ID)
	if err != nil || len(b) != len(id) || s.First == 0 || s.Last < s.First {
		return id, fmt.Errorf("segment %q: %w", s.ID, ErrPlan)
	}
	return seal.SegmentID(b), nil
}

func (e *Engine) planPath(l eventlog.Lane) string {
	return filepath.Join(e.cfg.Folder, "plan-"+l.String()+".json")
}

// writePlan puts the plan in place whole.
func (e *Engine) writePlan(l eventlog.Lane, p Plan) error {
	data, err := json.MarshalIndent(p, "", "\t")
	if err == nil {
		err = durable.Replace(e.planPath(l), data)
	}
	if err != nil {
		return fmt.Errorf("write the plan of lane %s: %w", l, err)
	}
	return nil
}

// readPlan returns the plan of a sweep that was not finished, and whether there is one.
func (e *Engine) readPlan(l eventlog.Lane) (p Plan, found bool, err error) {
	data, err := os.ReadFile(e.planPath(l))
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("read the plan of lane %s: %w", l, err)
	}
	p, err = parsePlan(data, l)
	return p, true, err
}

func parsePlan(data []byte, l eventlog.Lane) (p Plan, err error) {
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("lane %s: %w: %w", l, ErrPlan, err)
	}
	if p.Format != planFormat || p.Lane != l.String() {
		return p, fmt.Errorf("lane %s: %w", l, ErrPlan)
	}
	var before uint64
	for _, s := range p.Segments {
		if _, err := s.id(); err != nil {
			return p, err
		}
		if s.First <= before {
			return p, fmt.Errorf("lane %s, segment %s out of order: %w", l, s.ID, ErrPlan)
		}
		before = s.Last
	}
	return p, nil
}

func (e *Engine) removePlan(l eventlog.Lane) error {
	if err := os.Remove(e.planPath(l)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the plan of lane %s: %w", l, err)
	}
	return durable.SyncFolder(e.cfg.Folder)
}

// plan finds out what a sweep of the lane would do. list was made before j looked at what is true: a segment that j has not seen
// whole would look as if all in it were due. It does not change anything.
func (e *Engine) plan(ctx context.Context, l eventlog.Lane, list []eventlog.Segment, j *judge, show Progress) (Plan, error) {
	p := Plan{Format: planFormat, Lane: l.String(), Made: j.now.UnixMilli(), Facts: uint64(len(j.index.at)), Segments: []Segment{}}
	p.Marks = Marks{Lane: e.cfg.Log.Mark(l), Held: e.cfg.Log.Mark(eventlog.Held), Proof: e.cfg.Log.Mark(eventlog.Proof)}
	for i, s := range list {
		if s.Last < s.First {
			continue
		}
		show("planning", uint64(i), uint64(len(list)))
		c, err := e.count(ctx, s, j)
		if err != nil {
			return p, err
		}
		p.Facts += c.facts
		if c.due == 0 || !c.worth {
			continue
		}
		p.Ends += c.ends
		p.Roll = p.Roll || !s.Closed
		p.Segments = append(p.Segments, Segment{ID: s.ID.String(), First: s.First, Last: s.Last, Bytes: s.Bytes, Keeps: c.keeps, Due: c.due})
	}
	return p, nil
}

// counts says what there is to do in a segment.
type counts struct {
	keeps, due uint64
	ends       uint64 // facts that are true, or records of lanes without state, that a rule ends
	facts      uint64 // records of lanes without state
	worth      bool   // it is time
}

// count compares a segment's numbers with what is live. Where that is the same it is clean; numbers that were found to be void
// are remembered, so that they do not make it look otherwise.
func (e *Engine) count(ctx context.Context, s eventlog.Segment, j *judge) (c counts, err error) {
	if s.Lane == eventlog.Archive && j.archive != nil {
		return e.countArchived(ctx, s, j)
	}
	if !stateful[s.Lane] {
		return e.countKept(ctx, s, j)
	}
	live, retired := j.index.within(s.First, s.Last)
	numbers := s.Last - s.First + 1
	c = counts{keeps: live - retired, due: numbers - live + retired, ends: retired, worth: true}
	if retired > 0 || numbers == live {
		return c, nil
	}
	return e.lessVoids(ctx, s, c, numbers-live)
}

// lessVoids takes numbers that never held anything out of those that are due.
func (e *Engine) lessVoids(ctx context.Context, s eventlog.Segment, c counts, missing uint64) (_ counts, err error) {
	e.mu.Lock()
	known, ok := e.voids[s.ID]
	e.mu.Unlock()
	if !ok && missing <= fewNumbers {
		if known, err = e.countVoids(ctx, s); err != nil {
			return c, err
		}
	}
	c.due -= min(known, c.due)
	return c, nil
}

// fewNumbers is up to how many numbers may be missing in a segment before it is taken for certain that some hold events.
const fewNumbers = 16384

// countVoids counts the numbers of a segment that hold nothing.
func (e *Engine) countVoids(ctx context.Context, s eventlog.Segment) (voids uint64, err error) {
	voids = s.Last - s.First + 1
	err = e.cfg.Log.Read(ctx, s.Lane, s.First, s.Last, func(all []eventlog.Record) error {
		voids -= uint64(len(all))
		return nil
	})
	if err == nil && s.Closed {
		e.mu.Lock()
		e.voids[s.ID] = voids
		e.mu.Unlock()
	}
	return voids, err
}

// countKept judges every record of a segment in a lane without state. A segment out of which only age takes something waits
// until all of it is due, or half of the deadline is over: then it need not be copied.
func (e *Engine) countKept(ctx context.Context, s eventlog.Segment, j *judge) (c counts, err error) {
	voids := s.Last - s.First + 1
	patience := Period(e.cfg.Policy, s.Lane)
	err = e.cfg.Log.Read(ctx, s.Lane, s.First, s.Last, func(all []eventlog.Record) error {
		for _, r := range all {
			c.facts++
			voids--
			v, rule := j.of(r)
			if v == keep {
				c.keeps++
				continue
			}
			c.due++
			c.ends++
			aged := rule >= 0 && j.list[rule].After > 0
			if !aged || r.Time().Add(j.list[rule].After+patience).Before(j.now) {
				c.worth = true
			}
		}
		return nil
	})
	if err == nil {
		err = j.err
	}
	c.worth = c.worth || c.keeps == 0
	if s.Lane == eventlog.Held {
		c.ends = 0 // they were due before
	}
	return c, err
}
