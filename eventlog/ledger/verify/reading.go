package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/leaf"
	"protokoll/eventlog/seal"
)

const (
	rowBits = 8
	rowsUp  = 6
	// progressEvery is how many numbers are read between two calls of Progress.
	progressEvery = 10_000
)

// numbers is a range, both ends in it.
type numbers struct{ first, last uint64 }

// absent is a range of numbers without an event, all of one kind.
type absent struct {
	numbers
	leaf absence
}

type absence uint8

const (
	voidLeaf  absence = iota // the tree has the leaf of void numbers there
	otherLeaf                // the tree has an event's leaf there
	noLeaf                   // forgotten
)

// reading is what reading one lane once gave.
type reading struct {
	*verifier
	lane   eventlog.Lane
	size   uint64 // that the newest checkpoint states
	chain  chain
	faults []Fault

	segments []link // that are there
	events   uint64
	above    uint64
	absent   []absent
	origins  map[uint64]uint64          // number of the copy, by the number that its event first had
	held     map[eventlog.Lane][]uint64 // lane held only: origins by the lane that they come from
	records  records                    // lane proof only
	roots    map[uint64]leaf.Hash       // at every size that a checkpoint states

	sizes   []uint64 // of checkpoints, ascending
	seen    uint64   // numbers up to here are done
	tree    stack
	up      [rowsUp]rowReader
	gaps    []gap
	scratch []byte
}

func (r *reading) bad(number uint64, reason string, args ...any) {
	r.faults = addFault(r.faults, r.lane, number, reason, args...)
}

func (r *reading) read(ctx context.Context) (err error) {
	r.records = newRecords()
	r.origins, r.held, r.roots = map[uint64]uint64{}, map[eventlog.Lane][]uint64{}, map[uint64]leaf.Hash{}
	if r.chain, err = readChain(r.log, r.lane); err != nil {
		r.bad(1, "the manifest that lists its segments: %v", err)
	}
	dir, err := born(r.ledger, r.lane)
	if err != nil {
		r.bad(1, "the ledger's tip: %v", err)
	}
	for i := range r.up {
		r.up[i].dir = filepath.Join(dir, strconv.Itoa(i))
		defer r.up[i].close()
	}
	if r.gaps, _, err = readGaps(dir); err != nil {
		return err
	}
	for _, c := range r.older {
		r.sizes = append(r.sizes, c.sizes[r.lane])
	}
	slices.Sort(r.sizes)
	r.sizes = slices.Compact(r.sizes)
	r.tree.made = r.checkRow
	r.note()
	for _, s := range r.chain.Segments {
		if s.State == "dropping" {
			continue
		}
		if err := r.readSegment(ctx, s); err != nil {
			return err
		}
	}
	if err := r.advance(r.size); err != nil {
		return err
	}
	r.Progress(r.lane, r.size, r.size)
	return nil
}

func (r *reading) readSegment(ctx context.Context, s link) error {
	in, err := openSegment(r.log, r.keys, r.lane, s)
	if locked := errors.Is(err, seal.ErrForgotten); locked || err != nil && (s.First <= r.size || s.State == "closed") {
		r.bad(s.First, "its segment: %v", err)
		if id, err := s.id(); err == nil && locked {
			r.locked = append(r.locked, id)
		}
	}
	if err != nil {
		return nil
	}
	defer in.blocks.Close()
	r.segments = append(r.segments, s)
	for ctx.Err() == nil {
		e, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if in.at <= r.size || s.State == "closed" {
				r.bad(in.at, "%v", err)
			}
			return nil
		}
		if err := r.take(e); err != nil {
			return err
		}
		if e.number%progressEvery == 0 {
			r.Progress(r.lane, min(e.number, r.size), r.size)
		}
	}
	return ctx.Err()
}

// take holds an event against its leaf.
func (r *reading) take(e event) error {
	if err := r.notice(e); err != nil {
		r.bad(e.number, "%v", err)
	}
	if e.number > r.size {
		r.above++
		return nil
	}
	if e.number <= r.seen {
		r.bad(e.number, "stands where a later number should")
		return nil
	}
	if err := r.advance(e.number - 1); err != nil {
		return err
	}
	r.seen = e.number
	r.events++
	if g, ok := r.gapOf(e.number); ok {
		r.pushGap(g)
		return nil
	}
	stored, err := r.up[0].get(e.number - 1)
	if err != nil {
		return err
	}
	var h leaf.Hash
	h, r.scratch = leaf.Of(r.scratch, e.envelope, e.sealed)
	switch {
	case stored == leaf.Hash{}:
		r.bad(e.number, "the ledger's hash of it is missing")
	case stored != h:
		r.bad(e.number, "is not the event that the ledger saw")
	}
	r.push(0, stored)
	return nil
}

// notice remembers what an event says beyond its hash.
func (r *reading) notice(e event) error {
	m, err := e.parse()
	if err != nil {
		return fmt.Errorf("envelope: %w", err)
	}
	if o := m.GetOrigin(); o != 0 && r.lane == eventlog.Held {
		from := eventlog.LaneOf(m.GetFamily())
		r.held[from] = append(r.held[from], o)
	} else if o != 0 {
		r.origins[o] = max(r.origins[o], e.number)
	}
	if r.lane == eventlog.Proof {
		return r.takeRecord(m, e)
	}
	return nil
}

// gapOf returns the range in which a number lies whose leaf the ledger does not hold. Numbers must ascend.
func (r *reading) gapOf(number uint64) (gap, bool) {
	for len(r.gaps) > 0 && r.gaps[0].last < number {
		r.gaps = r.gaps[1:]
	}
	if len(r.gaps) == 0 || number < r.gaps[0].first {
		return gap{}, false
	}
	return r.gaps[0], true
}

// pushGap adds what was kept of a gap to the tree, once.
func (r *reading) pushGap(g gap) {
	if r.tree.size >= g.last {
		return
	}
	err := errors.New("they do not follow the hashes before them")
	if r.tree.size == g.first-1 {
		err = g.each(func(level int, h leaf.Hash) error {
			if !r.push(level, h) {
				return errors.New("they do not fit")
			}
			return nil
		})
	}
	if err != nil {
		r.bad(g.first, "what was kept of forgotten hashes: %v", err)
	}
	for r.tree.size < g.last { // the tree cannot be right, and later numbers can still be looked at
		r.push(0, leaf.Hash{})
	}
}

// advance goes over numbers without an event up to a number.
func (r *reading) advance(to uint64) error {
	for r.seen < to {
		at := r.seen + 1
		if g, ok := r.gapOf(at); ok {
			r.pushGap(g)
			kind := noLeaf
			if g.void {
				kind = voidLeaf
			}
			r.seen = min(g.last, to)
			r.lacks(numbers{at, r.seen}, kind)
			continue
		}
		stored, err := r.up[0].get(at - 1)
		if err != nil {
			return err
		}
		kind := otherLeaf
		switch stored {
		case leaf.Void():
			kind = voidLeaf
		case leaf.Hash{}:
			r.bad(at, "the ledger's hash of it is missing")
		}
		r.seen = at
		r.lacks(numbers{at, at}, kind)
		r.push(0, stored)
	}
	return nil
}

// lacks notes numbers without an event.
func (r *reading) lacks(n numbers, kind absence) {
	if last := len(r.absent) - 1; last >= 0 && r.absent[last].leaf == kind && r.absent[last].last+1 == n.first {
		r.absent[last].last = n.last
		return
	}
	r.absent = append(r.absent, absent{n, kind})
}

// push adds to the tree and notes the root where a checkpoint states one.
func (r *reading) push(level int, h leaf.Hash) bool {
	ok := r.tree.push(level, h)
	r.note()
	return ok
}

func (r *reading) note() {
	for len(r.sizes) > 0 && r.sizes[0] <= r.tree.size {
		if r.sizes[0] == r.tree.size {
			r.roots[r.tree.size] = r.tree.root()
		}
		r.sizes = r.sizes[1:]
	}
}

// checkRow compares a subtree with the row that holds it.
func (r *reading) checkRow(level int, index uint64, h leaf.Hash) {
	row := level / rowBits
	if level%rowBits != 0 || row >= rowsUp {
		return
	}
	stored, err := r.up[row].get(index)
	switch {
	case err != nil:
		r.bad(index<<level+1, "the ledger's row %d: %v", row, err)
	case stored == leaf.Hash{}:
		r.bad(index<<level+1, "the ledger's row %d ends or has a hole", row)
	case stored != h:
		r.bad(index<<level+1, "the ledger's row %d does not fit the leaves", row)
	}
}
