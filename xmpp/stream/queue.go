package stream

import "sync"

const (
	// flushEarly is how many queued bytes are flushed without waiting for the end of the turn, so that a peer that reads is
	// never taken for a slow one because somebody sends it much at once.
	flushEarly = 64 << 10
	// keptQueue is the largest buffer that goes back to the pool.
	keptQueue = 64 << 10
)

var queues = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// enqueue appends parts to the queue. note: the turn of that number has to remember the stream; early: flush at once.
func (s *Stream) enqueue(turn uint64, parts [][]byte) (note, early bool, err error) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	if s.sealed {
		return false, false, ErrClosed
	}
	if waiting := s.queuedLocked(); waiting > 0 && waiting+n > s.server.cfg.Limits.Queue {
		s.sealed = true
		s.end(&ending{reason: ErrSlow, abrupt: true})
		return false, false, ErrSlow
	}
	if s.queue == nil {
		s.queue = queues.Get().(*[]byte)
	}
	for _, p := range parts {
		*s.queue = append(*s.queue, p...)
	}
	note = turn != 0 && s.notedBy != turn
	if note {
		s.notedBy = turn
	}
	return note, len(*s.queue) > flushEarly, nil
}

// queuedLocked counts what waits, here and at the socket.
func (s *Stream) queuedLocked() int {
	n := s.conn.Pending()
	if s.queue != nil {
		n += len(*s.queue)
	}
	return n
}

// flush encrypts and writes what is queued. It never blocks: whoever comes while another flushes leaves the work to it.
func (s *Stream) flush() {
	if s.flushes.Add(1) > 1 {
		return
	}
	for n := uint32(1); ; n = s.flushes.Load() {
		s.writeQueue()
		if s.flushes.CompareAndSwap(n, 0) {
			return
		}
	}
}

// writeQueue writes until nothing is queued or the kernel takes no more.
func (s *Stream) writeQueue() {
	for s.conn.Pending() == 0 || s.conn.Flush() {
		s.queueMu.Lock()
		queue, drained := s.queue, s.drained
		s.queue = nil
		if queue == nil {
			s.drained = nil
		}
		s.queueMu.Unlock()
		if queue == nil {
			if drained != nil {
				go func() {
					defer s.recover()
					drained()
				}()
			}
			return
		}
		if s.tls != nil {
			_, _ = s.tls.Write(*queue) // fails only after our close_notify; the reader learns of a lost connection
		} else {
			_, _ = s.conn.Write(*queue) // never fails
		}
		if cap(*queue) <= keptQueue {
			*queue = (*queue)[:0]
			queues.Put(queue)
		}
	}
}

// Queued returns how many bytes wait for the peer.
func (s *Stream) Queued() int {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	return s.queuedLocked()
}

// WhenDrained calls fn once, on a goroutine of its own, when nothing waits for the peer any more: to deliver much in portions.
// It replaces an earlier fn. It is not called for a stream that has ended.
func (s *Stream) WhenDrained(fn func()) {
	s.queueMu.Lock()
	s.drained = fn
	s.queueMu.Unlock()
	s.flush()
}
