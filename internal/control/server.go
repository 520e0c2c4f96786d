package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Handler carries out one command. Its result is sent as JSON; its error's text goes to the operator who asked.
type Handler func(ctx context.Context, arguments json.RawMessage, progress func(Progress)) (any, error)

// Server answers commands. Register with Handle before Start.
type Server struct {
	handlers map[string]Handler
	logger   *slog.Logger

	listener net.Listener
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// NewServer returns a server without commands.
func NewServer(logger *slog.Logger) *Server {
	return &Server{handlers: map[string]Handler{}, logger: logger}
}

// Handle registers a command.
func (s *Server) Handle(command string, h Handler) { s.handlers[command] = h }

// Start listens in the data folder. The caller holds the folder's lock, so a socket found there is a dead one's.
func (s *Server) Start(folder string) error {
	if err := os.Remove(filepath.Join(folder, socketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a dead control socket: %w", err)
	}
	var listener net.Listener
	err := withSocketPath(folder, func(path string) (err error) {
		listener, err = net.Listen("unix", path)
		return err
	})
	if err != nil {
		return fmt.Errorf("listen for commands: %w", err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false) // its path may be one of /proc; Close removes the file
	if err := os.Chmod(filepath.Join(folder, socketName), 0o600); err != nil {
		return errors.Join(fmt.Errorf("protect the control socket: %w", err), listener.Close())
	}
	s.serveOn(listener)
	return nil
}

func (s *Server) serveOn(l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	s.listener, s.cancel = l, cancel
	s.running.Go(func() { s.accept(ctx) })
}

// Close cancels what runs, waits for it and removes the socket.
func (s *Server) Close(folder string) error {
	s.cancel()
	err := s.listener.Close()
	s.running.Wait()
	return errors.Join(err, os.Remove(filepath.Join(folder, socketName)))
}

// backOff is the pause after an accept(2) that failed, for want of descriptors say.
const backOff = 100 * time.Millisecond

func (s *Server) accept(ctx context.Context) {
	for {
		conn, err := s.listener.Accept()
		switch {
		case err == nil:
			s.running.Go(func() { s.serve(ctx, conn) })
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		s.logger.Warn("the control socket could not take a command; it tries again", "error", err)
		select {
		case <-time.After(backOff):
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) serve(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	var r request
	in := json.NewDecoder(io.LimitReader(conn, MaxRequest))
	if err := in.Decode(&r); err != nil {
		s.logger.Debug("unreadable request on the control socket")
		return
	}
	go func() { // whoever hangs up does not want the answer
		io.Copy(io.Discard, conn)
		cancel()
	}()
	out := &writer{encoder: json.NewEncoder(conn)}
	result, err := s.call(ctx, r, func(p Progress) { out.write(answer{Progress: &p}) })
	out.write(final(result, err))
}

func (s *Server) call(ctx context.Context, r request, progress func(Progress)) (result any, err error) {
	h, ok := s.handlers[r.Command]
	if !ok {
		return nil, fmt.Errorf("the running server does not know the command %q", r.Command)
	}
	defer func() {
		if p := recover(); p != nil {
			s.logger.Error("a command panicked", "command", r.Command)
			err = errors.New("internal error, see the server's log")
		}
	}()
	return h(ctx, r.Arguments, progress)
}

func final(result any, err error) answer {
	if err != nil {
		return answer{Error: err.Error()}
	}
	data, err := json.Marshal(result)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Result: data}
}

// writer keeps lines whole: progress may come from several goroutines.
type writer struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

func (w *writer) write(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.encoder.Encode(a) // a broken connection cancels the command through its reader
}
