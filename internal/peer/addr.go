package peer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
)

// text stands for every address.
const text = "[peer]"

// Addr is the address of any peer. It knows nothing.
type Addr struct{}

// Network implements net.Addr.
func (Addr) Network() string { return "tcp" }

// String implements net.Addr.
func (Addr) String() string { return text }

// Format prints the same under every verb.
func (Addr) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, text) } // fmt.State keeps its own errors

// LogValue implements slog.LogValuer.
func (Addr) LogValue() slog.Value { return slog.StringValue(text) }

// Error is a network error without addresses: what was being done, and why it failed.
type Error struct {
	Op  string // read, write, accept …
	Err error  // an errno, or one of the errors of os and net that hold no address
}

// Error implements error.
func (e *Error) Error() string { return "network " + e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause, so that errors.Is finds os.ErrDeadlineExceeded, net.ErrClosed or an errno.
func (e *Error) Unwrap() error { return e.Err }

// Timeout implements net.Error.
func (e *Error) Timeout() bool { return errors.Is(e.Err, os.ErrDeadlineExceeded) }

// Temporary implements net.Error.
func (e *Error) Temporary() bool { return e.Timeout() }

var errNetwork = errors.New("failed")

// Clean takes the addresses out of a network error. What is no network error passes unchanged; of an unknown one
// only the operation is kept.
func Clean(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return &Error{Op: op.Op, Err: cause(op.Err)}
	}
	var addr *net.AddrError
	var dns *net.DNSError
	if errors.As(err, &addr) || errors.As(err, &dns) {
		return &Error{Op: "address", Err: errNetwork}
	}
	return err
}

// cause keeps only errors whose text is fixed.
func cause(err error) error {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, os.ErrDeadlineExceeded):
		return os.ErrDeadlineExceeded
	case errors.Is(err, net.ErrClosed):
		return net.ErrClosed
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return errNetwork
}
