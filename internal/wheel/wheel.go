// Package wheel is one timing wheel for all deadlines of the server: 40,000 idle limits cost one ticking goroutine and a
// list node each, where a time.Timer each would cost a heap of them.
//
// A [Timer] lies in the struct that it serves and allocates nothing. Setting, moving and stopping one is a few
// pointer writes under a lock. Deadlines are kept to the tick: a timer never fires early and at most one tick (and what
// the callbacks before it take) late. While no timer is set nothing ticks.
//
// Callbacks run one after the other on the wheel's goroutine, so they must not block; what may block starts a goroutine.
package wheel

import (
	"sync"
	"time"
)

const (
	// DefaultTick is fine enough for deadlines of network peers.
	DefaultTick = 50 * time.Millisecond
	slots       = 1024 // 51 s a round at the default tick
)

// Timer calls a function once, when its time has come. The zero value is not set. A Timer belongs to one Wheel.
type Timer struct {
	// Guarded by Wheel.mu.
	next, prev *Timer // nil while not set
	due        int64  // tick
	fn         func()
}

// Wheel holds timers. Its methods may be called from everywhere, callbacks included.
type Wheel struct {
	tick time.Duration

	mu      sync.Mutex
	start   time.Time // of tick 0
	done    int64     // the last tick that was worked off
	set     int       // timers that are set
	ticking bool
	ring    [slots]Timer // heads of the lists
}

// New returns a wheel with ticks of the given length; 0 means DefaultTick.
func New(tick time.Duration) *Wheel {
	if tick <= 0 {
		tick = DefaultTick
	}
	w := &Wheel{tick: tick, start: time.Now()}
	for i := range w.ring {
		head := &w.ring[i]
		head.next, head.prev = head, head
	}
	return w
}

// Set makes t call fn after d, instead of whatever it was set to.
func (w *Wheel) Set(t *Timer, d time.Duration, fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(t)
	// Rounded up and one more: the current tick has begun already.
	t.due = max(w.now()+1+int64((d+w.tick-1)/w.tick), w.done+1)
	t.fn = fn
	head := &w.ring[t.due%slots]
	t.next, t.prev = head, head.prev
	head.prev.next, head.prev = t, t
	w.set++
	if !w.ticking {
		w.ticking, w.done = true, w.now()
		go w.run()
	}
}

// Stop makes t not fire. It returns false where t was not set: it has fired, its callback may be running.
func (w *Wheel) Stop(t *Timer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unlink(t)
}

// Len returns how many timers are set.
func (w *Wheel) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.set
}

// now returns the current tick.
func (w *Wheel) now() int64 { return int64(time.Since(w.start) / w.tick) }

func (w *Wheel) unlink(t *Timer) bool {
	if t.next == nil {
		return false
	}
	t.prev.next, t.next.prev = t.next, t.prev
	t.next, t.prev, t.fn = nil, nil, nil
	w.set--
	return true
}

// run ticks until no timer is set.
func (w *Wheel) run() {
	ticker := time.NewTicker(w.tick)
	defer ticker.Stop()
	for range ticker.C {
		if !w.advance() {
			return
		}
	}
}

// advance fires everything due until now. It returns false when the wheel is empty and ticking has ended.
func (w *Wheel) advance() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for now := w.now(); w.done < now; {
		w.done++
		w.fire(w.done)
	}
	w.ticking = w.set > 0
	return w.ticking
}

// fire calls what is due at a tick, without the lock. A callback may set timers, also for this slot; those are due later.
func (w *Wheel) fire(tick int64) {
	head := &w.ring[tick%slots]
	for t := head.next; t != head; {
		if t.due > tick {
			t = t.next
			continue
		}
		fn := t.fn
		w.unlink(t)
		w.mu.Unlock()
		fn()
		w.mu.Lock()
		t = head.next // the list may be another one now
	}
}
