package engine

import (
	"context"
	"time"
)

// throttle makes a sweep rest in proportion to what it does, so that who chats does not notice.
type throttle struct {
	share float64 // of the time
	bytes int     // per second
	since time.Time
	debt  time.Duration
}

// leastRest is the shortest rest worth taking; below that the debt is carried on.
const leastRest = 2 * time.Millisecond

func newThrottle(share float64, bytes int) *throttle {
	return &throttle{share: share, bytes: bytes, since: time.Now()}
}

// pay rests for the time since it was called last, and for bytes that were appended.
func (t *throttle) pay(ctx context.Context, bytes int) error {
	worked := time.Since(t.since)
	byTime := time.Duration(float64(worked) * (1/t.share - 1))
	byBytes := time.Duration(bytes)*time.Second/time.Duration(t.bytes) - worked
	t.debt += max(byTime, byBytes, 0)
	if t.debt >= leastRest {
		began := time.Now()
		timer := time.NewTimer(t.debt)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		t.debt -= time.Since(began)
	}
	t.since = time.Now()
	return ctx.Err()
}
