package poll

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// interest is what every socket is watched for. Edge-triggered, so that no call is needed between two events.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// Handler is told what happened to a socket. It may block: others then lead its set.
type Handler interface {
	Ready()    // there may be bytes, or the end of them
	Writable() // what is pending may be flushed
}

// Poller waits for many sockets at once.
type Poller struct {
	sets  []*set
	watch *watch
	loops sync.WaitGroup
	count atomic.Int32 // sockets so far, so that an event that is late for one is not taken for its successor's
	close sync.Once
}

// New returns a running poller with one set of sockets for each processor.
func New() (*Poller, error) {
	p := &Poller{}
	for range runtime.GOMAXPROCS(0) {
		s, err := newSet()
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.sets = append(p.sets, s)
	}
	p.watch = newWatch(p.sets)
	for _, s := range p.sets {
		s.watch, s.loops = p.watch, &p.loops
		s.depose(nil)
	}
	p.loops.Go(p.watch.loop)
	return p, nil
}

// Add takes over a non-blocking socket. Nothing is heard of it before Start.
func (p *Poller) Add(fd int, h Handler) *Conn {
	number := p.count.Add(1)
	return &Conn{set: p.sets[int(uint32(number))%len(p.sets)], fd: fd, handler: h, number: number}
}

// Start begins to watch the socket. The owner of the reading side calls it, once everything is in place for the handler. It
// returns ErrClosed after Close.
func (c *Conn) Start() error {
	c.mu.Lock() // events may come, and end the socket, before the call returns
	defer c.mu.Unlock()
	if err := c.set.add(c); err != nil {
		return err
	}
	event := unix.EpollEvent{Events: interest, Fd: int32(c.fd), Pad: c.number}
	if err := unix.EpollCtl(c.set.epoll, unix.EPOLL_CTL_ADD, c.fd, &event); err != nil {
		return fmt.Errorf("poll: watch socket: %w", err)
	}
	return nil
}

// Len returns how many sockets are watched.
func (p *Poller) Len() (n int) {
	for _, s := range p.sets {
		n += s.len()
	}
	return n
}

// Close ends the goroutines and waits for them. Sockets are not closed: their owners do that first.
func (p *Poller) Close() (err error) {
	p.close.Do(func() {
		if p.watch != nil {
			close(p.watch.over)
		}
		for _, s := range p.sets {
			err = errors.Join(err, s.end())
		}
		p.loops.Wait()
		for _, s := range p.sets {
			err = errors.Join(err, s.release())
		}
	})
	return err
}
