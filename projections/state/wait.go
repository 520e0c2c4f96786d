package state

import (
	"context"
	"fmt"

	"protokoll/eventlog"
)

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
	done := l.waiters.Add(number)
	l.mu.Unlock()
	select {
	case <-done:
		l.mu.RLock()
		defer l.mu.RUnlock()
		return l.outcome(number)
	case <-ctx.Done():
		l.forget(done)
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

func (l *lane) forget(done <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiters.Forget(done)
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
