package router

import (
	"sync"

	"protokoll/eventlog"
	"protokoll/xmpp/stream"
)

// later is what happens once facts are on disk: results, pushes, presence, acknowledgements. The log's completion goroutine
// must not write to clients; one goroutine of ours takes everything that a group commit completed in one turn, so that each
// destination is written to once.
type later struct {
	mu    sync.Mutex
	wake  chan struct{}
	queue []func(*stream.Turn)
	ended bool
}

func (l *later) init() { l.wake = make(chan struct{}, 1) }

// do runs fn on the later goroutine, in the order of the calls. fn must not append, nor lock an account.
func (l *later) do(fn func(*stream.Turn)) {
	l.mu.Lock()
	l.queue = append(l.queue, fn)
	first := len(l.queue) == 1
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (l *later) close() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (r *Router) workLater() {
	var batch []func(*stream.Turn)
	for range r.later.wake {
		r.later.mu.Lock()
		batch, r.later.queue = r.later.queue, batch[:0]
		ended := r.later.ended
		r.later.mu.Unlock()
		t := stream.NewTurn()
		for i, fn := range batch {
			r.Guard(func() { fn(t) })
			batch[i] = nil
		}
		t.End()
		if ended {
			return
		}
	}
}

// Later runs fn in a turn of its own as soon as possible. fn must not block.
func (r *Router) Later(fn func(*stream.Turn)) { r.later.do(fn) }

// after runs fn once it is known what became of all receipts, with the first error. Calls for one account keep their order,
// because the receipts of a lane are settled in order.
func (r *Router) after(fn func(*stream.Turn, error), receipts ...*eventlog.Receipt) {
	w := &waiting{left: 1, fn: fn, r: r}
	for _, rc := range receipts {
		if rc != nil {
			w.add()
			r.known(rc, w.settled)
		}
	}
	w.settled(nil)
}

// waiting counts receipts down.
type waiting struct {
	r    *Router
	mu   sync.Mutex
	left int
	err  error
	fn   func(*stream.Turn, error)
}

func (w *waiting) add() {
	w.mu.Lock()
	w.left++
	w.mu.Unlock()
}

func (w *waiting) settled(err error) {
	w.mu.Lock()
	w.left--
	if w.err == nil {
		w.err = err
	}
	done := w.left == 0
	w.mu.Unlock()
	if done {
		w.r.later.do(func(t *stream.Turn) { w.fn(t, w.err) })
	}
}
