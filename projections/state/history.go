package state

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"protokoll/eventlog"
	"protokoll/projections"
	"protokoll/schemas"
)

// Then is what one fact of an owner was at a moment, as far as the log still tells.
type Then struct {
	Family schemas.Family
	Entity schemas.EntityID
	// Fact is its value, nil for none.
	Fact *projections.Event
	// Known tells whether the log says so: an event up to the moment is held that states the value or ends it.
	Known bool
}

// History is what an owner's facts in one lane were at a moment.
type History struct {
	Facts []Then // of every entity that the log or the state now knows of, in the order of their ranks
	// Erased is how many numbers up to the moment are not held any more. If it is 0, a fact that is not Known did not exist.
	Erased uint64
}

// Past reads a lane and tells what an owner's facts of some families were at a moment. It goes by the times in envelopes and the
// order of ranks, as Until does. void are the lane's numbers that never held an event (Voids). progress may be nil.
func Past(ctx context.Context, log eventlog.Log, l eventlog.Lane, void Spans, owner schemas.OwnerID, families []schemas.Family, at time.Time, progress Progress) (History, error) {
	p := past{owner: owner, families: families, at: at.UnixMilli(), after: math.MaxUint64, newest: map[key]*projections.Event{}, seen: map[key]bool{}}
	mark := log.Mark(l)
	if mark == 0 {
		return History{}, nil
	}
	err := projections.Read(ctx, log, l, 1, mark, func(events []projections.Event) error {
		for i := range events {
			p.take(&events[i])
		}
		if n := len(events); progress != nil && n > 0 {
			progress(l, events[n-1].Position.Number, mark)
		}
		return nil
	})
	if err != nil {
		return History{}, fmt.Errorf("read what was: %w", err)
	}
	return p.history(min(p.after-1, mark), void), nil
}

// key names a fact of the owner; a CLOSE has none.
type key struct {
	family schemas.Family
	entity schemas.EntityID
}

type past struct {
	owner    schemas.OwnerID
	families []schemas.Family
	at       int64

	held   Spans
	after  uint64 // lowest rank that is later than the moment
	newest map[key]*projections.Event
	closed uint64 // highest rank of a CLOSE up to the moment
	seen   map[key]bool
}

func (p *past) take(e *projections.Event) {
	p.held.add(e.Rank, e.Rank)
	p.held.add(e.Position.Number, e.Position.Number)
	if e.Time > p.at {
		p.after = min(p.after, e.Rank)
	}
	if e.Owner != p.owner {
		return
	}
	if e.Op == schemas.Op_CLOSE {
		if e.Time <= p.at {
			p.closed = max(p.closed, e.Rank)
		}
		return
	}
	if !slices.Contains(p.families, e.Family) {
		return
	}
	k := key{e.Family, e.Entity}
	p.seen[k] = true
	if old := p.newest[k]; e.Time <= p.at && (old == nil || old.Rank <= e.Rank) {
		kept := *e
		kept.Sealed = slices.Clone(e.Sealed)
		p.newest[k] = &kept
	}
}

func (p *past) history(end uint64, void Spans) (h History) {
	for k := range p.seen {
		t := Then{Family: k.family, Entity: k.entity}
		e := p.newest[k]
		switch {
		case e != nil && e.Rank > p.closed:
			t.Known = true
			if e.Op == schemas.Op_SET {
				t.Fact = e
			}
		case p.closed > 0:
			t.Known = true // everything that was not stated after it had ended
		}
		h.Facts = append(h.Facts, t)
	}
	slices.SortFunc(h.Facts, func(a, b Then) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Family, b.Family), slices.Compare(a.Entity[:], b.Entity[:]))
	})
	for _, s := range void.list {
		p.held.add(s.first, s.last)
	}
	h.Erased = end - p.held.within(end)
	return h
}

func (t Then) rank() uint64 {
	if t.Fact == nil {
		return 0
	}
	return t.Fact.Rank
}
