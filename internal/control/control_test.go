package control

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func start(t *testing.T, folder string, register func(*Server)) {
	t.Helper()
	s := NewServer(slog.New(slog.DiscardHandler))
	register(s)
	if err := s.Start(folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(folder); err != nil {
			t.Error(err)
		}
	})
}

func TestCall(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]string{"short path": t.TempDir(), "beyond sockaddr_un": long} {
		start(t, folder, func(s *Server) {
			s.Handle("double", func(_ context.Context, a json.RawMessage, progress func(Progress)) (any, error) {
				var n int
				if err := json.Unmarshal(a, &n); err != nil {
					return nil, err
				}
				progress(Progress{Step: "doubling", Done: 1, Total: 2})
				return 2 * n, nil
			})
			s.Handle("fail", func(context.Context, json.RawMessage, func(Progress)) (any, error) { return nil, errors.New("because") })
			s.Handle("panic", func(context.Context, json.RawMessage, func(Progress)) (any, error) { panic("secret") })
		})
		var got, steps int
		if err := Call(t.Context(), folder, "double", 21, &got, func(Progress) { steps++ }); err != nil || got != 42 || steps != 1 {
			t.Errorf("%s: got %d after %d steps, %v", name, got, steps, err)
		}
		for command, want := range map[string]string{"fail": "because", "panic": "internal error", "unknown": "does not know"} {
			if err := Call(t.Context(), folder, command, nil, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: got %v", name, command, err)
			}
		}
		info, err := os.Stat(filepath.Join(folder, socketName))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: socket has mode %v, %v", name, info.Mode(), err)
		}
	}
}

func TestNotRunning(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := Call(t.Context(), folder, "x", nil, nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: got %v", err)
	}
	s := NewServer(slog.New(slog.DiscardHandler))
	if err := s.Start(folder); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, socketName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket left behind: %v", err)
	}
	if err := Call(t.Context(), folder, "x", nil, nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after a stop: got %v", err)
	}
}

// Hanging up cancels the command.
func TestHangUp(t *testing.T) {
	t.Parallel()
	folder, cancelled, begun := t.TempDir(), make(chan struct{}), make(chan struct{})
	start(t, folder, func(s *Server) {
		s.Handle("wait", func(ctx context.Context, _ json.RawMessage, _ func(Progress)) (any, error) {
			close(begun)
			<-ctx.Done()
			close(cancelled)
			return nil, ctx.Err()
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if err := Call(ctx, folder, "wait", nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-cancelled
}

// tired is a listener that fails before it works.
type tired struct {
	net.Listener
	left int
}

func (l *tired) Accept() (net.Conn, error) {
	if l.left > 0 {
		l.left--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// Being out of descriptors once is no reason never to listen again.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	inner, err := net.Listen("unix", filepath.Join(folder, socketName))
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(slog.New(slog.DiscardHandler))
	s.Handle("ping", func(context.Context, json.RawMessage, func(Progress)) (any, error) { return "pong", nil })
	s.serveOn(&tired{inner, 2})
	var got string
	if err := Call(t.Context(), folder, "ping", nil, &got, nil); err != nil || got != "pong" {
		t.Errorf("got %q, %v", got, err)
	}
	inner.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := s.Close(folder); err != nil {
		t.Error(err)
	}
}
