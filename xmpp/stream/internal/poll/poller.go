package poll

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// keepWaiting is how many goroutines stay in epoll_wait when there is little to do.
const keepWaiting = 4

// interest is what every socket is watched for. Edge-triggered, so that no call is needed between two events.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// Handler is told what happened to a socket. It may block: another goroutine then waits for events instead.
type Handler interface {
	Ready()    // there may be bytes, or the end of them
	Writable() // what is pending may be flushed
}

// Poller waits for many sockets at once.
type Poller struct {
	epoll   int
	wake    int // eventfd that ends everything
	waiting atomic.Int32
	loops   sync.WaitGroup

	mu      sync.RWMutex
	conns   map[int32]*Conn
	started int32 // counts sockets, so that an event that is late for one is not taken for its successor's
	over    bool
}

// New returns a running poller.
func New() (*Poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("poll: make epoll set: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("poll: make event descriptor: %w", err), unix.Close(epoll))
	}
	p := &Poller{epoll: epoll, wake: wake, conns: make(map[int32]*Conn)}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &event); err != nil {
		return nil, errors.Join(fmt.Errorf("poll: watch event descriptor: %w", err), unix.Close(epoll), unix.Close(wake))
	}
	for range keepWaiting {
		p.another()
	}
	return p, nil
}

// Add takes over a non-blocking socket. Nothing is heard of it before Start.
func (p *Poller) Add(fd int, h Handler) *Conn { return &Conn{poller: p, fd: fd, handler: h} }

// Start begins to watch the socket. The owner of the reading side calls it, once everything is in place for the handler.
func (c *Conn) Start() error {
	c.mu.Lock() // events may come, and end the socket, before the call returns
	defer c.mu.Unlock()
	p := c.poller
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return ErrClosed
	}
	p.conns[int32(c.fd)] = c
	p.started++
	c.number = p.started
	p.mu.Unlock()
	event := unix.EpollEvent{Events: interest, Fd: int32(c.fd), Pad: c.number}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, c.fd, &event); err != nil {
		return fmt.Errorf("poll: watch socket: %w", err)
	}
	return nil
}

// forget must come before the descriptor is closed.
func (p *Poller) forget(fd int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, int32(fd))
}

// Len returns how many sockets are watched.
func (p *Poller) Len() int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.conns)
}

// Close ends the goroutines and waits for them. Sockets are not closed: their owners do that first.
func (p *Poller) Close() error {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return nil
	}
	p.over = true
	p.mu.Unlock()
	_, err := unix.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	p.loops.Wait()
	return errors.Join(err, unix.Close(p.epoll), unix.Close(p.wake))
}

func (p *Poller) another() {
	p.waiting.Add(1)
	p.loops.Go(p.loop)
}

// loop takes one event at a time, so that a handler that blocks holds up its own socket only. Whoever is the last
// to wait starts another goroutine before it works.
func (p *Poller) loop() {
	var events [1]unix.EpollEvent
	for {
		n, err := unix.EpollWait(p.epoll, events[:], -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return // the set is gone
		}
		if n < 1 {
			continue
		}
		if events[0].Fd == int32(p.wake) {
			return
		}
		if p.waiting.Add(-1) == 0 {
			p.another()
		}
		p.handle(&events[0])
		if p.waiting.Add(1) > 2*keepWaiting {
			p.waiting.Add(-1)
			return
		}
	}
}

func (p *Poller) handle(e *unix.EpollEvent) {
	p.mu.RLock()
	c := p.conns[e.Fd]
	p.mu.RUnlock()
	if c == nil || c.number != e.Pad {
		return
	}
	const broken = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	if e.Events&broken != 0 {
		c.ending.Store(true)
	}
	if wake := c.blocking.Load(); wake != nil {
		select {
		case *wake <- struct{}{}:
		default:
		}
		return
	}
	if e.Events&unix.EPOLLOUT != 0 && c.pending.Load() > 0 {
		c.handler.Writable()
	}
	if e.Events&(unix.EPOLLIN|broken) != 0 {
		c.handler.Ready()
	}
}
