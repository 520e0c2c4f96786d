package poll

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// set is an epoll set and its sockets.
type set struct {
	epoll  int
	file   *os.File // epoll as Go's poller sees it: readable when a socket has an event
	raw    syscall.RawConn
	wake   int // eventfd that ends the leaders
	leader atomic.Pointer[leader]
	watch  *watch
	loops  *sync.WaitGroup

	mu    sync.RWMutex
	conns map[int32]*Conn // by descriptor
	over  bool
}

// leader is a term of a goroutine that takes the events of a set.
type leader struct {
	turns atomic.Uint64 // odd while an event is being handled
}

func newSet() (s *set, err error) {
	s = &set{conns: make(map[int32]*Conn)}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("poll: make epoll set: %w", err)
	}
	if err := unix.SetNonblock(s.epoll, true); err != nil { // os.NewFile asks for it
		return nil, errors.Join(fmt.Errorf("poll: make epoll set: %w", err), unix.Close(s.epoll))
	}
	s.file = os.NewFile(uintptr(s.epoll), "epoll")
	if s.raw, err = s.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("poll: watch epoll set: %w", err), s.file.Close())
	}
	if s.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("poll: make event descriptor: %w", err), s.file.Close())
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.wake)}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, s.wake, &event); err != nil {
		return nil, errors.Join(fmt.Errorf("poll: watch event descriptor: %w", err), s.release())
	}
	return s, nil
}

// depose lets another goroutine lead in old's place, unless that has happened already.
func (s *set) depose(old *leader) {
	next := new(leader)
	if s.leader.CompareAndSwap(old, next) {
		s.loops.Go(func() { s.lead(next) })
	}
}

// lead takes one event after the other until it is deposed or the poller ends. An event that was taken is handled by whoever
// took it: one that is deposed leaves none behind.
func (s *set) lead(l *leader) {
	var event [1]unix.EpollEvent
	for s.leader.Load() == l {
		n := 0
		err := s.raw.Read(func(epoll uintptr) bool {
			n, _ = unix.EpollWait(int(epoll), event[:], 0) // EINTR does not come: it does not wait
			return n > 0
		})
		if err != nil || event[0].Fd == int32(s.wake) {
			return
		}
		l.turns.Add(1)
		s.watch.stir()
		s.handle(&event[0])
		l.turns.Add(1)
	}
}

func (s *set) handle(e *unix.EpollEvent) {
	s.mu.RLock()
	c := s.conns[e.Fd]
	s.mu.RUnlock()
	if c != nil && c.number == e.Pad {
		c.happened(e.Events)
	}
}

func (s *set) add(c *Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return ErrClosed
	}
	s.conns[int32(c.fd)] = c
	return nil
}

// forget must come before the descriptor is closed.
func (s *set) forget(fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, int32(fd))
}

func (s *set) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.conns)
}

// end lets all leaders go: nobody reads the eventfd, so that it stays readable for every one of them.
func (s *set) end() error {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	_, err := unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return err
}

func (s *set) release() error { return errors.Join(s.file.Close(), unix.Close(s.wake)) }
