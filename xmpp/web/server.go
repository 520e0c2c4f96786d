package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"protokoll/internal/peer"
)

// Limits of what a connection may take.
const (
	// HeaderTime is how long a request's headers may take, the TLS handshake included.
	HeaderTime = 15 * time.Second
	// IdleTime is how long a connection waits for the next request.
	IdleTime = 90 * time.Second
	// MaxHeader is how many bytes of headers a request may have. net/http adds 4 KiB.
	MaxHeader = 12 << 10
	// MaxStreams is how many requests an HTTP/2 connection may have open.
	MaxStreams = 32
	// DefaultConnections is how many connections there may be.
	DefaultConnections = 2048
)

// Config is what a Server needs. Certificate must be set.
type Config struct {
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Hosts are the names that requests may be sent to, without ports, in lower case. Empty: any.
	Hosts       []string
	Origins     *peer.Origins // limits by origin; nil: none
	Connections int           // 0: DefaultConnections
	Logger      *slog.Logger  // nil: nothing is logged
}

// Server serves.
type Server struct {
	config Config
	hosts  map[string]bool
	mux    *http.ServeMux
	http   *http.Server
}

// New returns a server that answers everything with 404.
func New(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Origins == nil {
		c.Origins = peer.NewOrigins(peer.Limits{}, nil)
	}
	if c.Connections == 0 {
		c.Connections = DefaultConnections
	}
	s := &Server{config: c, hosts: map[string]bool{}, mux: http.NewServeMux()}
	for _, h := range c.Hosts {
		s.hosts[h] = true
	}
	s.http = &http.Server{
		Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: HeaderTime, IdleTimeout: IdleTime, MaxHeaderBytes: MaxHeader,
		ErrorLog: log.New(errorLog{c.Logger}, "", 0), TLSConfig: tlsConfig(c.Certificate),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: MaxStreams},
	}
	return s
}

// tlsConfig is as that of XMPP streams: AEAD behind ephemeral ECDH, no tickets. BSI TR-02102-2
func tlsConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, GetCertificate: certificate,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// Handle has h answer what is below a path, such as "/upload/".
func (s *Server) Handle(path string, h http.Handler) { s.mux.Handle(path, h) }

// Serve serves a TCP listener until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	limited := &limiter{Listener: peer.Listen(l, s.config.Origins), free: make(chan struct{}, s.config.Connections), done: make(chan struct{})}
	err := s.http.ServeTLS(limited, "", "")
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return peer.Clean(err)
}

// Shutdown closes listeners and idle connections at once, waits for requests until ctx ends, and then breaks them off.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err == nil {
		return nil
	}
	return peer.Clean(s.http.Close())
}

// serve stands before all handlers.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	defer s.recovered(w)
	if len(s.hosts) > 0 && !s.hosts[hostOf(r.Host)] {
		http.Error(w, http.StatusText(http.StatusMisdirectedRequest), http.StatusMisdirectedRequest) // RFC 9110 §15.5.20
		return
	}
	s.mux.ServeHTTP(w, r)
}

// hostOf is the name in a Host header, in lower case.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		header = host
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(header, "[]"), "."))
}

// recovered answers a request whose handler panicked. What it panicked with may hold content: only where it was is said.
func (s *Server) recovered(w http.ResponseWriter) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p) // the connection is to be broken off
	default:
		s.config.Logger.Error("a web handler failed inside", "at", functions(debug.Stack()))
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// functions keeps of a stack the lines that say where, without the arguments.
func functions(stack []byte) string {
	var where []string
	for line := range strings.Lines(string(stack)) {
		if at, ok := strings.CutPrefix(line, "\t"); ok {
			at, _, _ = strings.Cut(at, " +0x")
			where = append(where, strings.TrimSpace(at[strings.LastIndexByte(at, '/')+1:]))
		}
	}
	return strings.Join(where, " < ")
}

// limiter bounds how many connections there are: further ones wait in the kernel.
type limiter struct {
	net.Listener
	free chan struct{}
	done chan struct{}
	once sync.Once
}

func (l *limiter) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.free
			return nil, err
		}
		if nameless, err := c.(*peer.Conn).Nameless(); err == nil { // what a peer.Listener accepts
			return &counted{Conn: nameless, l: l}, nil
		}
	}
}

func (l *limiter) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	l    *limiter
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { <-c.l.free })
	return c.Conn.Close()
}
