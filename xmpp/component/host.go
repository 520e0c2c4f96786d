package component

import (
	"sync"

	"protokoll/xmpp/router"
)

// host is a name that a component answers for. It is the router's way there.
type host struct {
	name, secret string

	mu   sync.Mutex
	link *link // nil while no component is connected
}

// Deliver implements router.Remote.
func (h *host) Deliver(parts ...[]byte) error {
	h.mu.Lock()
	l := h.link
	h.mu.Unlock()
	if l == nil {
		return router.ErrUnreachable
	}
	return l.queue(parts...)
}

// take makes l the host's stream and returns the one before.
func (h *host) take(l *link) (before *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, h.link = h.link, l
	return before
}

// leads tells whether l is the host's stream.
func (h *host) leads(l *link) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.link == l
}

// leave takes l off unless another one has taken over.
func (h *host) leave(l *link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.link == l {
		h.link = nil
	}
}
