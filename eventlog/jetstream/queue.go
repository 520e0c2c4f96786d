package jetstream

import (
	"sync"
)

const (
	// maxGroupFacts is how many facts are written before one sync. A larger command is written whole nevertheless.
	maxGroupFacts = 1024
	// maxGroupBytes is the same in bytes.
	maxGroupBytes = 8 << 20
	// maxQueueBytes is how many bytes wait in one lane before Append blocks, however few facts they are.
	maxQueueBytes = 64 << 20
)

// queue is what waits for a lane's writer, in the order of the appends.
type queue struct {
	limit int           // facts
	wake  chan struct{} // has room for one: something waits, or the queue was ended

	mu      sync.Mutex
	space   *sync.Cond // signalled when parts were taken, or the queue was ended
	parts   []*part
	errands []*errand
	facts   int
	bytes   int
	ended   error // returned for every further part
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit, wake: make(chan struct{}, 1)}
	q.space = sync.NewCond(&q.mu)
	return q
}

// put waits while the queue is full. One part is always let in, however large.
func (q *queue) put(p *part) error {
	q.mu.Lock()
	for q.ended == nil && q.facts > 0 && (q.facts+len(p.facts) > q.limit || q.bytes+p.bytes > maxQueueBytes) {
		q.space.Wait()
	}
	if q.ended != nil {
		q.mu.Unlock()
		return q.ended
	}
	q.parts = append(q.parts, p)
	q.facts += len(p.facts)
	q.bytes += p.bytes
	q.mu.Unlock()
	q.signal()
	return nil
}

// errand is something that the writer does between two groups, one at a time, so that neither keeps the other waiting.
type errand struct {
	run  func() error
	done chan error // has room for one
}

func (q *queue) send(run func() error) (<-chan error, error) {
	e := &errand{run, make(chan error, 1)}
	q.mu.Lock()
	if q.ended != nil {
		defer q.mu.Unlock()
		return nil, q.ended
	}
	q.errands = append(q.errands, e)
	q.mu.Unlock()
	q.signal()
	return e.done, nil
}

// errand returns the next errand, or nil.
func (q *queue) errand() *errand {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.errands) == 0 {
		return nil
	}
	e := q.errands[0]
	q.errands = q.errands[1:]
	return e
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// few tells whether something waits, and so little that more may be waited for.
func (q *queue) few() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended == nil && q.facts > 0 && q.facts < maxGroupFacts/4 && q.bytes < maxGroupBytes/4
}

// take returns the next group of whole commands, and whether nothing will ever follow it.
func (q *queue) take() (group []*part, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, facts, bytes := 0, 0, 0
	for n < len(q.parts) {
		p := q.parts[n]
		if n > 0 && (facts+len(p.facts) > maxGroupFacts || bytes+p.bytes > maxGroupBytes) {
			break
		}
		n, facts, bytes = n+1, facts+len(p.facts), bytes+p.bytes
	}
	group = q.parts[:n:n]
	q.parts = q.parts[n:]
	if len(q.parts) == 0 {
		q.parts = nil // the group owns the array now
	}
	q.facts -= facts
	q.bytes -= bytes
	q.space.Broadcast()
	return group, q.ended != nil && len(q.parts) == 0
}

// end refuses everything from now on with err; what waits may still be taken.
func (q *queue) end(err error) {
	q.mu.Lock()
	if q.ended == nil {
		q.ended = err
	}
	q.space.Broadcast()
	q.mu.Unlock()
	q.signal()
}
