package projections

import "slices"

// Waiters are those who wait until a fold has come as far as a number. The zero value has none. The fold's own lock guards it.
type Waiters struct{ all []waiter }

type waiter struct {
	number uint64
	done   chan struct{}
}

// Add returns a channel that is closed when the fold has come as far as number, or has ended.
func (w *Waiters) Add(number uint64) <-chan struct{} {
	done := make(chan struct{})
	w.all = append(w.all, waiter{number, done})
	return done
}

// Any tells whether anybody waits.
func (w *Waiters) Any() bool { return len(w.all) > 0 }

// Wake tells those who wait for a number up to this one.
func (w *Waiters) Wake(number uint64) {
	w.all = slices.DeleteFunc(w.all, func(one waiter) bool {
		if one.number <= number {
			close(one.done)
		}
		return one.number <= number
	})
}

// WakeAll tells everybody: the fold has ended.
func (w *Waiters) WakeAll() {
	for _, one := range w.all {
		close(one.done)
	}
	w.all = nil
}

// Forget is for who does not wait any longer.
func (w *Waiters) Forget(done <-chan struct{}) {
	w.all = slices.DeleteFunc(w.all, func(one waiter) bool { return one.done == done })
}
