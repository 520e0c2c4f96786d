package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// How much a server may send for one operation. The parsed form is some hundred
// times larger than hostile bytes can be, so these bound memory too.
const (
	signInBudget = 256 << 10 // bytes: handshake, bind, or a search for one person
	pageBudget   = 32 << 20  // bytes: one page of Walk
)

var errOverBudget = errors.New("the server sends too much")

// meteredConn is the network connection below TLS. It counts what comes in.
// go-ldap knows no context and has no limit; both are enforced from here.
type meteredConn struct {
	net.Conn
	left atomic.Int64
}

func (c *meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.left.Add(-int64(n)) < 0 {
		return 0, errOverBudget
	}
	return n, err
}

// arm allows one operation that ends at a deadline.
func (c *meteredConn) arm(deadline time.Time, budget int64) error {
	c.left.Store(budget)
	return c.SetDeadline(deadline)
}

// cut makes every read and write on the connection fail now.
func (c *meteredConn) cut() { _ = c.SetDeadline(time.Unix(1, 0)) }

// conn is one connection to a server, used by one caller at a time.
type conn struct {
	ldap   *ldap.Conn
	raw    *meteredConn
	server *server
	born   time.Time
	epoch  int
	trial  bool // the circuit waits for its outcome
	reused bool // it has worked before, so a failure now may be its age
}

// dial connects, with TLS, and binds as the service account where login says so.
func (s *server) dial(ctx context.Context, cfg *Config, login bool) (*conn, error) {
	epoch := s.currentEpoch()
	raw, l, err := s.connect(ctx, cfg.DialTimeout)
	if err != nil {
		return nil, err
	}
	c := &conn{ldap: l, raw: raw, server: s, born: cfg.Now(), epoch: epoch}
	if !login {
		return c, nil
	}
	err = c.do(ctx, cfg.OpTimeout, signInBudget, func(l *ldap.Conn) error {
		return l.Bind(cfg.BindDN, cfg.Password)
	})
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (s *server) connect(ctx context.Context, timeout time.Duration) (*meteredConn, *ldap.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil {
		return nil, nil, err
	}
	raw := &meteredConn{Conn: nc}
	raw.left.Store(signInBudget)
	deadline, _ := ctx.Deadline()
	if err := raw.arm(deadline, signInBudget); err != nil {
		_ = nc.Close()
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, raw.cut)
	l, err := s.secure(ctx, raw)
	if !stop() && err == nil {
		err = context.Cause(ctx)
		_ = l.Close()
	}
	if err != nil {
		_ = nc.Close()
		return nil, nil, late(err, deadline)
	}
	return raw, l, raw.SetDeadline(time.Time{})
}

// secure puts TLS on a connection: at once, or by StartTLS (RFC 4511 §4.14).
func (s *server) secure(ctx context.Context, raw *meteredConn) (*ldap.Conn, error) {
	if !s.startTLS {
		tc := tls.Client(raw, s.tls)
		if err := tc.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		l := ldap.NewConn(tc, true)
		l.Start()
		return l, nil
	}
	l := ldap.NewConn(raw, false)
	l.Start()
	if err := l.StartTLS(s.tls); err != nil {
		raw.cut()
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// do carries out one operation within a time, a context and a budget of incoming
// bytes. After an error that is broken, or of the context, the connection is dead.
func (c *conn) do(ctx context.Context, timeout time.Duration, budget int64, op func(*ldap.Conn) error) error {
	deadline := time.Now().Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := c.raw.arm(deadline, budget); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, c.raw.cut)
	err := op(c.ldap)
	if !stop() {
		// The cut may come at any time from now on.
		return context.Cause(ctx)
	}
	if err != nil && broken(code(err)) {
		return late(err, deadline)
	}
	if e := c.raw.SetDeadline(time.Time{}); e != nil {
		return e
	}
	return err
}

// late names the cause where an operation failed because its time was over:
// go-ldap keeps no error that would say so.
func late(err error, deadline time.Time) error {
	if time.Now().Before(deadline) {
		return err
	}
	return errTimedOut
}

// close hangs up. The cut keeps a server that reads nothing from holding us.
func (c *conn) close() {
	c.raw.cut()
	_ = c.ldap.Close()
}
