package bytestreams

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"protokoll/internal/peer"
)

// bufferSize is how much is read at once.
const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// errors of an activation.
var (
	errUnknown = errors.New("two connections did not ask for this stream")
	errMany    = errors.New("too many streams")
)

// activate begins to relay the stream of a name, for the account that asked.
func (p *Proxy) activate(n name, account string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	both := p.pairs[n]
	switch {
	case p.ctx.Err() != nil || both == nil || len(both.ends) < 2:
		return errUnknown
	case p.active >= p.Limits.Streams || p.streams[account] >= p.Limits.StreamsAccount:
		return errMany
	}
	both.timer.Stop()
	delete(p.pairs, n)
	p.waiting -= 2
	p.active++
	p.streams[account]++
	p.runner.Go(func() { p.relay(both.ends[0], both.ends[1], account) })
	return nil
}

// relay passes bytes until both directions have ended.
func (p *Proxy) relay(a, b *peer.Nameless, account string) {
	s := &stream{rate: p.Limits.BytesPerSecond}
	s.last.Store(time.Now().UnixNano())
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	var both sync.WaitGroup
	for _, way := range [2][2]*peer.Nameless{{a, b}, {b, a}} {
		both.Go(func() {
			if s.pass(ctx, way[1], way[0]) != nil || way[1].CloseWrite() != nil {
				cancel()
				_, _ = a.Close(), b.Close() // ends the other direction; shut knows that they may be closed
			}
		})
	}
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut(a)
	p.shut(b)
	p.active--
	if p.streams[account]--; p.streams[account] == 0 {
		delete(p.streams, account)
	}
}

// stream is one that is active.
type stream struct {
	rate int
	last atomic.Int64 // when bytes passed last, nanoseconds
	mu   sync.Mutex
	free time.Time // when the next bytes may pass
}

// pass copies from one end to the other until the first has sent everything; nil then.
func (s *stream) pass(ctx context.Context, to, from *peer.Nameless) error {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer func() { clear(buffer[:]); buffers.Put(buffer) }()
	for {
		if err := from.SetReadDeadline(time.Now().Add(IdleTime)); err != nil {
			return err
		}
		n, err := from.Read(buffer[:])
		if n > 0 {
			s.last.Store(time.Now().UnixNano())
			if err := to.SetWriteDeadline(time.Now().Add(IdleTime)); err != nil {
				return err
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
			if err := s.pay(ctx, n); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Since(time.Unix(0, s.last.Load())) < IdleTime:
			// the other direction is busy
		case err != nil:
			return err
		}
	}
}

// pay waits until n bytes are worth their time.
func (s *stream) pay(ctx context.Context, n int) error {
	s.mu.Lock()
	now := time.Now()
	if s.free.Before(now) {
		s.free = now
	}
	s.free = s.free.Add(time.Duration(n) * time.Second / time.Duration(s.rate))
	wait := s.free.Sub(now)
	s.mu.Unlock()
	if wait < 10*time.Millisecond {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
