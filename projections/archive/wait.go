package archive

import (
	"context"
	"fmt"

	"protokoll/eventlog"
)

// fail ends the fold: everybody who waits is told. The caller holds mu.
func (x *Index) fail(err error) error {
	if x.failed == nil {
		x.failed = err
	}
	x.room.Broadcast()
	x.waiters.WakeAll()
	return x.failed
}

// Wait returns when everything up to the positions in lane archive can be read. It returns ctx's error, or that which ended
// Run.
func (x *Index) Wait(ctx context.Context, positions ...eventlog.Position) error {
	for _, p := range positions {
		if p.Lane != eventlog.Archive {
			continue
		}
		if err := x.wait(ctx, p.Number); err != nil {
			return err
		}
	}
	return nil
}

func (x *Index) wait(ctx context.Context, number uint64) error {
	x.mu.Lock()
	if x.stored >= number || x.failed != nil {
		defer x.mu.Unlock()
		return x.outcome(number)
	}
	done := x.waiters.Add(number)
	x.mu.Unlock()
	signal(x.now)
	select {
	case <-done:
		x.mu.RLock()
		defer x.mu.RUnlock()
		return x.outcome(number)
	case <-ctx.Done():
		x.mu.Lock()
		defer x.mu.Unlock()
		x.waiters.Forget(done)
		return fmt.Errorf("wait for the index of the archive: %w", ctx.Err())
	}
}

func (x *Index) outcome(number uint64) error {
	if x.stored >= number {
		return nil
	}
	return x.failed
}

// Caught returns when the index holds what the log held when the index was opened.
func (x *Index) Caught(ctx context.Context) error { return x.wait(ctx, x.mark) }
