package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

const (
	// batchRecords and batchBytes bound what is appended again at once: one group of the lane's writer, about 2 ms.
	batchRecords = 128
	batchBytes   = 256 << 10
)

// work is one sweep that is carried out.
type work struct {
	*Engine
	lane   eventlog.Lane
	plan   Plan
	judge  *judge
	noting eventlog.Sweep
	show   Progress
	pace   *throttle

	done     map[string]bool      // segments whose fates are in proof
	copies   map[uint64]copied    // by rank: what an earlier try appended again
	heldOnce map[heldKey]struct{} // what an earlier try held
	moved    uint64
	erased   uint64
	held     uint64
}

type copied struct {
	op schemas.Op
}

type heldKey struct {
	family schemas.Family
	origin uint64
}

// do carries the plan out. resumed says that an earlier try was interrupted somewhere.
func (w *work) do(ctx context.Context, resumed bool) error {
	if resumed {
		if err := w.lookBack(ctx); err != nil {
			return fmt.Errorf("find out how far it came: %w", err)
		}
	}
	there := w.stillThere()
	for i, s := range w.plan.Segments {
		w.show("moving what is kept", uint64(i), uint64(len(w.plan.Segments)))
		if !there[s.ID] || w.done[s.ID] {
			continue
		}
		if err := w.account(ctx, s); err != nil {
			return fmt.Errorf("segment %s: %w", s.ID, err)
		}
	}
	return w.finish(ctx, there)
}

// stillThere lists the planned segments that were not dropped yet.
func (w *work) stillThere() map[string]bool {
	there := map[string]bool{}
	for _, s := range w.cfg.Log.Segments(w.lane) {
		there[s.ID.String()] = true
	}
	return there
}

// finish has everybody pass what was moved, and drops the segments.
func (w *work) finish(ctx context.Context, there map[string]bool) error {
	if err := w.step("renew"); err != nil {
		return err
	}
	w.show("folding the state anew", 0, 0)
	mark := eventlog.Position{Lane: w.lane, Number: w.cfg.Log.Mark(w.lane)}
	if err := w.cfg.State.Wait(ctx, mark); err != nil {
		return err
	}
	if err := w.cfg.State.RenewLaneOn(ctx, w.lane, without{w.cfg.Log, w.lane, w.plan.Segments}); err != nil {
		return err
	}
	if err := w.forget(ctx); err != nil {
		return err
	}
	if err := w.drop(ctx, there); err != nil {
		return err
	}
	if err := w.forgetIndex(ctx); err != nil {
		return err
	}
	if err := w.step("remove plan"); err != nil {
		return err
	}
	return w.removePlan(w.lane)
}

func (w *work) forget(ctx context.Context) error {
	if w.cfg.Ledger == nil {
		return nil
	}
	for _, s := range w.plan.Segments {
		if err := w.step("forget"); err != nil {
			return err
		}
		if err := w.cfg.Ledger.Forget(ctx, w.lane, s.First, s.Last); err != nil {
			return fmt.Errorf("have the ledger forget: %w", err)
		}
	}
	return nil
}

// drop removes the segments, oldest first, while nobody reads the lane from its beginning.
func (w *work) drop(ctx context.Context, there map[string]bool) error {
	w.cfg.Dropping.Lock()
	defer w.cfg.Dropping.Unlock()
	var ids []seal.SegmentID
	for _, s := range w.plan.Segments {
		if !there[s.ID] {
			continue
		}
		id, err := s.id()
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if err := w.step("drop"); err != nil || len(ids) == 0 {
		return err
	}
	w.show("dropping segments", 0, uint64(len(ids)))
	if err := w.cfg.Log.Drop(ctx, w.lane, ids...); err != nil {
		return fmt.Errorf("drop: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		delete(w.voids, id)
	}
	return nil
}

// account decides the fate of every number of a segment, carries it out, and puts it down in proof.
func (w *work) account(ctx context.Context, s Segment) error {
	p := &pass{work: w, segment: s, fates: newFates(s.First, s.Last)}
	if err := w.step("move"); err != nil {
		return err
	}
	err := w.cfg.Log.Read(ctx, w.lane, s.First, s.Last, func(all []eventlog.Record) error {
		for _, r := range all {
			if err := p.take(ctx, r); err != nil {
				return err
			}
		}
		return w.pace.pay(ctx, 0)
	})
	if err == nil {
		err = p.flush(ctx)
	}
	if err == nil && p.leftOut {
		err = p.findLeftOut(ctx)
	}
	if err != nil {
		return err
	}
	p.sum()
	if err := w.step("proof"); err != nil {
		return err
	}
	return w.prove(ctx, s, p.fates)
}

// pass is what becomes of one segment.
type pass struct {
	*work
	segment Segment
	fates   *fates
	move    []eventlog.Record
	hold    []eventlog.Record
	bytes   int
	leftOut bool // the writer left some out, because they are not true any more
}

// take decides about one record.
func (p *pass) take(ctx context.Context, r eventlog.Record) error {
	v, rule := p.judge.of(r)
	if p.judge.err != nil {
		return p.judge.err
	}
	if p.repeated(r, &v, &rule) {
		p.fates.set(r.Position.Number, p.judge.fate(v, rule))
		return nil
	}
	p.fates.set(r.Position.Number, p.judge.fate(v, rule))
	switch v {
	case keep:
		p.move = append(p.move, r)
	case end:
		p.move = append(p.move, ending(r))
	case hold:
		p.hold = append(p.hold, r)
	case erase:
		return nil
	}
	p.bytes += len(r.Bytes) + len(r.Sealed)
	if len(p.move)+len(p.hold) >= batchRecords || p.bytes >= batchBytes {
		return p.flush(ctx)
	}
	return nil
}

// repeated tells whether an earlier try did already what is to be done with a record, and what that was: a record that was
// moved looks superseded by its copy.
func (p *pass) repeated(r eventlog.Record, v *verdict, rule *int) bool {
	if *v == hold {
		_, done := p.heldOnce[heldKey{r.Envelope.GetFamily(), r.Rank()}]
		if !done {
			if c, ok := p.copies[r.Rank()]; ok && c.op == r.Envelope.GetOp() {
				*v, *rule = keep, -1
				return true
			}
		}
		return done
	}
	c, done := p.copies[r.Rank()]
	switch {
	case done && *v == keep && p.lane == eventlog.Archive:
		return true // its index holds a row for each copy
	case !done || *v != erase:
		return false
	case c.op == r.Envelope.GetOp():
		*v, *rule = keep, -1
	}
	return true
}

// ending is the event that ends a fact at its own rank, so that it ends nothing newer.
func ending(r eventlog.Record) eventlog.Record {
	e := r.Envelope
	return eventlog.Record{Position: r.Position, Envelope: &schemas.Envelope{
		Owner: e.GetOwner(), Family: e.GetFamily(), Entity: e.GetEntity(), Op: schemas.Op_END, Time: e.GetTime(),
		Cause: schemas.Cause_RETENTION, Origin: r.Rank(),
	}}
}

// flush appends what waits, and rests.
func (p *pass) flush(ctx context.Context) error {
	if len(p.hold) > 0 {
		if err := p.cfg.Log.Hold(ctx, p.hold); err != nil {
			return fmt.Errorf("hold: %w", err)
		}
	}
	if len(p.move) > 0 {
		moved, err := p.noting.Move(ctx, p.move)
		if err != nil {
			return fmt.Errorf("move: %w", err)
		}
		p.leftOut = p.leftOut || moved < len(p.move)
	}
	bytes := p.bytes
	p.move, p.hold, p.bytes = p.move[:0], p.hold[:0], 0
	return p.pace.pay(ctx, bytes)
}

// findLeftOut gives the numbers that the writer did not move the fate of what was superseded meanwhile.
func (p *pass) findLeftOut(ctx context.Context) error {
	copies, err := p.copiesAbove(ctx, p.plan.Marks.Lane)
	if err != nil {
		return err
	}
	if err := p.cfg.State.Wait(ctx, eventlog.Position{Lane: p.lane, Number: p.cfg.Log.Mark(p.lane)}); err != nil {
		return err
	}
	return p.cfg.Log.Read(ctx, p.lane, p.segment.First, p.segment.Last, func(all []eventlog.Record) error {
		for _, r := range all {
			if p.fates.get(r.Position.Number) != fateMoved {
				continue
			}
			if _, found := copies[r.Rank()]; !found {
				if err := p.superseded(ctx, r); err != nil {
					return err
				}
				p.fates.set(r.Position.Number, p.judge.fate(erase, p.judge.due(r)))
			}
		}
		return nil
	})
}

// superseded returns ErrLost if the state still points at a record that the writer left out.
func (p *pass) superseded(ctx context.Context, r eventlog.Record) error {
	if p.lane == eventlog.Archive && p.cfg.Archive != nil {
		return p.endedMeanwhile(ctx, r)
	}
	if !stateful[p.lane] {
		return fmt.Errorf("%s: %w", r.Position, ErrLost) // nothing supersedes there
	}
	a, err := seal.AboutOf(r.Envelope)
	if err != nil {
		return err
	}
	f, found, err := p.cfg.State.Get(a.Owner, a.Family, a.Entity)
	if err == nil && found && f.Position == r.Position {
		err = fmt.Errorf("%s: %w", r.Position, ErrLost)
	}
	return err
}

// sum adds the segment to what the sweep did.
func (p *pass) sum() {
	for fate, n := range p.fates.count() {
		switch fate {
		case fateMoved:
			p.moved += n
		case fateHeld:
			p.work.held += n
		case fateVoid:
		default:
			p.erased += n
		}
	}
}

// copiesAbove lists what was appended again above a number, by rank.
func (w *work) copiesAbove(ctx context.Context, mark uint64) (map[uint64]copied, error) {
	copies := map[uint64]copied{}
	end := w.cfg.Log.Mark(w.lane)
	if end <= mark {
		return copies, nil
	}
	err := w.cfg.Log.Read(ctx, w.lane, mark+1, end, func(all []eventlog.Record) error {
		for _, r := range all {
			if o := r.Envelope.GetOrigin(); o != 0 {
				copies[o] = copied{r.Envelope.GetOp()}
			}
		}
		return nil
	})
	return copies, err
}

// without is a log in which some segments are gone already: what is folded from it holds nothing of them. All that is true of
// them has been moved.
type without struct {
	eventlog.Log
	lane     eventlog.Lane
	segments []Segment
}

func (g without) Read(ctx context.Context, l eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	if l != g.lane {
		return g.Log.Read(ctx, l, from, upTo, fn)
	}
	for _, s := range g.segments {
		if from > s.Last || upTo < s.First {
			continue
		}
		if from < s.First {
			if err := g.Log.Read(ctx, l, from, s.First-1, fn); err != nil {
				return err
			}
		}
		from = s.Last + 1
	}
	if from > upTo {
		return nil
	}
	return g.Log.Read(ctx, l, from, upTo, fn)
}

// errProof is returned when what a sweep put into lane proof is not there.
var errProof = errors.New("the fates of a segment are not in proof")

func milliseconds(t time.Time) int64 { return t.UnixMilli() }
