package peer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Nameless is a connection of which this process knows no address any more, not even while it is open: a descriptor in the Go runtime's
// poller. For servers that keep a net.Conn, such as net/http; streams take the descriptor (Detach).
type Nameless struct{ n *nameless }

type nameless struct {
	file  *os.File
	lease *Lease
	once  sync.Once
}

// Nameless takes the connection over. The Conn is closed, also on an error, and with it goes the address.
func (c *Conn) Nameless() (*Nameless, error) {
	fd, lease, err := c.Detach()
	if err != nil {
		lease.Release()
		return nil, err
	}
	return &Nameless{&nameless{file: os.NewFile(uintptr(fd), text), lease: lease}}, nil
}

// Format prints the same under every verb.
func (*Nameless) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, text) } // fmt.State keeps its own errors

// LogValue implements slog.LogValuer.
func (*Nameless) LogValue() slog.Value { return slog.StringValue(text) }

// Read implements net.Conn.
func (c *Nameless) Read(p []byte) (int, error) {
	n, err := c.n.file.Read(p)
	if err == io.EOF { //nolint:errorlint // readers compare by identity
		return n, err
	}
	return n, network(err)
}

// Write implements net.Conn.
func (c *Nameless) Write(p []byte) (int, error) {
	n, err := c.n.file.Write(p)
	return n, network(err)
}

// network makes an error of a file one of the network.
func network(err error) error {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrClosed):
		return &Error{Op: "use", Err: net.ErrClosed}
	case errors.As(err, &path):
		return &Error{Op: path.Op, Err: cause(path.Err)}
	}
	return &Error{Op: "use", Err: errNetwork}
}

// CloseWrite tells the peer that nothing more comes.
func (c *Nameless) CloseWrite() error {
	raw, err := c.n.file.SyscallConn()
	if err != nil {
		return network(err)
	}
	var shut error
	if err := raw.Control(func(fd uintptr) { shut = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return network(err)
	}
	if shut != nil {
		return &Error{Op: "shutdown", Err: cause(shut)}
	}
	return nil
}

// Close implements net.Conn and releases the lease.
func (c *Nameless) Close() error {
	c.n.once.Do(c.n.lease.Release)
	return network(c.n.file.Close())
}

// LocalAddr implements net.Conn.
func (*Nameless) LocalAddr() net.Addr { return Addr{} }

// RemoteAddr implements net.Conn.
func (*Nameless) RemoteAddr() net.Addr { return Addr{} }

// SetDeadline implements net.Conn.
func (c *Nameless) SetDeadline(t time.Time) error { return network(c.n.file.SetDeadline(t)) }

// SetReadDeadline implements net.Conn.
func (c *Nameless) SetReadDeadline(t time.Time) error { return network(c.n.file.SetReadDeadline(t)) }

// SetWriteDeadline implements net.Conn.
func (c *Nameless) SetWriteDeadline(t time.Time) error { return network(c.n.file.SetWriteDeadline(t)) }
