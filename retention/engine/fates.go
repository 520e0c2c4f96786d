package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// fates says what became of each number of a segment: one byte for each, an index of names.
type fates struct {
	first uint64
	of    []byte
	names []string
}

func newFates(first, last uint64) *fates {
	return &fates{first: first, of: make([]byte, last-first+1), names: []string{fateVoid}}
}

func (f *fates) set(number uint64, fate string) {
	for i, name := range f.names {
		if name == fate {
			f.of[number-f.first] = byte(i)
			return
		}
	}
	f.of[number-f.first] = byte(len(f.names)) // there are fewer rules than a byte counts: newRules
	f.names = append(f.names, fate)
}

func (f *fates) get(number uint64) string { return f.names[f.of[number-f.first]] }

// count says how many numbers have each fate.
func (f *fates) count() map[string]uint64 {
	count := map[string]uint64{}
	for _, i := range f.of {
		count[f.names[i]]++
	}
	return count
}

// partRuns is the most bytes of runs in one part. It leaves room for names and ids below eventlog.MaxPayload.
const partRuns = eventlog.MaxPayload / 2

// parts encodes the fates as the events of proof: pairs of how many numbers and which name.
func (f *fates) parts(l eventlog.Lane, id seal.SegmentID, at int64) (parts []*schemas.SegmentErased) {
	var p *schemas.SegmentErased
	for i := 0; i < len(f.of); {
		n := 1
		for i+n < len(f.of) && f.of[i+n] == f.of[i] {
			n++
		}
		if p == nil || len(p.Runs) >= partRuns {
			p = &schemas.SegmentErased{
				Lane: uint32(l), Segment: id[:], First: f.first + uint64(i), Fates: f.names, Part: uint32(len(parts)), At: at,
			}
			parts = append(parts, p)
		}
		p.Runs = binary.AppendUvarint(p.Runs, uint64(n))
		p.Runs = binary.AppendUvarint(p.Runs, uint64(f.of[i]))
		i += n
		p.Last = f.first + uint64(i) - 1
	}
	for _, p := range parts {
		p.Parts = uint32(len(parts))
	}
	return parts
}

// erasedType is the event that holds the fates of a segment's numbers.
const erasedType = "proof.erased"

// prove puts the fates of a segment into lane proof, all parts as one command, and returns when they are on disk.
func (w *work) prove(ctx context.Context, s Segment, f *fates) error {
	id, err := s.id()
	if err != nil {
		return err
	}
	c := eventlog.Command{Owner: w.cfg.Keys.Server(), Cause: schemas.Cause_RETENTION}
	for _, p := range f.parts(w.lane, id, milliseconds(w.judge.now)) {
		c.Facts = append(c.Facts, eventlog.Set(fmt.Sprintf("%s/%s/%d", w.lane, s.ID, p.GetPart()), p))
	}
	if err := w.cfg.Log.Append(c).Wait(ctx); err != nil {
		return fmt.Errorf("account for it: %w", err)
	}
	return nil
}

// lookBack finds out what an interrupted try has done: which segments are accounted for, what was moved and held.
func (w *work) lookBack(ctx context.Context) (err error) {
	if w.copies, err = w.copiesAbove(ctx, w.plan.Marks.Lane); err != nil {
		return err
	}
	w.heldOnce, w.done = map[heldKey]struct{}{}, map[string]bool{}
	err = w.readAbove(ctx, eventlog.Held, w.plan.Marks.Held, func(r eventlog.Record) error {
		w.heldOnce[heldKey{r.Envelope.GetFamily(), r.Rank()}] = struct{}{}
		return nil
	})
	if err != nil {
		return err
	}
	return w.readAbove(ctx, eventlog.Proof, w.plan.Marks.Proof, func(r eventlog.Record) error {
		p, err := w.erasedOf(r)
		if p != nil && p.GetPart()+1 == p.GetParts() { // the parts are one command: where the last is, all are
			w.done[seal.SegmentID(p.GetSegment()).String()] = true
		}
		return err
	})
}

// erasedOf opens a record that holds fates, and returns nil for others.
func (e *Engine) erasedOf(r eventlog.Record) (*schemas.SegmentErased, error) {
	if r.Envelope.GetType() != erasedType {
		return nil, nil
	}
	m, err := e.open(r)
	if err != nil {
		return nil, err
	}
	p, ok := m.(*schemas.SegmentErased)
	if !ok || len(p.GetSegment()) != len(seal.SegmentID{}) {
		return nil, fmt.Errorf("event %s: %w", r.Position, errProof)
	}
	return p, nil
}

// open opens an event of the server itself.
func (e *Engine) open(r eventlog.Record) (proto.Message, error) {
	about, err := seal.AboutOf(r.Envelope)
	if err != nil {
		return nil, err
	}
	return eventlog.Open(e.cfg.Keys.Server(), about, r.Sealed)
}

// readAbove hands the records of a lane above a number to fn.
func (e *Engine) readAbove(ctx context.Context, l eventlog.Lane, above uint64, fn func(eventlog.Record) error) error {
	end := e.cfg.Log.Mark(l)
	if end <= above {
		return nil
	}
	return e.cfg.Log.Read(ctx, l, above+1, end, func(all []eventlog.Record) error {
		var errs error
		for _, r := range all {
			errs = errors.Join(errs, fn(r))
		}
		return errs
	})
}
