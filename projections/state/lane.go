package state

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"

	"protokoll/eventlog"
	"protokoll/projections"
	"protokoll/schemas"
)

// lane is the facts of one lane: layers over a file, or one layer alone.
type lane struct {
	id       eventlog.Lane
	path     string // of its file; empty for a lane that is held in memory
	snapshot string // where a clean Close leaves a lane that is held in memory; empty until Open has succeeded
	logger   *slog.Logger
	write    func(f *file, l *layer, number, events uint64) error // (*file).commit, but for tests of full disks
	some     chan struct{}                                        // a signal that there is something to commit
	full     chan struct{}                                        // a signal to commit before the time is over

	bad chan struct{} // a signal that the file is damaged

	renewing   sync.Mutex   // one at a time; guards swept
	swept      eventlog.Log // what a sweep is about to leave, or has left; nil: nothing was swept
	committing sync.Mutex   // one commit at a time, and none while the file is exchanged; taken before mu

	mu       sync.RWMutex // guards the following
	file     *file        // nil for a lane that is held in memory
	room     *sync.Cond   // on mu: the layers have become smaller
	number   uint64       // folded up to here
	stored   uint64       // committed up to here
	events   uint64       // how many events that took
	pending  *layer       // folded and not being committed
	writing  *layer       // being committed; nil if nothing is
	bulk     uint64       // below this number commits are large, because nobody waits
	waiters  projections.Waiters
	families []schemas.Family // that lie in this lane
	failed   error            // why nothing is folded any more
}

func newLane(id eventlog.Lane, logger *slog.Logger) *lane {
	l := &lane{id: id, logger: logger, pending: newLayer(), some: make(chan struct{}, 1), full: make(chan struct{}, 1), bad: make(chan struct{}, 1), write: (*file).commit}
	l.room = sync.NewCond(&l.mu)
	for f := range schemas.Family_name {
		if eventlog.LaneOf(schemas.Family(f)) == id {
			l.families = append(l.families, schemas.Family(f))
		}
	}
	return l
}

// open finds out where the lane's file stands. A damaged or missing one is made anew, and the log fills it.
func (l *lane) open(path string, mark uint64) error {
	l.path = path
	if err := os.Remove(path + renewed); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an unfinished state file: %w", err)
	}
	f, m, err := openFile(path, l.id)
	if errors.Is(err, errDamaged) {
		l.logger.Warn("a state file is damaged and folded anew", "lane", l.id.String(), "error", err)
	}
	if errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist) {
		f, err = createFile(path, l.id)
		m = meta{}
	}
	if err != nil {
		return fmt.Errorf("state of lane %s: %w", l.id, err)
	}
	if m.number > mark {
		return errors.Join(l.ahead(m.number, mark), f.close())
	}
	l.file, l.number, l.stored, l.events = f, m.number, m.number, m.events
	return nil
}

func (l *lane) ahead(number, mark uint64) error {
	return fmt.Errorf("state of lane %s stands at %d, the log ends at %d: %w", l.id, number, mark, ErrAhead)
}

// apply folds whole commands. It waits while the layers are full.
func (l *lane) apply(events []projections.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.file != nil && l.pending.bytes+l.pending.count*rowCost >= maxLayer && l.failed == nil {
		l.room.Wait()
	}
	if l.failed != nil {
		return l.failed
	}
	for i := range events {
		if err := l.fold(&events[i]); err != nil {
			l.failed = err // at once: half a command is never kept, even if somebody stops the fold at this moment
			return err
		}
		l.number = events[i].Position.Number
		l.events++
	}
	l.waiters.Wake(l.number)
	if l.file == nil {
		return nil
	}
	signal(l.some)
	if l.due() {
		signal(l.full)
	}
	return nil
}

// fold takes one event into the pending layer. The caller holds mu.
func (l *lane) fold(e *projections.Event) error {
	switch e.Op {
	case schemas.Op_SET:
		return l.foldSet(e)
	case schemas.Op_END:
		return l.foldEnd(e)
	}
	return l.foldClose(e)
}

func (l *lane) foldSet(e *projections.Event) error {
	g := group{uint16(e.Family), e.Owner}
	if superseded, err := l.retire(e, g); err != nil || superseded {
		return err
	}
	key := g.key(e.Entity)
	v, err := encodeValue(&key, e)
	if err != nil {
		return err
	}
	l.pending.put(g, e.Entity, v)
	for _, h := range e.Handles {
		if err := l.putHandle(h, e); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) foldEnd(e *projections.Event) error {
	g := group{uint16(e.Family), e.Owner}
	if superseded, err := l.retire(e, g); err != nil || superseded {
		return err
	}
	l.erase(g, e.Entity)
	return nil
}

// foldClose ends all facts of the owner in this lane that are older than the event.
func (l *lane) foldClose(e *projections.Event) error {
	for _, f := range l.families {
		g := group{uint16(f), e.Owner}
		found, err := l.view(g).collect()
		if err != nil {
			return err
		}
		for _, r := range found {
			if rankOf(r.value) < e.Rank {
				l.eraseHandles(r.value, e.Owner)
				l.erase(g, r.entity)
			}
		}
	}
	return nil
}

// retire prepares for e to replace what is known of its entity, and tells whether that is newer than e. Only a moved event
// can be older, and only facts of some families have handles; others need not be looked up.
func (l *lane) retire(e *projections.Event, g group) (superseded bool, err error) {
	moved := e.Rank != e.Position.Number
	if !moved && !hasHandles(e.Family) {
		return false, nil
	}
	old, err := l.view(g).get(e.Entity)
	if err != nil || old == nil {
		return false, err
	}
	if rankOf(old) > e.Rank {
		return true, nil
	}
	l.eraseHandles(old, e.Owner)
	return false, nil
}

func hasHandles(f schemas.Family) bool {
	return f == schemas.Family_ACCOUNT_FACTS || f == schemas.Family_ROOM_FACTS
}

// erase makes an entity have no value.
func (l *lane) erase(g group, entity [16]byte) {
	if l.file == nil {
		l.pending.drop(g, entity)
		return
	}
	l.pending.put(g, entity, nil)
}

func (l *lane) putHandle(h schemas.Handle, e *projections.Event) error {
	g := group{familyHandle, h}
	key := g.key(e.Owner)
	v, err := encodeValue(&key, &projections.Event{Rank: e.Rank, Position: e.Position})
	if err != nil {
		return err
	}
	l.pending.put(g, e.Owner, v)
	return nil
}

func (l *lane) eraseHandles(value []byte, owner schemas.OwnerID) {
	for _, h := range handlesOf(value) {
		l.erase(group{familyHandle, h}, owner)
	}
}
