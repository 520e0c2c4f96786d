package eventlog

import (
	"context"
	"errors"
	"sync"
)

// Receipt tells when a command is on disk. It is settled once.
type Receipt struct {
	mu        sync.Mutex
	settled   bool
	err       error
	positions []Position
	pending   int // lanes that have not answered; guarded by mu
	then      []func(error)
	done      chan struct{} // made on first use
}

// NewReceipt returns a receipt that waits for the answers of n lanes. For implementations of Log.
func NewReceipt(n int) *Receipt { return &Receipt{pending: n} }

// Settle counts one lane's answer; errors of several lanes are joined. last is the position of the lane's last event of the command.
// It runs the functions given to Then on the caller's goroutine once all lanes have answered. For implementations of Log.
func (r *Receipt) Settle(last Position, err error) {
	r.mu.Lock()
	r.pending--
	switch {
	case err == nil:
		r.positions = append(r.positions, last)
	case r.err == nil:
		r.err = err
	default:
		r.err = errors.Join(r.err, err) // ErrUncertain of one lane must be seen behind ErrNoSpace of another
	}
	if r.pending > 0 {
		r.mu.Unlock()
		return
	}
	r.settled = true
	then, done := r.then, r.done
	r.then = nil
	r.mu.Unlock()
	if done != nil {
		close(done)
	}
	for _, fn := range then {
		fn(r.err)
	}
}

// Then runs fn once the receipt is settled: at once on this goroutine if it is, else on a completion goroutine of the log,
// where it must not block; it may call Append. Functions of one lane's receipts run in the order of the appends.
func (r *Receipt) Then(fn func(error)) {
	r.mu.Lock()
	if !r.settled {
		r.then = append(r.then, fn)
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	fn(r.err)
}

// Wait returns when the receipt is settled or ctx ends.
func (r *Receipt) Wait(ctx context.Context) error {
	r.mu.Lock()
	if r.settled {
		r.mu.Unlock()
		return r.err
	}
	if r.done == nil {
		r.done = make(chan struct{})
	}
	done := r.done
	r.mu.Unlock()
	select {
	case <-done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Positions returns the last position of the command in each lane it touched. It is meant for settled receipts.
func (r *Receipt) Positions() []Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.positions
}
