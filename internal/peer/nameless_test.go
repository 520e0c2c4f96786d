package peer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func namelessPair(t *testing.T) (ours *Nameless, theirs *net.TCPConn, origins *Origins) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origins = NewOrigins(Limits{Connections: 1}, nil)
	l := Listen(inner, origins)
	t.Cleanup(func() { _ = l.Close() })
	client, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ours, err = c.(*Conn).Nameless()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	return ours, client.(*net.TCPConn), origins
}

func TestNameless(t *testing.T) {
	t.Parallel()
	ours, theirs, origins := namelessPair(t)
	var conn net.Conn = ours
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := ours.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(theirs); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	ne, ok := errors.AsType[net.Error](err)
	if !ok || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past the deadline: %v", err)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF { //nolint:errorlint // readers compare by identity
		t.Errorf("%d, %v", n, err)
	}
	for _, said := range []string{fmt.Sprintf("%v %+v %#v %s", ours, ours, ours, ours), conn.RemoteAddr().String(), conn.LocalAddr().String(), err.Error()} {
		if strings.Contains(said, "127") {
			t.Errorf("%q", said)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after the end: %v", err)
	}
	if n := origins.Len(); n != 0 {
		t.Errorf("%d origins are still counted", n)
	}
}
