package component

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"protokoll/internal/peer"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

const (
	// HandshakeTime is how long a connection may take to prove the secret.
	HandshakeTime = 15 * time.Second
	// Stall is how long a component may take for 64 KB of what is sent to it before it is given up.
	Stall = 30 * time.Second
	// MaxQueue is how much may wait for one component, in bytes. Who sends more is told to wait.
	MaxQueue = 4 << 20
	// MaxStrangers is how many connections may be open that have not proven a secret.
	MaxStrangers = 32
	// MaxStanza is the largest stanza of a component, in bytes.
	MaxStanza = frame.ServerStanzaBytes
)

// Router takes what components send.
type Router interface {
	// FromRemote routes a stanza, see router.Router.
	FromRemote(from router.Address, via router.Remote, f *frame.Frame, t *stream.Turn) error
	// Open asks the directory for who was Unopened.
	Open(ctx context.Context, u *router.Unopened) error
	// Guard runs fn and survives its panic.
	Guard(fn func())
}

// Config is what a Server needs.
type Config struct {
	Secrets map[string]string // by host, prepared
	Origins *peer.Origins     // limits by origin; nil: none
	Logger  *slog.Logger      // nil: nothing is logged
}

// Server takes connections of components. It is the router's way to their hosts.
type Server struct {
	hosts     map[string]*host
	origins   *peer.Origins
	logger    *slog.Logger
	router    Router
	ctx       context.Context
	cancel    context.CancelFunc
	runner    sync.WaitGroup
	strangers chan struct{}
}

// New returns a server for the hosts of c.
func New(c Config) *Server {
	s := &Server{hosts: map[string]*host{}, origins: c.Origins, logger: c.Logger, strangers: make(chan struct{}, MaxStrangers)}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.origins == nil {
		s.origins = peer.NewOrigins(peer.Limits{}, nil)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for name, secret := range c.Secrets {
		s.hosts[name] = &host{name: name, secret: secret}
	}
	return s
}

// Use names the router. It is called before Serve.
func (s *Server) Use(r Router) { s.router = r }

// To implements router.Remotes.
func (s *Server) To(name string) router.Remote {
	if h := s.hosts[name]; h != nil {
		return h
	}
	return nil
}

// Hosts implements router.Remotes.
func (s *Server) Hosts() []string { return slices.Sorted(maps.Keys(s.hosts)) }

// Serve takes connections until Close.
func (s *Server) Serve(l net.Listener) error {
	listener := peer.Listen(l, s.origins)
	stop := context.AfterFunc(s.ctx, func() { _ = listener.Close() }) // Accept says so
	defer stop()
	for {
		c, err := listener.Accept()
		if err != nil {
			if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		conn, err := c.(*peer.Conn).Nameless() // what a peer.Listener accepts
		if err != nil {
			s.logger.Debug("a connection went at once", slog.Any("error", err))
			continue
		}
		select {
		case s.strangers <- struct{}{}:
			s.runner.Go(func() { s.attend(conn) })
		default:
			_ = conn.Close() // the peer sees why it ends as it ends
		}
	}
}

// Close ends every stream and returns when all have ended.
func (s *Server) Close() {
	s.cancel()
	s.runner.Wait()
}
