package poll

import (
	"sync/atomic"
	"time"
)

const (
	// patience is how long a handler may take before another goroutine leads its set; it is noticed one patience later at most.
	// A tick costs a processor that has little to do as much as a message.
	patience = 50 * time.Millisecond
	// dozes is after how many ticks without an event the watch stops ticking.
	dozes = 20
)

// watch deposes leaders whose handler takes long. It sleeps when nothing happens.
type watch struct {
	sets   []*set
	seen   []sight // of each set, at the last tick
	dozing atomic.Bool
	woken  chan struct{}
	over   chan struct{}
}

// sight is what the watch saw of a set.
type sight struct {
	leader *leader
	turns  uint64
}

func newWatch(sets []*set) *watch {
	return &watch{sets: sets, seen: make([]sight, len(sets)), woken: make(chan struct{}, 1), over: make(chan struct{})}
}

// stir is called by every leader before it handles an event, and after it has counted the turn.
func (w *watch) stir() {
	if w.dozing.Load() && w.dozing.CompareAndSwap(true, false) {
		w.woken <- struct{}{}
	}
}

func (w *watch) loop() {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for quiet := 0; ; {
		select {
		case <-tick.C:
		case <-w.over:
			return
		}
		if quiet++; w.look() {
			quiet = 0
		}
		if quiet < dozes {
			continue
		}
		tick.Stop()
		if !w.doze() {
			return
		}
		tick.Reset(patience)
		quiet = 0
	}
}

// look deposes who is still at the turn of the last look, and tells whether anything happened since.
func (w *watch) look() (stirred bool) {
	for i, s := range w.sets {
		now := sight{leader: s.leader.Load()}
		now.turns = now.leader.turns.Load()
		switch {
		case now != w.seen[i]:
			stirred = true
		case now.turns%2 == 1:
			s.depose(now.leader)
			stirred = true
		}
		w.seen[i] = now
	}
	return stirred
}

// doze waits for the next event, and returns false at the end. A leader that counted its turn before it could see dozing is
// found by the second look.
func (w *watch) doze() bool {
	w.dozing.Store(true)
	if w.look() && w.dozing.CompareAndSwap(true, false) {
		return true
	}
	select {
	case <-w.woken:
		return true
	case <-w.over:
		return false
	}
}
