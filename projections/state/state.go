package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"protokoll/eventlog"
	"protokoll/projections"
	"protokoll/schemas"
)

// ErrAhead is returned when a state file has folded more than the log holds: the log lost events.
var ErrAhead = errors.New("the state is ahead of the log")

// errClosed is why nothing is folded after Close.
var errClosed = errors.New("the state is closed")

// lanesKept lists the lanes whose facts are kept, and whether in a file.
var lanesKept = map[eventlog.Lane]bool{eventlog.Now: false, eventlog.Inbox: true, eventlog.Lasting: true}

// State is the current facts. Its methods may be used by many goroutines.
type State struct {
	log    eventlog.Log
	logger *slog.Logger
	lanes  map[eventlog.Lane]*lane
	marks  map[eventlog.Lane]uint64 // of the log at Open
	whole  sync.Locker              // held while a lane is mended; nil: nothing is ever dropped
}

// Open opens the state in a folder, which it makes if there is none. Facts are complete only when Run has caught up with the
// log (Caught). It returns ErrAhead if the log holds less than was folded already.
func Open(dir string, log eventlog.Log, logger *slog.Logger) (*State, error) {
	s := &State{log: log, logger: logger, lanes: map[eventlog.Lane]*lane{}, marks: map[eventlog.Lane]uint64{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the state: %w", err)
	}
	errs := make(chan error, len(lanesKept))
	for id, inFile := range lanesKept {
		l := newLane(id, logger)
		s.lanes[id], s.marks[id] = l, log.Mark(id)
		l.bulk = s.marks[id]
		go func(mark uint64) {
			if !inFile {
				errs <- l.takeOver(pathOf(dir, id), mark)
				return
			}
			errs <- l.open(pathOf(dir, id), mark)
		}(s.marks[id])
	}
	var err error
	for range lanesKept {
		err = errors.Join(err, <-errs)
	}
	if err == nil {
		err = s.discard(dir)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// MendUnder has whole held while a damaged file is folded anew: a lane is read from its beginning, and what ends a fact must not
// be dropped behind the reader's back while the fact was read. Called before Run.
func (s *State) MendUnder(whole sync.Locker) { s.whole = whole }

// Run folds what the log holds and what is appended, until ctx ends, the log stops, or an event is not understood. It is
// called once. What it returns, those who wait get too. A file that turns out to be damaged is folded anew meanwhile.
func (s *State) Run(ctx context.Context) error {
	return s.each(ctx, func(ctx context.Context, l *lane) error {
		var mending sync.WaitGroup
		defer mending.Wait()
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		mending.Go(func() {
			if err := l.mendLoop(ctx, s.log, s.whole); err != nil {
				cancel(err)
			}
		})
		err := l.foldUpTo(ctx, s.log, s.marks[l.id], nil)
		if err == nil {
			err = projections.Follow(ctx, s.log, l.id, l.number+1, l.apply)
		}
		return cmp.Or(context.Cause(ctx), err)
	})
}

// each runs a fold of every lane. The first error ends all of them.
func (s *State) each(ctx context.Context, fold func(context.Context, *lane) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var folds sync.WaitGroup
	for _, l := range s.lanes {
		folds.Go(func() {
			if err := l.run(ctx, func(ctx context.Context) error { return fold(ctx, l) }); err != nil {
				cancel(err)
			}
		})
	}
	folds.Wait()
	return context.Cause(ctx)
}

// Close writes what is held in memory into files for the next start, unless a fold failed, and lets go of the others. Run has
// ended before.
func (s *State) Close() error {
	var errs []error
	for _, l := range s.lanes {
		l.leave()
		if l.file != nil {
			errs = append(errs, l.file.close())
		}
	}
	return errors.Join(errs...)
}

func (s *State) lane(f schemas.Family) (*lane, error) {
	l, ok := s.lanes[eventlog.LaneOf(f)]
	if !ok {
		return nil, fmt.Errorf("no state of family %s: %w", f, projections.ErrRecord)
	}
	return l, nil
}

// Get returns the current value of an entity, and whether it has one.
func (s *State) Get(owner schemas.OwnerID, f schemas.Family, e schemas.EntityID) (Fact, bool, error) {
	l, err := s.lane(f)
	if err != nil {
		return Fact{}, false, err
	}
	g := group{uint16(f), owner}
	l.mu.RLock()
	value, err := l.view(g).get(e)
	l.mu.RUnlock()
	if err != nil || value == nil {
		return Fact{}, false, l.read(err)
	}
	return decodeValue(l.id, g, e, value), true, nil
}

// Facts returns the current facts of one family of an owner, oldest rank first.
func (s *State) Facts(owner schemas.OwnerID, f schemas.Family) ([]Fact, error) {
	l, err := s.lane(f)
	if err != nil {
		return nil, err
	}
	g := group{uint16(f), owner}
	all, err := l.collect(g)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	facts := make([]Fact, len(all))
	for i, at := range byRank(all) {
		facts[i] = decodeValue(l.id, g, all[at.row].entity, all[at.row].value)
	}
	return facts, nil
}

// place is where a rank stands among rows; places are sorted because they are smaller.
type place struct {
	rank uint64
	row  int
}

func byRank(all []row) []place {
	places := make([]place, len(all))
	for i := range all {
		places[i] = place{rankOf(all[i].value), i}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.rank, b.rank) })
	return places
}

// collect returns the rows of a group, reading the file without holding the lock.
func (l *lane) collect(g group) ([]row, error) {
	l.mu.RLock()
	above, tx, err := l.view(g).snapshot()
	l.mu.RUnlock()
	if err != nil {
		return nil, l.read(err)
	}
	all, err := above.collect(tx, g)
	return all, l.read(err)
}

// read says which lane could not be read.
func (l *lane) read(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errDamaged) {
		signal(l.bad)
	}
	return fmt.Errorf("read the state of lane %s: %w", l.id, err)
}

// OwnerByHandle returns the account or room whose current fact carries a handle.
func (s *State) OwnerByHandle(h schemas.Handle) (owner schemas.OwnerID, ok bool, err error) {
	var rank uint64
	all, err := s.lanes[eventlog.Lasting].collect(group{familyHandle, h})
	for _, r := range all {
		if rankOf(r.value) >= rank {
			owner, rank = r.entity, rankOf(r.value)
		}
	}
	return owner, len(all) > 0, err
}
