package pubsub

import (
	"log/slog"
	"sync"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Core answers requests about nodes, at whichever face. Everything is registered before the first request; it is safe for all
// goroutines then.
type Core struct {
	owners     Owners
	clock      func() time.Time
	logger     *slog.Logger
	converters map[string][]Converter // by node
	derived    map[string]Derived     // by node
	hosted     hosted
}

// Change says what a person or somebody whom they let has changed about a node at the owner's own address.
type Change struct {
	Ref
	Published []*schemas.ItemPublished // in order
	Retracted []string                 // ids that were there
	Emptied   bool                     // it was purged or deleted
}

// Converter keeps something else in step with a node: it adds to the draft what changes with it, in the same command.
type Converter func(d *Draft, c Change) error

// New returns a core. Use gives it the owners before it serves.
func New(logger *slog.Logger, clock func() time.Time) *Core {
	return &Core{clock: clock, logger: logger, converters: map[string][]Converter{}, derived: map[string]Derived{}}
}

// Use gives the core the owners, and finds the nodes of services.
func (c *Core) Use(o Owners) error {
	c.owners = o
	return o.Hosted(func(owner string, h *schemas.NodeHosted) {
		c.hosted.claim(Ref{h.GetService(), h.GetNode()}, owner)
	})
}

// Convert lets fn follow the changes of a node at owners' own addresses. Changes that converters and other features make
// themselves are not followed.
func (c *Core) Convert(node string, fn Converter) {
	c.converters[node] = append(c.converters[node], fn)
}

// Begin is Begin at the core's time.
func (c *Core) Begin(o Owner) (*Draft, error) { return Begin(o, c.clock()) }

// change decides about nodes of one owner. The reply waits for what was decided, and brings its notices.
func (c *Core) change(owner string, cause schemas.Cause, decide func(d *Draft) error) (features.Reply, error) {
	var reply features.Reply
	after, err := c.owners.Change(owner, cause, func(o Owner) ([]eventlog.Fact, error) {
		d, err := c.Begin(o)
		if err != nil {
			return nil, err
		}
		if err := decide(d); err != nil {
			return nil, err
		}
		reply.Notices, reply.Photo = d.Notices, d.Photo
		return d.Facts, nil
	})
	reply.After = after
	return reply, err
}

// follow lets the converters of a node follow its change.
func (c *Core) follow(d *Draft, ch Change) error {
	if ch.Host != "" {
		return nil
	}
	for _, fn := range c.converters[ch.Name] {
		if err := fn(d, ch); err != nil {
			return err
		}
	}
	return nil
}

// hosted says who owns the nodes of services.
type hosted struct {
	mu     sync.RWMutex
	owners map[Ref]string // bare JIDs
}

// claim notes an owner, unless the node has one.
func (h *hosted) claim(r Ref, owner string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.owners == nil {
		h.owners = map[Ref]string{}
	}
	if _, taken := h.owners[r]; taken {
		return false
	}
	h.owners[r] = owner
	return true
}

func (h *hosted) release(r Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.owners, r)
}

func (h *hosted) owner(r Ref) (string, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	owner, ok := h.owners[r]
	return owner, ok
}

// at lists the nodes of a host.
func (h *hosted) at(host string) map[Ref]string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := map[Ref]string{}
	for r, owner := range h.owners {
		if r.Host == host {
			all[r] = owner
		}
	}
	return all
}
