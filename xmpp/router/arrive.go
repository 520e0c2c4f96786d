package router

import (
	"slices"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// expectDrain makes a client that can take messages now the one who gets what waits: from here on nothing live overtakes
// it. The caller holds the lock.
func (a *Account) expectDrain(res *Resource) {
	if res.view.available && res.view.priority >= 0 && a.box.resource == nil && len(a.box.letters) > 0 {
		a.box.resource = res
	}
}

// chooseDrain lets another client take over what waits when the one that was getting it is gone. The caller holds the lock.
func (a *Account) chooseDrain() {
	var best *Resource
	for _, res := range a.resources {
		if res.view.available && (best == nil || res.view.priority > best.view.priority) {
			best = res
		}
	}
	if best != nil {
		a.expectDrain(best)
	}
}

// arrive brings a client that just became available up to date: other resources of its own, contacts, and requests that
// nobody has answered. RFC 6121 §4.2.2, §4.3, §3.1.3
func (r *Router) arrive(from *Resource, own *snapshot, t *stream.Turn) {
	a := from.Account
	for i := range own.views {
		if v := &own.views[i]; v.available && v.Resource != from {
			from.Outlet.Deliver(t, v.presence.to(a.toAttr))
		}
	}
	ask, probe, requests := a.atLogin()
	for _, contact := range probe {
		if c := r.peekString(contact); c != nil {
			r.answerProbe(c, a, from, false, t)
		} else {
			r.probeAway(from, contact)
		}
	}
	for _, stanza := range requests {
		from.Outlet.Deliver(t, Parcel{Head: stanza, Kept: true})
	}
	if len(ask) > 0 {
		r.askAgain(a, ask)
	}
}

// atLogin lists whom the owner asks again, whom the owner wants to see, and the requests that wait for an answer.
func (a *Account) atLogin() (ask, probe []string, requests [][]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.contacts(func(item roster.Item) {
		subscribe, wants := roster.AtLogin(item)
		if subscribe {
			ask = append(ask, item.Contact)
		}
		if wants {
			probe = append(probe, item.Contact)
		}
		if item.PendingIn() {
			requests = append(requests, item.Request)
		}
	})
	return ask, probe, requests
}

// Leave ends a resource: whoever saw it hears that it is unavailable. It may be called again. RFC 6121 §4.5
func (r *Router) Leave(res *Resource, t *stream.Turn) {
	u, was := res.takeLeave(t)
	if was {
		r.tell(res.Account, u.now, u.contacts, u.presence, t)
	}
	r.tellDirected(res, u.directed, u.presence, t)
}

// takeLeave changes the live state, and tells whether the resource was available.
func (res *Resource) takeLeave(t *stream.Turn) (u updated, was bool) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	if res.left {
		return u, false
	}
	a.ready()
	a.touched = a.r.Clock()
	res.left = true
	was = res.view.available
	for i, other := range a.resources {
		if other == res {
			a.resources = append(a.resources[:i:i], a.resources[i+1:]...)
			break
		}
	}
	res.hide()
	a.writeLeave(res, was)
	a.chooseDrain()
	a.drain(t)
	u.directed = res.takeDirected()
	a.publish()
	u.contacts, u.now = res.audience(), a.snap.Load()
	u.presence = Parcel{Head: res.fromHead, Tail: []byte(" type='unavailable'/>"), Kept: true, Lazy: true}
	return u, was
}

// endPresence states what is left of a presence when its session ends: of the last one that it is unavailable, of others
// nothing. docs/decisions/0003. The caller holds the lock.
func (a *Account) endPresence(res *Resource) []eventlog.Fact {
	res.shown = &schemas.PresenceUpdated{Resource: res.Name, At: a.r.now()}
	if !slices.ContainsFunc(a.resources, func(o *Resource) bool { return o.view.available }) {
		return a.presenceFacts(res)
	}
	if a.last.presence.GetResource() == res.Name {
		a.last.presence = nil
		for _, other := range a.resources {
			if other.shown.GetAt() >= a.last.presence.GetAt() {
				a.last.presence = other.shown
			}
		}
	}
	return []eventlog.Fact{eventlog.End(schemas.Family_PRESENCE_FACTS, entityShown+res.Name)}
}

// writeLeave appends the end of a session. The caller holds the lock.
func (a *Account) writeLeave(res *Resource, was bool) {
	var facts []eventlog.Fact
	if was {
		facts = a.endPresence(res)
	}
	if res.remembered {
		facts = append(facts, eventlog.End(schemas.Family_SESSION_FACTS, entitySession+res.Name))
	}
	if len(a.resources) == 0 {
		a.last.out = a.r.now()
		facts = append(facts, eventlog.Set(entityLast, &schemas.LastLogin{SignedIn: a.last.in, SignedOut: a.last.out}))
	}
	if len(facts) > 0 {
		a.write(schemas.Cause_CLIENT, facts...)
	}
}

// Resumed brings a client up to date that came back to its session: what waits follows what it was sent. If the session was
// restored after a restart, what contacts showed meanwhile was not kept: it is shown again. XEP-0198 §5
func (r *Router) Resumed(res *Resource, restored bool, t *stream.Turn) {
	a := res.Account
	available := a.resumed(res, t)
	if restored && available {
		r.arrive(res, a.snap.Load(), t)
		r.recall(res, t)
	}
}

func (a *Account) resumed(res *Resource, t *stream.Turn) (available bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ready()
	a.expectDrain(res)
	a.drain(t)
	return res.view.available
}

// Unanswered tells the sender of an IQ request that the client it went to ended without taking it. RFC 6120 §8.2.3
func (r *Router) Unanswered(stanza []byte, t *stream.Turn) {
	f, err := frame.Parse(stanza, frame.NSClient, storedLimits)
	if err != nil || f.From == nil {
		return
	}
	to := split(f.From)
	p := errorStanza(&f, string(f.To), to.String(), errGone)
	if !r.Ours(to.Domain()) {
		_ = r.forward(to, p.Head) // who asked is gone too
		return
	}
	if a := r.peek(to.Bare()); a != nil {
		if v := a.snap.Load().find(to.Bytes()); v != nil {
			v.Outlet.Deliver(t, p)
		}
	}
}
