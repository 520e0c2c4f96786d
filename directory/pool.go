package directory

import (
	"context"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// connLifetime ends a connection, so that after a fail-over the first server is
// used again and certificates are checked anew.
const connLifetime = 5 * time.Minute

// pool hands out connections for one purpose: searches, bound as the service
// account, or sign-ins, where each bind replaces the last. The two are never
// mixed: a search must not run with the rights of the person who signed in last.
type pool struct {
	cfg     *Config
	servers []*server
	health  *health
	login   bool          // bind as the service account
	slots   chan struct{} // one for each connection in use

	mu     sync.Mutex
	idle   []*conn // guarded by mu; the one used last is at the end
	closed bool    // guarded by mu
}

func newPool(cfg *Config, servers []*server, h *health, login bool) *pool {
	return &pool{cfg: cfg, servers: servers, health: h, login: login, slots: make(chan struct{}, cfg.PoolSize)}
}

// run carries out one operation on a connection, going on to the next server
// where one is broken. Other LDAP results are returned as they are, for the caller
// to read; the rest is ErrUnavailable.
func (p *pool) run(ctx context.Context, timeout time.Duration, budget int64, op func(*ldap.Conn) error) error {
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return gaveUp(ctx)
	}
	var last uint16
	// One try for connections that grew old, one for each server.
	for range 1 + len(p.servers) {
		c, reason, err := p.take(ctx)
		if err != nil {
			return err
		}
		if c == nil {
			if last == 0 || reason != ldap.LDAPResultServerDown {
				last = reason
			}
			break
		}
		started := time.Now()
		err = c.do(ctx, timeout, budget, op)
		if ctx.Err() != nil {
			p.interrupted(ctx, c, started)
			return gaveUp(ctx)
		}
		if last = code(err); err == nil || !broken(last) {
			p.health.works(c.server)
			p.put(c)
			return err
		}
		p.fault(c, last, started, timeout)
	}
	if !p.someUp() {
		p.health.down(last)
	}
	return unavailable(last)
}

// someUp tells whether a server is not to blame for anything: then the directory is there, and one caller had bad luck.
func (p *pool) someUp() bool {
	for _, s := range p.servers {
		if s.up() {
			return true
		}
	}
	return false
}

// fault puts the connection aside. A used one that fails at once has most likely
// been closed by the server meanwhile, which is no fault of the server.
func (p *pool) fault(c *conn, code uint16, began time.Time, timeout time.Duration) {
	c.close()
	if c.reused && time.Since(began) < timeout {
		c.server.retire()
		return
	}
	p.health.fails(c.server, began, code)
}

// interrupted puts a connection aside whose caller has gone. Only a server that
// let half an operation’s time pass is to blame for that.
func (p *pool) interrupted(ctx context.Context, c *conn, began time.Time) {
	c.close()
	if ctx.Err() == context.DeadlineExceeded && time.Since(began) >= p.cfg.OpTimeout/2 {
		p.health.fails(c.server, began, ldap.LDAPResultTimeout)
	} else if c.trial {
		c.server.abandon()
	}
}

// take gives an idle connection, or else a new one, as fresh does.
func (p *pool) take(ctx context.Context) (*conn, uint16, error) {
	c, err := p.takeIdle()
	if c != nil || err != nil {
		return c, 0, err
	}
	return p.fresh(ctx)
}

// fresh gives a new connection to the first server that answers; none, and the
// code of the last one’s fault, where none does.
func (p *pool) fresh(ctx context.Context) (*conn, uint16, error) {
	last := uint16(ldap.LDAPResultServerDown)
	for _, s := range p.servers {
		ok, trial := s.admit(p.cfg.Now())
		if !ok {
			continue
		}
		began := time.Now()
		c, err := s.dial(ctx, p.cfg, p.login)
		if err == nil {
			c.trial = trial
			return c, 0, nil
		}
		if ctx.Err() == context.Canceled {
			if trial {
				s.abandon()
			}
			return nil, 0, gaveUp(ctx)
		}
		last = code(err)
		p.health.fails(s, began, last)
	}
	return nil, last, nil
}

func (p *pool) takeIdle() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if p.usable(c) {
			c.reused = true
			return c, nil
		}
		c.close()
	}
	return nil, nil
}

func (p *pool) usable(c *conn) bool {
	return !c.ldap.IsClosing() && c.epoch == c.server.currentEpoch() && p.cfg.Now().Sub(c.born) < connLifetime
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.trial = false
	if p.closed || len(p.idle) >= p.cfg.PoolSize || !p.usable(c) {
		c.close()
		return
	}
	p.idle = append(p.idle, c)
}

func (p *pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// close hangs up idle connections; those in use are closed when they come back.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}
