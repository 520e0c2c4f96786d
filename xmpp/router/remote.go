package router

import (
	"errors"
	"strings"

	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// Hosts that are not ours: what goes out to them. What comes from them is in foreigner.go. Nothing of it waits on disk: a host that
// is away is told nothing, and who sends it a message hears that.

// Remote is the way out to a host that is not ours: an external component (XEP-0114).
type Remote interface {
	// Deliver hands over one stanza, in parts that nobody changes any more. It does not block. It returns ErrUnreachable while
	// nobody is connected, and ErrCongested while more waits than may.
	Deliver(parts ...[]byte) error
}

// Remotes finds the ways. Its methods are called from many goroutines.
type Remotes interface {
	// To returns the way to a host, nil if there is none.
	To(host string) Remote
	// Hosts lists those that clients are told of.
	Hosts() []string
}

var (
	// ErrUnreachable is returned for a host that is known and not connected: remote-server-timeout.
	ErrUnreachable = errors.New("host not connected")
	// ErrCongested is returned for a host that does not take what it gets: resource-constraint.
	ErrCongested = errors.New("host too slow")
)

// way returns the way to a host that is not ours, nil if there is none.
func (r *Router) way(host string) Remote {
	if r.Remotes == nil || r.domains[host] {
		return nil
	}
	return r.Remotes.To(host)
}

// leads tells whether an address that is not ours can be sent to.
func (r *Router) leads(to Address) bool { return r.Remotes != nil && r.way(string(to.Domain())) != nil }

// forward hands a stanza to the host that it is for. It returns ErrNotOurs if no way leads there.
func (r *Router) forward(to Address, parts ...[]byte) error {
	if r.Remotes == nil {
		return ErrNotOurs
	}
	w := r.way(string(to.Domain()))
	if w == nil {
		return ErrNotOurs
	}
	return w.Deliver(parts...)
}

// showContact delivers a presence to a contact, here or elsewhere. from is who shows it.
func (r *Router) showContact(contact, from string, p Parcel, t *stream.Turn) {
	if c := r.peekString(contact); c != nil {
		c.snap.Load().show(p.to(c.toAttr), from, t)
	} else if w := r.wayTo(contact); w != nil {
		_ = w.Deliver(p.Head, toAttribute(contact), p.Tail) // a presence that is lost is not told
	}
}

// wayTo is way for a bare JID.
func (r *Router) wayTo(bare string) Remote {
	if r.Remotes == nil {
		return nil
	}
	return r.way(bare[strings.IndexByte(bare, '@')+1:])
}

func toAttribute[T string | []byte](to T) []byte {
	return append(appendEscaped([]byte(" to='"), to), '\'')
}

// probeAway asks for the presence of a contact elsewhere; the answer comes to the client. RFC 6121 §4.3.1
func (r *Router) probeAway(from *Resource, contact string) {
	if w := r.wayTo(contact); w != nil {
		_ = w.Deliver(Parting{Contact: contact}.Stanza(from.full, roster.Type("probe"))) // no answer is one
	}
}
