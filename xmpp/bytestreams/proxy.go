package bytestreams

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"protokoll/internal/peer"
)

// Limits bounds what passes. Zero values mean the defaults.
type Limits struct {
	Streams        int // at once
	StreamsAccount int // activated by one account
	Waiting        int // connections that are not activated
	BytesPerSecond int // of one stream, both ways together
}

// The defaults of Limits.
const (
	DefaultStreams        = 200
	DefaultStreamsAccount = 10
	DefaultWaiting        = 400
	DefaultBytesPerSecond = 4 << 20
)

// Times that are not settings.
const (
	// RequestTime is how long a client may take to say which stream it wants.
	RequestTime = 15 * time.Second
	// ActivationTime is how long a connection waits for the other one and for the activation.
	ActivationTime = 2 * time.Minute
	// IdleTime is how long a stream lives on which nothing passes.
	IdleTime = 5 * time.Minute
)

func (l Limits) withDefaults() Limits {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&l.Streams, DefaultStreams)
	or(&l.StreamsAccount, DefaultStreamsAccount)
	or(&l.Waiting, DefaultWaiting)
	or(&l.BytesPerSecond, DefaultBytesPerSecond)
	return l
}

// Config is what a Proxy needs. Host, Port and Ours must be set before the first request.
type Config struct {
	JID     string                   // of the service
	Host    string                   // how clients reach it
	Port    int                      // …
	Ours    func(domain string) bool // whether a target is at a domain of ours
	Origins *peer.Origins            // limits by origin; nil: none
	Limits  Limits
	Logger  *slog.Logger // nil: nothing is logged
}

// Proxy relays.
type Proxy struct {
	Config
	ctx    context.Context
	cancel context.CancelFunc
	runner sync.WaitGroup

	mu      sync.Mutex // guards the following
	pairs   map[name]*pair
	waiting int            // connections in pairs
	streams map[string]int // active ones by bare JID of the requester
	active  int
	open    map[net.Conn]struct{}
}

// pair is two connections that named the same stream, or one of them.
type pair struct {
	ends  []*peer.Nameless
	timer *time.Timer
}

// New returns a proxy.
func New(c Config) *Proxy {
	c.Limits = c.Limits.withDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Origins == nil {
		c.Origins = peer.NewOrigins(peer.Limits{}, nil)
	}
	p := &Proxy{Config: c, pairs: map[name]*pair{}, streams: map[string]int{}, open: map[net.Conn]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Serve takes connections until Close.
func (p *Proxy) Serve(l net.Listener) error {
	listener := peer.Listen(l, p.Origins)
	stop := context.AfterFunc(p.ctx, func() { _ = listener.Close() }) // Accept says so
	defer stop()
	for {
		c, err := listener.Accept()
		if err != nil {
			if p.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		conn, err := c.(*peer.Conn).Nameless() // what a peer.Listener accepts
		if err != nil {
			p.Logger.Debug("a connection went at once", slog.Any("error", err))
			continue
		}
		if !p.enter(conn) {
			_ = conn.Close()
			continue
		}
		p.runner.Go(func() { p.greet(conn) })
	}
}

// Close ends everything and returns when it has ended.
func (p *Proxy) Close() {
	p.cancel()
	p.mu.Lock()
	for c := range p.open {
		_ = c.Close()
	}
	for n, pair := range p.pairs {
		pair.timer.Stop()
		delete(p.pairs, n)
		for _, c := range pair.ends {
			p.waiting--
			p.shut(c)
		}
	}
	p.mu.Unlock()
	p.runner.Wait()
}

// enter counts a connection in, unless there are too many that are not activated.
func (p *Proxy) enter(c *peer.Nameless) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil || p.waiting >= p.Limits.Waiting {
		return false
	}
	p.waiting++
	p.open[c] = struct{}{}
	return true
}

// leave closes connections that were never activated.
func (p *Proxy) leave(all ...*peer.Nameless) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range all {
		p.waiting--
		p.shut(c)
	}
}

// shut closes a connection. The caller holds the lock.
func (p *Proxy) shut(c *peer.Nameless) {
	delete(p.open, c)
	_ = c.Close() // the peer may have been first
}

// greet finds out which stream a connection is for.
func (p *Proxy) greet(c *peer.Nameless) {
	err := c.SetDeadline(time.Now().Add(RequestTime))
	var n name
	if err == nil {
		n, err = handshake(c)
	}
	if err != nil {
		p.Logger.Debug("a connection asked for no bytestream", slog.Any("error", err))
		p.leave(c)
		return
	}
	if !p.join(n, c) {
		_ = answer(c, n, notAllowed) // it is closed anyway
		p.leave(c)
	}
}

// join answers a connection and puts it to its pair; false for a third one. The answer is written under the lock, before anybody can
// activate the stream and have its bytes come first; it is less than a socket's empty buffer takes without waiting.
func (p *Proxy) join(n name, c *peer.Nameless) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	both := p.pairs[n]
	if both == nil {
		both = &pair{timer: time.AfterFunc(ActivationTime, func() { p.expire(n, c) })}
		p.pairs[n] = both
	}
	if len(both.ends) == 2 || p.ctx.Err() != nil {
		return false
	}
	both.ends = append(both.ends, c)
	if err := errors.Join(c.SetDeadline(time.Time{}), answer(c, n, succeeded)); err != nil {
		p.Logger.Debug("a connection went before it had its answer", slog.Any("error", err)) // expire counts it out
	}
	return true
}

// expire closes a pair that nobody activated. first tells it from a later one of the same name.
func (p *Proxy) expire(n name, first *peer.Nameless) {
	p.mu.Lock()
	both := p.pairs[n]
	if both == nil || len(both.ends) == 0 || both.ends[0] != first {
		p.mu.Unlock()
		return
	}
	delete(p.pairs, n)
	p.mu.Unlock()
	p.leave(both.ends...)
}
