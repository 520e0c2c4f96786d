package stream

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"protokoll/internal/peer"
	"protokoll/xmpp/stream/internal/poll"
)

// Server accepts client streams.
type Server struct {
	cfg      Config
	poller   *poll.Poller
	starttls *tls.Config
	direct   *tls.Config
	buffers  *tlsFields
	soon     soon
	shaking  chan struct{}   // a token for each handshake
	signIns  context.Context // of all questions to the Authenticator; ends with Shutdown
	noMore   context.CancelFunc

	mu        sync.Mutex
	streams   map[*Stream]struct{}
	accounts  map[string]*account // by bare JID
	listeners []*peer.Listener
	closing   bool
	empty     chan struct{} // closed when closing and the last stream has gone
}

// New returns a server that listens nowhere yet.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	poller, err := poll.New()
	if err != nil {
		return nil, fmt.Errorf("stream: start: %w", err)
	}
	signIns, noMore := context.WithCancel(context.Background())
	return &Server{
		cfg: cfg, poller: poller, signIns: signIns, noMore: noMore,
		starttls: serverTLS(cfg.Certificate),
		direct:   serverTLS(cfg.Certificate, alpnClient),
		buffers:  newTLSFields(),
		shaking:  make(chan struct{}, cfg.Limits.Handshakes),
		streams:  make(map[*Stream]struct{}),
		accounts: make(map[string]*account),
		empty:    make(chan struct{}),
	}, nil
}

// Serve accepts connections from a TCP listener until Shutdown or until l fails; it closes l. direct: TLS comes first
// (XEP-0368), else STARTTLS does.
func (s *Server) Serve(l net.Listener, direct bool) error {
	pl := peer.Listen(l, s.cfg.Origins)
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return errors.Join(ErrClosed, pl.Close())
	}
	s.listeners = append(s.listeners, pl)
	s.mu.Unlock()
	for {
		c, err := pl.Accept()
		if err != nil {
			if s.isClosing() && errors.Is(err, net.ErrClosed) {
				return nil
			}
			return errors.Join(fmt.Errorf("stream: accept: %w", err), pl.Close())
		}
		s.accept(c.(*peer.Conn), direct)
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// accept starts a stream.
func (s *Server) accept(c *peer.Conn, direct bool) {
	fd, lease, err := c.Detach()
	if err != nil {
		s.cfg.Logger.Warn("accept", slog.Any("error", err))
		return
	}
	st := &Stream{server: s, lease: lease, id: randomID(), direct: direct, neg: &negotiation{handshake: direct}}
	st.bucket = bucket{rate: s.cfg.Limits.RateBefore, burst: s.cfg.Limits.BurstBefore}
	st.lastRead.Store(s.cfg.Clock().UnixNano())
	st.scan.Reset(s.cfg.Limits.Before)
	st.conn = s.poller.Add(fd, st)
	if !s.remember(st) {
		lease.Release()
		_ = st.conn.Close() // refused: nothing was said yet
		return
	}
	s.cfg.Wheel.Set(&st.deadline, s.cfg.Limits.Login, func() { st.Close(ConnectionTimeout, "") })
	if err := st.conn.Start(); err != nil {
		s.cfg.Logger.Warn("accept", slog.Any("error", err))
		st.Abort()
	}
	st.kick() // bytes may be here already; direct TLS begins
}

func (s *Server) remember(st *Stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.streams) >= s.cfg.Limits.Streams {
		return false
	}
	s.streams[st] = struct{}{}
	return true
}

// forget counts a stream out that has ended.
func (s *Server) forget(st *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, st)
	if st.account != nil {
		s.dismiss(st.account)
	}
	if s.closing && len(s.streams) == 0 {
		s.signalEmpty()
	}
}

func (s *Server) signalEmpty() {
	select {
	case <-s.empty:
	default:
		close(s.empty)
	}
}

// Len returns how many connections are open.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// Shutdown ends the server in two stages: it accepts nothing more and closes every stream with system-shutdown (RFC 6120
// §4.9.3.19), then waits for the peers until ctx is done and drops what is left. Sessions.Closed has returned for every stream
// that closed in time. The error is that of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	listeners := s.listeners
	s.listeners = nil
	if len(s.streams) == 0 {
		s.signalEmpty()
	}
	s.mu.Unlock()
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	s.each(func(st *Stream) { st.Close(SystemShutdown, "") })
	s.noMore() // a directory that does not answer must not hold up the stop
	select {
	case <-s.empty:
		return errors.Join(append(errs, s.poller.Close())...)
	case <-ctx.Done():
		s.each((*Stream).giveUp)
		return errors.Join(append(errs, ctx.Err())...)
	}
}

func (s *Server) each(fn func(*Stream)) {
	s.mu.Lock()
	streams := make([]*Stream, 0, len(s.streams))
	for st := range s.streams {
		streams = append(streams, st)
	}
	s.mu.Unlock()
	for _, st := range streams {
		fn(st)
	}
}

// randomID returns 128 random bits as text. RFC 6120 §4.7.3.
func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}
