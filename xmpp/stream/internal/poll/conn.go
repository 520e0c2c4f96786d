package poll

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"protokoll/internal/peer"
)

// ErrClosed is returned when the socket or the poller is closed.
var ErrClosed = errors.New("poll: closed")

// again is a net.Error that crypto/tls takes as passing.
type again struct{}

func (again) Error() string   { return "poll: no bytes now" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// ErrAgain is returned by Read when there are no bytes now.
var ErrAgain net.Error = again{}

// keptPending is the largest buffer that goes back to the pool.
const keptPending = 64 << 10

var pendings = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Conn is a watched socket.
type Conn struct {
	set     *set
	handler Handler
	number  int32 // of this socket among all

	blocking atomic.Pointer[chan struct{}] // set while Read blocks for bytes
	ending   atomic.Bool                   // the kernel said that no more will come after what is there
	pending  atomic.Int64                  // bytes that the kernel has not taken

	// Owned by the reader.
	spent bool // this batch had its read(2)
	full  bool // the last read(2) filled its buffer: there may be more

	// Guarded by mu.
	mu     sync.Mutex
	fd     int // -1 when closed
	out    *[]byte
	broken bool // the peer is gone: writes vanish
}

// happened tells the handler, or whoever blocks in Read.
func (c *Conn) happened(events uint32) {
	const broken = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	if events&broken != 0 {
		c.ending.Store(true)
	}
	if wake := c.blocking.Load(); wake != nil {
		select {
		case *wake <- struct{}{}:
		default:
		}
		return
	}
	if events&unix.EPOLLOUT != 0 && c.pending.Load() > 0 {
		c.handler.Writable()
	}
	if events&(unix.EPOLLIN|broken) != 0 {
		c.handler.Ready()
	}
}

// StepAside is called by a handler that is going to take long: the other sockets do not wait for it. Elsewhere it does no harm.
func (c *Conn) StepAside() { c.set.depose(c.set.leader.Load()) }

// Block makes Read wait for bytes until Unblock. The handler is not called meanwhile; instead the channel gets a value
// whenever something happens, for whoever waits for something else first.
func (c *Conn) Block() <-chan struct{} {
	wake := make(chan struct{}, 1)
	c.blocking.Store(&wake)
	return wake
}

// Unblock ends Block. Events may have been missed: the reader reads once more.
func (c *Conn) Unblock() { c.blocking.Store(nil) }

// NextBatch allows one more read(2).
func (c *Conn) NextBatch() { c.spent = false }

// More says whether the kernel may have bytes that no event will announce.
func (c *Conn) More() bool { return c.full || c.ending.Load() }

// Read implements net.Conn. Only the owner of the reading side calls it.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		wake := c.blocking.Load()
		if wake == nil && c.spent {
			return 0, ErrAgain
		}
		n, err := unix.Read(c.fd, p)
		switch {
		case n > 0:
			c.spent, c.full = true, n == len(p)
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EAGAIN):
			return 0, &peer.Error{Op: "read", Err: err}
		case wake == nil:
			c.spent, c.full = true, false
			c.ending.Store(false) // the end would have been here; if it comes now, so does another event
			return 0, ErrAgain
		default:
			<-*wake
		}
	}
}

// Write implements net.Conn: it takes everything and returns no error.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := p
	if c.out == nil {
		rest = c.write(p)
	}
	if len(rest) > 0 && !c.broken {
		if c.out == nil {
			c.out = pendings.Get().(*[]byte)
		}
		*c.out = append(*c.out, rest...)
		c.pending.Add(int64(len(rest)))
	}
	return len(p), nil
}

// write returns what the kernel did not take.
func (c *Conn) write(p []byte) []byte {
	for len(p) > 0 && !c.broken {
		n, err := unix.Write(c.fd, p) // EPIPE comes without a signal, the runtime sees to that
		switch {
		case err == nil:
			p = p[n:]
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return p
		default:
			c.broken = true // the reader is told by the kernel
		}
	}
	return nil
}

// Flush writes what is pending, as far as the kernel takes it, and says whether nothing is left.
func (c *Conn) Flush() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		return true
	}
	rest := c.write(*c.out)
	n := copy(*c.out, rest)
	*c.out = (*c.out)[:n]
	c.pending.Store(int64(n))
	if n > 0 {
		return false
	}
	c.drop()
	return true
}

func (c *Conn) drop() {
	if cap(*c.out) <= keptPending {
		pendings.Put(c.out)
	}
	c.out = nil
}

// Pending returns how many bytes wait for the kernel.
func (c *Conn) Pending() int { return int(c.pending.Load()) }

// Shutdown ends the connection from any goroutine: the reader sees the end. With write only, the peer is told that no more
// will come.
func (c *Conn) Shutdown(writeOnly bool) {
	how := unix.SHUT_RDWR
	if writeOnly {
		how = unix.SHUT_WR
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		_ = unix.Shutdown(c.fd, how) // not connected any more: that is what was wanted
	}
}

// Close implements net.Conn. Only the owner of the reading side calls it.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return nil
	}
	c.set.forget(c.fd)
	err := unix.Close(c.fd) // this takes it out of the epoll set too
	c.fd, c.broken = -1, true
	if c.out != nil {
		c.drop()
	}
	c.pending.Store(0)
	return err
}

// LocalAddr implements net.Conn.
func (*Conn) LocalAddr() net.Addr { return peer.Addr{} }

// RemoteAddr implements net.Conn.
func (*Conn) RemoteAddr() net.Addr { return peer.Addr{} }

// SetDeadline implements net.Conn; deadlines are the wheel's.
func (*Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn; deadlines are the wheel's.
func (*Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn; writes never block.
func (*Conn) SetWriteDeadline(time.Time) error { return nil }
