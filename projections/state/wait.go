package state

import (
	"context"
	"fmt"
	"slices"

	"protokoll/eventlog"
)

// waiter is somebody who waits until a number is folded.
type waiter struct {
	number uint64
	done   chan struct{}
}

// wake tells those who waited for what is folded now. The caller holds mu.
func (l *lane) wake() {
	if len(l.waiters) == 0 {
		return
	}
	l.waiters = slices.DeleteFunc(l.waiters, func(w waiter) bool {
		if w.number <= l.number {
			close(w.done)
		}
		return w.number <= l.number
	})
}

// wait returns when number is folded.
func (l *lane) wait(ctx context.Context, number uint64) error {
	l.mu.RLock()
	folded := l.number >= number
	l.mu.RUnlock()
	if folded {
		return nil
	}
	l.mu.Lock()
	if l.number >= number || l.failed != nil {
		defer l.mu.Unlock()
		return l.outcome(number)
	}
	w := waiter{number, make(chan struct{})}
	l.waiters = append(l.waiters, w)
	l.mu.Unlock()
	select {
	case <-w.done:
		l.mu.RLock()
		defer l.mu.RUnlock()
		return l.outcome(number)
	case <-ctx.Done():
		l.forget(w)
		return fmt.Errorf("wait for the state of lane %s: %w", l.id, ctx.Err())
	}
}

// outcome is what waiting for number came to. The caller holds mu.
func (l *lane) outcome(number uint64) error {
	if l.number >= number {
		return nil
	}
	return l.failed
}

func (l *lane) forget(gone waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiters = slices.DeleteFunc(l.waiters, func(w waiter) bool { return w.done == gone.done })
}

// Wait returns when everything up to the positions is folded, so that reads see it. It needs no commit. It returns ctx's
// error, or that which ended Run.
func (s *State) Wait(ctx context.Context, positions ...eventlog.Position) error {
	for _, p := range positions {
		l, ok := s.lanes[p.Lane]
		if !ok {
			continue // no fold of ours: nothing to wait for
		}
		if err := l.wait(ctx, p.Number); err != nil {
			return err
		}
	}
	return nil
}

// Caught returns when the state has folded what the log held when the state was opened.
func (s *State) Caught(ctx context.Context) error {
	for id, l := range s.lanes {
		if err := l.wait(ctx, s.marks[id]); err != nil {
			return err
		}
	}
	return nil
}
