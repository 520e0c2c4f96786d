package engine

import (
	"context"
	"fmt"
	"time"

	"protokoll/eventlog"
	"protokoll/retention"
	"protokoll/schemas"
)

// Lane archive: its facts are too many to be listed, so its index is asked about one segment or one record at a time.

// archivedType is the fact whose age has segments of the archive dropped.
const archivedType = "archive.message"

// ofArchived judges a record of lane archive.
func (j *judge) ofArchived(r eventlog.Record) (verdict, int) {
	e, owner := r.Envelope, ownerOf(r)
	current := false
	if e.GetOp() == schemas.Op_SET && j.err == nil {
		current, j.err = j.archive.Holds(owner, r.Rank(), r.Position.Number)
	}
	rule := -1
	switch {
	case j.err != nil:
		return keep, -1
	case !current:
		rule = j.due(r)
	case j.ages:
		if rule = j.aged(e.GetFamily(), e.GetType(), e.GetTime(), j.now); rule < 0 {
			return keep, -1
		}
	default:
		return keep, -1
	}
	if j.people.restricted[owner] {
		return hold, rule
	}
	return erase, rule
}

// countArchived compares a segment's numbers with what is true of it. One in which all is due by its age is dropped as it is; one
// in which that is so of some waits for half of the rule's deadline before the rest is copied.
func (e *Engine) countArchived(ctx context.Context, s eventlog.Segment, j *judge) (c counts, err error) {
	part := j.archive.Part(s.First)
	live, retired := part.Rows, uint64(0)
	if i := j.find(retention.Age, schemas.Family_ARCHIVE_FACTS, archivedType); i >= 0 && j.ages && live > 0 {
		rule := j.list[i]
		due := func(at int64, later time.Duration) bool {
			return !time.UnixMilli(at).Add(rule.After + later).After(j.now)
		}
		switch {
		case due(part.Newest, 0):
			retired = live
		case due(part.Oldest, rule.Deadline/2):
			c, err = e.countKept(ctx, s, j)
			c.worth = c.due > 0
			return c, err
		}
	}
	numbers := s.Last - s.First + 1
	live = min(live, numbers)
	c = counts{keeps: live - retired, due: numbers - live + retired, ends: retired, facts: live, worth: true}
	if retired > 0 || numbers == live {
		return c, nil
	}
	return e.lessVoids(ctx, s, c, numbers-live)
}

// forgetIndex drops what the index keeps of segments that are gone.
func (w *work) forgetIndex(ctx context.Context) error {
	if w.cfg.Archive == nil {
		return nil
	}
	for _, s := range w.plan.Segments {
		if err := w.step("forget index"); err != nil {
			return err
		}
		if err := w.cfg.Archive.Forget(ctx, w.lane, s.First, s.Last); err != nil {
			return fmt.Errorf("have the index forget: %w", err)
		}
	}
	return nil
}

// endedMeanwhile returns ErrLost if a record that the writer left out is still true.
func (p *pass) endedMeanwhile(ctx context.Context, r eventlog.Record) error {
	if err := p.cfg.Archive.Wait(ctx, eventlog.Position{Lane: p.lane, Number: p.cfg.Log.Mark(p.lane)}); err != nil {
		return err
	}
	current, err := p.cfg.Archive.Holds(ownerOf(r), r.Rank(), r.Position.Number)
	if err == nil && current {
		err = fmt.Errorf("%s: %w", r.Position, ErrLost)
	}
	return err
}
