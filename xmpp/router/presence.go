package router

import (
	"strconv"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// Presence handles a presence stanza that a client sent. It returns *Unopened as Message does.
func (r *Router) Presence(from *Resource, f *frame.Frame, t *stream.Turn) error {
	switch kind := string(f.Type); kind {
	case "", "unavailable":
		if f.To == nil {
			r.update(from, f, from.Outlet.Pledge(), t)
			return nil
		}
		return r.directed(from, f, t)
	case "subscribe", "subscribed", "unsubscribe", "unsubscribed":
		return r.subscription(from, roster.Type(kind), f, t)
	case "probe":
		return r.probed(from, f, t)
	case "error":
		return r.directed(from, f, t)
	}
	r.turnDown(from, f, errInvalid, t) // RFC 6121 §4.7.1
	return nil
}

// priorityOf reads the priority; what is none counts as 0. RFC 6121 §4.7.2.3
func priorityOf(f *frame.Frame) int8 {
	n, err := strconv.ParseInt(string(f.ChildText(frame.NSClient, "priority")), 10, 8)
	if err != nil {
		return 0
	}
	return int8(n)
}

// update takes over the presence of a client and tells everybody who may see it. RFC 6121 §4.2, §4.4, §4.5
func (r *Router) update(from *Resource, f *frame.Frame, p *Pledge, t *stream.Turn) {
	features.DropForged(f, r.oursText)
	u, ok := from.takeUpdate(f, p, t)
	if !ok {
		return
	}
	a := from.Account
	if u.atRest {
		u.contacts = r.expected(a, u.contacts)
	}
	r.tell(a, u.now, u.contacts, u.presence, t)
	r.tellDirected(from, u.directed, u.presence, t)
	if u.arrives {
		r.arrive(from, u.now, t)
		if len(u.contacts) > 0 {
			r.arrivals.add(a, r.Clock())
		}
	}
	r.askCapabilities(from, u.question, t)
	r.showNewest(from, u.wanted, t)
	a.drainNow(t)
	if u.arrives {
		r.greet(from, t)
	}
}

// updated is what follows from a presence.
type updated struct {
	presence Parcel
	now      *snapshot
	contacts []string
	directed map[string]bool  // who got directed presence and must hear of the end
	arrives  bool             // the resource was not available before
	atRest   bool             // the roster has not changed for a while
	question *question        // for the client
	wanted   *features.Notify // what the client asks for anew
}

// takeUpdate changes the live state. It returns false if there is nothing to tell now.
func (res *Resource) takeUpdate(f *frame.Frame, p *Pledge, t *stream.Turn) (u updated, ok bool) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	if res.left || res.holdsBack(f, len(a.audience())) {
		return u, false
	}
	res.held = nil
	before := res.view
	u.presence = a.show(res, f)
	a.insist(p, res.writeShown)
	res.rememberFor(p, t)
	u.arrives = res.view.available && !before.available
	u.question, res.asks = res.asks, nil
	if u.arrives || res.view.notify != before.notify {
		u.wanted = res.view.notify
	}
	if u.arrives || before.priority < 0 {
		a.expectDrain(res)
	}
	u.directed = res.takeDirected()
	a.publish()
	u.contacts, u.now = res.audience(), a.snap.Load()
	u.atRest = a.atRest()
	return u, true
}

// drainNow hands out what waits, once the presences are out.
func (a *Account) drainNow(t *stream.Turn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drain(t)
	a.publishBacklog()
}

// show makes the presence of a client that of its resource, and returns it without an address. The caller holds the lock.
func (a *Account) show(res *Resource, f *frame.Frame) Parcel {
	stamp := frame.Stamp{From: res.full, Lang: res.Lang}
	available := len(f.Type) == 0
	if available {
		stamp.Append = features.PhotoUpdate(f, a.photoHash())
	}
	b := f.AppendTo(nil, stamp)
	p := Parcel{Head: b[:len(res.fromHead)], Tail: b[len(res.fromHead):], Kept: true, Lazy: true}
	res.shown = &schemas.PresenceUpdated{Resource: res.Name, Available: available, At: a.r.now(),
		Show: string(f.ChildText(frame.NSClient, "show")), Status: string(f.ChildText(frame.NSClient, "status"))}
	if available {
		res.view.available, res.view.priority, res.view.presence = true, priorityOf(f), p
		res.shown.Priority = int32(res.view.priority)
		res.asks = res.claims(f)
	} else {
		res.hide()
	}
	return p
}

func (res *Resource) hide() {
	res.view.available, res.view.priority, res.view.presence = false, 0, Parcel{}
	if res.Account.box.resource == res {
		res.Account.box.resource = nil
	}
}

// presenceFacts states the newest presence. What the account showed last by a resource that is gone ends: only the newest is
// kept. The caller holds the lock.
func (a *Account) presenceFacts(res *Resource) []eventlog.Fact {
	facts := []eventlog.Fact{eventlog.Set(entityShown+res.Name, res.shown)}
	if old := a.last.presence; old != nil && old.GetResource() != res.Name && a.named(old.GetResource()) == nil {
		facts = append(facts, eventlog.End(schemas.Family_PRESENCE_FACTS, entityShown+old.GetResource()))
	}
	a.last.presence = res.shown
	return facts
}

// photoHash returns what the account's vCard has for a photo. The caller holds the lock.
func (a *Account) photoHash() string {
	if !a.photoLoaded {
		if m, err := a.get(schemas.Family_PROFILE_FACTS, "vcard"); err == nil {
			card, _ := m.(*schemas.VCard)
			a.photo, a.photoLoaded = card.GetPhotoSha1(), true
		}
	}
	if e := a.elsewhere(); e != nil && a.photo == "" {
		return e.Photo(lockedFacts{a})
	}
	return a.photo
}

// shownPhoto is photoHash for who does not hold the lock.
func (a *Account) shownPhoto() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.photoHash()
}

// audience lists the contacts who get the account's presence, without those that the owner blocks. It is not changed any
// more. The caller holds the lock.
func (a *Account) audience() []string {
	if a.subscribers == nil {
		a.subscribers = []string{}
		for contact, item := range a.roster {
			if item.SubscribedFrom() && !a.blocks.Denies("", features.PresenceOut, contact) {
				a.subscribers = append(a.subscribers, contact)
			}
		}
	}
	if !a.groups.Has(a.bare) {
		return a.subscribers
	}
	return a.withGroups(a.subscribers)
}

// tell broadcasts a presence to contacts and to the account's own resources. RFC 6121 §4.2.2
func (r *Router) tell(a *Account, own *snapshot, contacts []string, p Parcel, t *stream.Turn) {
	r.tellOwn(a, own, p, t)
	for _, contact := range contacts {
		r.showContact(contact, a.bare, p, t)
	}
}

func (r *Router) tellOwn(a *Account, own *snapshot, p Parcel, t *stream.Turn) {
	p = p.to(a.toAttr)
	p.Lazy = false
	for i := range own.views {
		if v := &own.views[i]; v.available {
			v.Outlet.Deliver(t, p)
		}
	}
}

// show delivers a presence of a bare JID to the available resources. RFC 6121 §8.5.2.1.2
func (s *snapshot) show(p Parcel, from string, t *stream.Turn) {
	for i := range s.views {
		if v := &s.views[i]; v.available && !s.denies(v, features.PresenceIn, from) {
			v.Outlet.Deliver(t, p)
		}
	}
}

// takeDirected returns who got directed presence and must hear that the resource is unavailable now; nobody while it is
// available. The caller holds the lock.
func (res *Resource) takeDirected() map[string]bool {
	if res.view.available {
		return nil
	}
	gone := res.directed
	res.directed = nil
	return gone
}

// tellDirected tells those who got directed presence. RFC 6121 §4.6.3
func (r *Router) tellDirected(from *Resource, gone map[string]bool, p Parcel, t *stream.Turn) {
	for to := range gone {
		r.sendPresence(from, split([]byte(to)), p, t)
	}
}

// sendPresence delivers a presence to an address, here or elsewhere.
func (r *Router) sendPresence(from *Resource, to Address, p Parcel, t *stream.Turn) {
	p = p.to(toAttribute(to.Bytes()))
	if r.Ours(to.Domain()) {
		r.hand(from, to, p, t)
	} else {
		_ = r.forward(to, p.Head, p.Mid, p.Tail) // a presence that is lost is not told
	}
}

// hand delivers a presence to an address of ours.
func (r *Router) hand(from *Resource, to Address, p Parcel, t *stream.Turn) {
	c := r.peek(to.Bare())
	if c == nil {
		return
	}
	s := c.snap.Load()
	if to.IsBare() {
		s.show(p, from.full, t)
	} else if v := s.find(to.Bytes()); v != nil && !s.denies(v, features.PresenceIn, from.full) {
		v.Outlet.Deliver(t, p)
	}
}

// directed routes presence with an address, and remembers who must hear of the end. RFC 6121 §4.6
func (r *Router) directed(from *Resource, f *frame.Frame, t *stream.Turn) error {
	to, err := ParseAddress(f.To)
	if err == nil && !r.Ours(to.Domain()) && !r.leads(to) {
		err = ErrNotOurs
	}
	if err != nil {
		r.turnDown(from, f, err, t)
		return nil
	}
	features.DropForged(f, r.oursText)
	if from.denies(features.Everything, to.String()) {
		r.turnDown(from, f, features.Blocked(), t)
		return nil
	}
	if string(f.Type) != "error" {
		from.noteDirected(to, len(f.Type) == 0, t)
	}
	stamp := frame.Stamp{From: from.full, Lang: from.Lang}
	if len(f.Type) == 0 {
		stamp.Append = features.PhotoUpdate(f, from.Account.shownPhoto()) // XEP-0398 §4
	}
	b := f.AppendTo(nil, stamp)
	if r.Ours(to.Domain()) {
		r.hand(from, to, Parcel{Head: b, Kept: true}, t)
	} else if err := r.forward(to, b); err != nil {
		r.turnDown(from, f, err, t)
	}
	return nil
}

// noteDirected remembers, up to a limit, who got directed presence and would not hear of the end otherwise.
func (res *Resource) noteDirected(addr Address, available bool, t *stream.Turn) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	to := addr.String()
	switch {
	case res.left, string(addr.Bare()) == a.bare, a.contact(string(addr.Bare())).SubscribedFrom():
		return
	case !available:
		delete(res.directed, to)
	case res.directed[to] || len(res.directed) >= a.r.Limits.Directed:
		return
	default:
		if res.directed == nil {
			res.directed = map[string]bool{}
		}
		res.directed[to] = true
	}
	res.rememberFor(res.Outlet.Pledge(), t)
}
