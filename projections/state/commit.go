package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

const (
	// commitAfter is how long a folded event may stay out of the file. Reads do not wait for it, and what a crash takes away is
	// folded again at start (10 µs an event). Shorter is dearer: a commit costs two syncs and rewrites every page it touches, and
	// a message that is fetched within this time never reaches the file.
	commitAfter = time.Second
	// commitRows is how many rows are committed before that.
	commitRows = 16 << 10
	// maxLayer is how large a layer may become, in bytes, before folding waits for the file; bulkLayer how large it becomes
	// while the lane catches up, where large sorted batches save most writes.
	maxLayer  = 128 << 20
	bulkLayer = 64 << 20
	// rowCost is what a row takes in memory beside its value, in bytes, roughly.
	rowCost = 120
	// retryAfter is the pause after a commit for which there was no room on the disk.
	retryAfter = time.Second
)

// due tells whether the pending layer should be committed before its time. The caller holds mu.
func (l *lane) due() bool {
	if l.number < l.bulk {
		return l.pending.bytes+l.pending.count*rowCost >= bulkLayer
	}
	return l.pending.count >= commitRows
}

// run folds beside committing. What ends it, those who wait get.
func (l *lane) run(ctx context.Context, fold func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	committing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var commits sync.WaitGroup
	l.mu.Lock()
	stored := l.file != nil // a rebuild may exchange the file already
	l.mu.Unlock()
	if stored {
		commits.Go(func() { cancel(l.commitLoop(committing)) })
	}
	err := fold(ctx)
	stop()
	commits.Wait()
	if cause := context.Cause(ctx); cause != nil && cause != context.Canceled {
		err = cause
	}
	if err != nil {
		l.fail(err)
	}
	return err
}

// commitLoop commits what was folded until ctx ends, and then once more. It sleeps while nothing is folded.
func (l *lane) commitLoop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return l.commit()
		case <-l.some:
		}
		l.gather(ctx)
		if err := l.commit(); errors.Is(err, syscall.ENOSPC) {
			l.logger.Warn("no room for the state; it is kept in memory", "lane", l.id.String())
			pause(ctx, retryAfter)
			signal(l.some)
		} else if errors.Is(err, errDamaged) {
			signal(l.bad) // mending signals some
		} else if err != nil {
			return l.fail(err)
		}
	}
}

// gather lets a layer grow until its time is over or it is large enough.
func (l *lane) gather(ctx context.Context) {
	for {
		timer := time.NewTimer(commitAfter)
		select {
		case <-ctx.Done():
		case <-l.full:
		case <-timer.C:
			if l.catchingUp() {
				continue
			}
		}
		timer.Stop()
		return
	}
}

// signal leaves a signal for whoever looks next.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l *lane) catchingUp() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.number < l.bulk
}

// commit writes the pending layer into the file. After an error everything is pending again.
func (l *lane) commit() error {
	l.committing.Lock()
	defer l.committing.Unlock()
	l.mu.Lock()
	if l.file == nil || l.pending.count == 0 && l.writing == nil && !l.moved() {
		l.mu.Unlock()
		return nil
	}
	l.writing, l.pending = l.pending, newLayer()
	writing, number, events := l.writing, l.number, l.events
	l.room.Broadcast()
	l.mu.Unlock()

	err := l.write(l.file, writing, number, events)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = nil
	if err != nil {
		writing.cover(l.pending)
		l.pending = writing
		return fmt.Errorf("store the state of lane %s: %w", l.id, err)
	}
	l.stored = number
	return nil
}

// moved tells whether the number went on without a change of facts. The caller holds mu.
func (l *lane) moved() bool { return l.number != l.stored }

// fail ends the lane: everybody who waits is told.
func (l *lane) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = err
	}
	l.room.Broadcast()
	l.waiters.WakeAll()
	return l.failed
}
