package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"protokoll/eventlog"
	"protokoll/internal/durable"
	"protokoll/projections"
)

// renewed is what the name of a file ends with that is folded beside the one in use.
const renewed = ".new"

// Rebuild throws the state away while it is in use: each lane is folded anew beside the one that answers, and takes its place
// when it has come as far. progress may be nil.
func (s *State) Rebuild(ctx context.Context, progress Progress) error {
	errs := make(chan error, len(s.lanes))
	for _, l := range s.lanes {
		go func() { errs <- l.renew(ctx, s.log, progress) }()
	}
	var err error
	for range s.lanes {
		err = errors.Join(err, <-errs)
	}
	return err
}

// RenewLane folds one lane anew beside the one that answers, which then takes its place: its file holds nothing that the log
// does not hold any more, not even in free pages. It is for after a sweep of the lane, may be repeated, and is nothing for a
// lane of which no state is kept. After a crash either file is found, both whole; only when it has returned is the old one gone
// for good, so whoever writes down that a lane is swept does it after this.
func (s *State) RenewLane(ctx context.Context, id eventlog.Lane) error {
	l, kept := s.lanes[id]
	if !kept {
		return nil
	}
	return l.renew(ctx, s.log, nil)
}

// RenewLaneOn is RenewLane on a view of the state's log, for a sweep that is about to drop what the view leaves out: file and
// free pages hold nothing of it. The view must say what the log says. A lane that is held in memory has no file to rewrite.
func (s *State) RenewLaneOn(ctx context.Context, id eventlog.Lane, view eventlog.Log) error {
	l, kept := s.lanes[id]
	if !kept || l.path == "" {
		return nil
	}
	if err := l.renewOn(ctx, view); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(l.path)) // the old file must not come back once the log has dropped what it lacks
}

// mendLoop folds the lane anew whenever its file turns out to be damaged.
func (l *lane) mendLoop(ctx context.Context, log eventlog.Log, whole sync.Locker) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.bad:
		}
		l.logger.Error("a state file is damaged and folded anew", "lane", l.id.String())
		if err := l.mend(ctx, log, whole); err != nil {
			return err
		}
		l.logger.Info("the state file is folded anew", "lane", l.id.String())
		signal(l.some)
	}
}

func (l *lane) mend(ctx context.Context, log eventlog.Log, whole sync.Locker) error {
	if whole != nil {
		whole.Lock()
		defer whole.Unlock()
	}
	return l.renew(ctx, log, nil)
}

// renewOn is renew on a view. What the view leaves out must not come back into the file before it is dropped, whoever folds the
// lane anew: that goes by the view from now on, which says nothing else when it is dropped.
func (l *lane) renewOn(ctx context.Context, view eventlog.Log) error {
	l.renewing.Lock()
	defer l.renewing.Unlock()
	l.swept = view
	return l.replace(ctx, view, nil)
}

// renew folds the log into a lane of its own until that has come as far as this one, and exchanges their files.
func (l *lane) renew(ctx context.Context, log eventlog.Log, progress Progress) error {
	l.renewing.Lock()
	defer l.renewing.Unlock()
	if l.swept != nil {
		log = l.swept
	}
	return l.replace(ctx, log, progress)
}

// replace does what renew says. The caller holds renewing.
func (l *lane) replace(ctx context.Context, log eventlog.Log, progress Progress) error {
	next := newLane(l.id, l.logger)
	var err error
	if l.path != "" {
		next.path = l.path + renewed
		if next.file, err = createFile(next.path, l.id); err != nil {
			return err
		}
	}
	if err = next.catchUp(ctx, log, l, progress); err == nil {
		err = l.exchange(ctx, log, next)
	}
	if err != nil && next.file != nil {
		err = errors.Join(err, next.file.close(), os.Remove(next.path))
	}
	if err != nil {
		return fmt.Errorf("fold lane %s anew: %w", l.id, err)
	}
	return nil
}

// catchUp folds up to where the live lane stands; twice, because it goes on meanwhile.
func (l *lane) catchUp(ctx context.Context, log eventlog.Log, live *lane, progress Progress) error {
	for range 2 {
		live.mu.RLock()
		total := live.number
		live.mu.RUnlock()
		l.bulk = total
		err := l.run(ctx, func(ctx context.Context) error { return l.foldUpTo(ctx, log, total, progress) })
		if err != nil {
			return err
		}
	}
	return nil
}

// foldUpTo folds up to a number and stops there.
func (l *lane) foldUpTo(ctx context.Context, log eventlog.Log, total uint64, progress Progress) error {
	err := projections.Read(ctx, log, l.id, l.number+1, total, func(events []projections.Event) error {
		err := l.apply(events)
		if progress != nil && err == nil {
			progress(l.id, l.number, total)
		}
		return err
	})
	if err != nil {
		return err
	}
	l.mu.Lock() // the last numbers may have been swept: who saw them stands where we stand now
	defer l.mu.Unlock()
	l.number = max(l.number, total)
	l.waiters.Wake(l.number)
	return nil
}

// exchange folds the last events while nothing is folded here, and takes over what next holds.
func (l *lane) exchange(ctx context.Context, log eventlog.Log, next *lane) error {
	l.committing.Lock()
	defer l.committing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := next.foldUpTo(ctx, log, l.number, nil); err != nil {
		return err
	}
	if err := next.commit(); err != nil {
		return err
	}
	old := l.file
	if old != nil {
		if err := os.Rename(next.path, l.path); err != nil {
			return err
		}
		next.file.path = l.path
	}
	l.file, l.pending, l.writing, l.stored, l.events = next.file, next.pending, nil, next.stored, next.events
	l.room.Broadcast()
	if old == nil {
		return nil
	}
	if err := old.close(); err != nil { // waits for readers that are in it; they need no lock
		l.logger.Warn("the old state file did not close", "lane", l.id.String(), "error", err)
	}
	if err := durable.SyncFolder(filepath.Dir(l.path)); err != nil { // if the name is lost, the old file is there or none: folded on
		l.logger.Warn("the folder of the state was not synced", "lane", l.id.String(), "error", err)
	}
	return nil
}
