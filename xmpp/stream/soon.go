package stream

import (
	"sync"
	"time"
)

// SoonDelay is how long what is sent by SendSoon waits at most.
const SoonDelay = 10 * time.Millisecond

// soon gathers the streams that may wait a little to be flushed.
type soon struct {
	mu      sync.Mutex
	waiting []*Stream
}

// add notes a stream; the first one starts the wait.
func (l *soon) add(s *Stream) {
	if !s.soon.CompareAndSwap(false, true) {
		return
	}
	l.mu.Lock()
	l.waiting = append(l.waiting, s)
	first := len(l.waiting) == 1
	l.mu.Unlock()
	if first {
		time.AfterFunc(SoonDelay, l.flush)
	}
}

func (l *soon) flush() {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, s := range waiting {
		s.soon.Store(false) // before the flush: what comes later waits anew
		s.flush()
	}
}
