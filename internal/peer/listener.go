package peer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Times of TCP keepalive: rare enough for phones that sleep, often enough for a dead peer to be noticed within 20 minutes.
const (
	KeepAliveIdle     = 10 * time.Minute
	KeepAliveInterval = time.Minute
	KeepAliveCount    = 5
)

// Pauses of Accept while the process has no descriptors left.
const (
	minBackOff = 5 * time.Millisecond
	maxBackOff = time.Second
)

// Listener hands out connections without addresses and refuses those above the limits of their origin.
type Listener struct {
	inner   net.Listener
	origins *Origins
	done    chan struct{}
	once    sync.Once
}

// Listen wraps l, which must be a TCP listener.
func Listen(l net.Listener, o *Origins) *Listener {
	return &Listener{inner: l, origins: o, done: make(chan struct{})}
}

// Accept returns the next connection, a *Conn. A refused one is closed and never seen. Out of descriptors it waits and
// tries again; the only error is net.ErrClosed, or what else ended the listener.
func (l *Listener) Accept() (net.Conn, error) {
	back := minBackOff
	for {
		inner, err := l.inner.Accept()
		switch {
		case err == nil:
			c := l.admit(inner)
			wipe()
			if c != nil {
				return c, nil
			}
			continue
		case !passes(err):
			return nil, Clean(err)
		}
		timer := time.NewTimer(back)
		select {
		case <-timer.C:
			back = min(2*back, maxBackOff)
		case <-l.done:
			timer.Stop()
			return nil, net.ErrClosed
		}
	}
}

// used is more of a stack than accepting and counting one connection take.
const used = 4 << 10

// wipe clears the part of the caller's stack that functions called before have used. Whoever accepts waits long for the next
// connection, in frames that leave variables unset: without this the last address would stand in them until it comes.
//
//go:noinline
func wipe() {
	var area [used]byte
	touch(&area)
}

// touch keeps the compiler from leaving the clearing out.
//
//go:noinline
func touch(area *[used]byte) { area[0] = 0 }

// passes says whether an error of accept(2) goes away by itself.
func passes(err error) bool {
	for _, e := range []error{unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (l *Listener) admit(inner net.Conn) *Conn {
	tcp, ok := inner.(*net.TCPConn)
	if !ok {
		_ = inner.Close() // not ours to serve
		return nil
	}
	var a netip.Addr
	if remote, ok := inner.RemoteAddr().(*net.TCPAddr); ok {
		a = remote.AddrPort().Addr()
	}
	origin, ok := l.origins.admit(a)
	if !ok {
		_ = inner.Close() // the peer sees the end of the connection, nothing more
		return nil
	}
	return &Conn{&conn{tcp: tcp, lease: &Lease{origins: l.origins, origin: origin}}}
}

// Close ends Accept. Connections stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return Clean(l.inner.Close())
}

// Addr returns the address that is listened on: the server's own.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Lease is one connection in the count of its origin.
type Lease struct {
	origins *Origins
	origin  Origin
	once    sync.Once
}

// Origin returns where the connection comes from.
func (l *Lease) Origin() Origin { return l.origin }

// Release counts the connection out; further calls do nothing.
func (l *Lease) Release() { l.once.Do(func() { l.origins.release(l.origin) }) }

// Conn is an accepted connection. It holds a pointer only, so that no verb prints what is behind it.
type Conn struct{ c *conn }

type conn struct {
	tcp   *net.TCPConn
	lease *Lease
}

// Format prints the same under every verb.
func (*Conn) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, text) } // fmt.State keeps its own errors

// LogValue implements slog.LogValuer.
func (*Conn) LogValue() slog.Value { return slog.StringValue(text) }

// Origin returns where the connection comes from.
func (c *Conn) Origin() Origin { return c.c.lease.origin }

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.c.tcp.Read(p)
	return n, cleanEOF(err)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.c.tcp.Write(p)
	return n, cleanEOF(err)
}

func cleanEOF(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // readers compare by identity
		return err
	}
	return Clean(err)
}

// Close implements net.Conn and releases the lease.
func (c *Conn) Close() error {
	c.c.lease.Release()
	return Clean(c.c.tcp.Close())
}

// LocalAddr implements net.Conn.
func (*Conn) LocalAddr() net.Addr { return Addr{} }

// RemoteAddr implements net.Conn.
func (*Conn) RemoteAddr() net.Addr { return Addr{} }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return Clean(c.c.tcp.SetDeadline(t)) }

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return Clean(c.c.tcp.SetReadDeadline(t)) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return Clean(c.c.tcp.SetWriteDeadline(t)) }

// Detach takes the socket out of the Go runtime's poller: it returns a descriptor, non-blocking and close-on-exec, that is
// the caller's, and the lease, which the caller releases. The Conn is closed afterwards, also on an error, and with it
// goes the last copy of the address in this process.
func (c *Conn) Detach() (fd int, lease *Lease, err error) {
	fd, err = duplicate(c.c.tcp)
	lease = c.c.lease
	if cerr := c.c.tcp.Close(); err == nil && cerr != nil {
		_ = unix.Close(fd) // the first error counts
		err = cerr
	}
	if err != nil {
		lease.Release()
		return -1, nil, fmt.Errorf("peer: detach socket: %w", Clean(err))
	}
	return fd, lease, nil
}

func duplicate(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	cerr := raw.Control(func(old uintptr) {
		if fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = keepAlive(fd)
		}
	})
	if cerr != nil {
		return -1, cerr
	}
	if err != nil && fd >= 0 {
		_ = unix.Close(fd) // the first error counts
	}
	return fd, err
}

// keepAlive replaces the times that package net has set.
func keepAlive(fd int) error {
	return errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(KeepAliveIdle.Seconds())),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(KeepAliveInterval.Seconds())),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, KeepAliveCount))
}
