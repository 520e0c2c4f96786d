package router

import (
	"bytes"
	"slices"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/profile"
	"protokoll/xmpp/pubsub"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// notify sends a notice to everybody who wants it: resources that are available, each once. XEP-0163 §4.3
func (r *Router) notify(n *features.Notice, t *stream.Turn) {
	p := parcelOf(n)
	if n.Own {
		if a := r.peekString(n.Owner); a != nil {
			a.snap.Load().notify(n, p, t)
		}
	}
	for _, contact := range n.Contacts {
		if len(n.Subscribers) > 0 && slices.Contains(n.Subscribers, contact) {
			continue
		}
		if c := r.peekString(contact); c != nil {
			if s := c.snap.Load(); len(s.views) > 0 && !s.blocks.Match(n.Owner) {
				s.notify(n, p, t)
			}
		}
	}
	for _, subscriber := range n.Subscribers {
		r.notifySubscriber(split([]byte(subscriber)), n, p, t)
	}
}

// notify delivers to the resources that ask for the node.
func (s *snapshot) notify(n *features.Notice, p Parcel, t *stream.Turn) {
	for i := range s.views {
		if v := &s.views[i]; v.available && v.notify.Wants(n.Node) {
			v.Outlet.Deliver(t, p.to(v.toFull))
		}
	}
}

// notifySubscriber delivers to all available resources of a bare JID, or to one. XEP-0060 §12.1
func (r *Router) notifySubscriber(to Address, n *features.Notice, p Parcel, t *stream.Turn) {
	c := r.peek(to.Bare())
	if c == nil {
		return // nothing is kept for who is away
	}
	s := c.snap.Load()
	if s.blocks.Match(n.Owner) || s.blocks.Match(n.From) {
		return
	}
	for i := range s.views {
		v := &s.views[i]
		if v.available && (to.IsBare() || v.full == string(to.Bytes())) {
			v.Outlet.Deliver(t, p.to(v.toFull))
		}
	}
}

// parcelOf writes the message, without its address.
func parcelOf(n *features.Notice) Parcel {
	head := frame.Tag{Name: "message", From: n.From}.AppendTo(nil, nil)
	tail := make([]byte, 0, len(n.Payload)+len(" type='headline'></message>"))
	tail = append(append(append(tail, " type='"...), n.Type...), "'>"...)
	tail = append(append(tail, n.Payload...), "</message>"...)
	return Parcel{Head: bytes.TrimSuffix(head, []byte("/>")), Tail: tail, Kept: true}
}

// showNewest sends a client the newest items of what it asks for: of the own nodes, and of those of contacts whose presence the
// owner sees. XEP-0163 §4.3.3
func (r *Router) showNewest(to *Resource, wanted *features.Notify, t *stream.Turn) {
	if wanted == nil {
		return
	}
	a := to.Account
	r.showNewestOf(a.bare, to, wanted, t)
	for _, contact := range a.seen() {
		r.showNewestOf(contact, to, wanted, t)
	}
}

// seen lists the contacts whose presence the owner sees.
func (a *Account) seen() (contacts []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.contacts(func(item roster.Item) {
		if item.SubscribedTo() && !a.blocks.Match(item.Contact) {
			contacts = append(contacts, item.Contact)
		}
	})
	return contacts
}

// showNewestOf sends the newest items of one owner. An owner who has nothing of what is wanted is not looked up.
func (r *Router) showNewestOf(owner string, to *Resource, wanted *features.Notify, t *stream.Turn) {
	if all, known := r.newest.of(owner); known && !slices.ContainsFunc(all, func(n pubsub.Newest) bool { return wanted.Wants(n.Node) }) &&
		(r.Elsewhere == nil || !wanted.Wants(profile.NSAvatarMetadata) || !r.Elsewhere.Known(owner)) {
		return
	}
	c, err := owners{r}.lock(owner)
	if err != nil {
		return // who is gone, or on another server
	}
	defer c.mu.Unlock()
	all, known := r.newest.of(owner)
	if !known {
		if _, err := c.loadNodes(); err != nil {
			return
		}
		all, _ = r.newest.of(owner)
	}
	for _, n := range all {
		if wanted.Wants(n.Node) {
			c.showItem(n, to, t)
		}
	}
	c.showElsewhere(to, wanted, t)
}

// showItem sends the newest item of a node. One that is not on disk yet is left to the notice that follows it: whoever asks for
// the node by now gets that. The caller holds the lock, so that no newer notice overtakes this one.
func (c *Account) showItem(n pubsub.Newest, to *Resource, t *stream.Turn) {
	if !c.settledItem(n.Entity()) {
		return
	}
	event, err := n.Event(lockedFacts{c}, to.Account.bare)
	if err != nil || event == nil {
		return
	}
	to.Outlet.Deliver(t, parcelOf(event).to(to.toFull))
}

// settledItem tells whether the newest value of an item is on disk. The caller holds the lock.
func (c *Account) settledItem(entity string) bool {
	w := c.written[writtenKey{schemas.Family_PEP_FACTS, c.owner.Entity(schemas.Family_PEP_FACTS, entity)}]
	return w == nil || w.at.Load() != 0
}
