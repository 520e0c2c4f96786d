package stream

import (
	"sync"
	"sync/atomic"
)

// flushShard is how many streams one goroutine flushes at the end of a turn; more are shared out.
const flushShard = 64

// turnNumbers tells turns apart, so that a stream knows whether this one has noted it already.
var turnNumbers atomic.Uint64

// Turn is the work of one goroutine on a batch. Streams it writes to are remembered and flushed once each at the end. It is
// used by one goroutine.
type Turn struct {
	number uint64
	noted  []*Stream
	after  []func(*Turn)
}

var turns = sync.Pool{New: func() any { return new(Turn) }}

// NewTurn begins a turn: for timers and for goroutines that complete an append. Whoever begins one calls End.
func NewTurn() *Turn {
	t := turns.Get().(*Turn)
	t.number = turnNumbers.Add(1)
	return t
}

// Send appends bytes to the queue of dst (they are copied) and notes dst for the end of the turn. All parts or none are
// taken. ErrClosed and ErrSlow mean that dst has ended or ends now.
func (t *Turn) Send(dst *Stream, parts ...[]byte) error {
	note, early, err := dst.enqueue(t.number, parts)
	if err != nil {
		return err
	}
	if note {
		t.noted = append(t.noted, dst)
	}
	if early {
		dst.flush()
	}
	return nil
}

// SendSoon is Send for what may wait some milliseconds for company (presence): dst is flushed within SoonDelay, or with
// whatever is flushed to it before.
func (t *Turn) SendSoon(dst *Stream, parts ...[]byte) error {
	_, early, err := dst.enqueue(0, parts)
	if err != nil {
		return err
	}
	if early {
		dst.flush()
		return nil
	}
	dst.server.soon.add(dst)
	return nil
}

// After calls fn at the end of the turn, before anything is flushed (to append what the batch has gathered). It may send.
func (t *Turn) After(fn func(*Turn)) { t.after = append(t.after, fn) }

// End flushes what was noted. The turn must not be used any more.
func (t *Turn) End() {
	t.flush()
	turns.Put(t)
}

// finish does what was left for the end.
func (t *Turn) finish() {
	for len(t.after) > 0 {
		after := t.after
		t.after = nil
		for _, fn := range after {
			fn(t)
		}
	}
}

// flush ends the turn and begins another one.
func (t *Turn) flush() {
	t.finish()
	for len(t.noted) > flushShard {
		shard := append([]*Stream(nil), t.noted[:flushShard]...)
		t.noted = t.noted[flushShard:]
		go func() {
			for _, s := range shard {
				s.flush()
			}
		}()
	}
	for _, s := range t.noted {
		s.flush()
	}
	clear(t.noted)
	t.noted = t.noted[:0]
	t.number = turnNumbers.Add(1)
}
