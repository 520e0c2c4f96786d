package router

import (
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
	best := a.snap.Load().best()
	for _, res := range a.resources {
		if best >= 0 && res.view.available && res.view.priority == best {
			a.expectDrain(res)
		}
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
	a.mu.Lock()
	var ask, probe []string
	var requests [][]byte
	for contact, item := range a.roster {
		subscribe, wants := roster.AtLogin(item)
		if subscribe {
			ask = append(ask, contact)
		}
		if wants {
			probe = append(probe, contact)
		}
		if item.PendingIn() {
			requests = append(requests, item.Request)
		}
	}
	a.mu.Unlock()
	for _, contact := range probe {
		if c := r.peekString(contact); c != nil {
			r.answerProbe(c, a, from, false, t)
		}
	}
	for _, stanza := range requests {
		from.Outlet.Deliver(t, Parcel{Head: stanza, Kept: true})
	}
	if len(ask) > 0 {
		r.askAgain(a, ask)
	}
}

// Leave ends a resource: whoever saw it hears that it is unavailable. It may be called again. RFC 6121 §4.5
func (r *Router) Leave(res *Resource, t *stream.Turn) {
	a := res.Account
	a.mu.Lock()
	if res.left {
		a.mu.Unlock()
		return
	}
	res.left = true
	was := res.view.available
	for i, other := range a.resources {
		if other == res {
			a.resources = append(a.resources[:i:i], a.resources[i+1:]...)
		}
	}
	res.hide()
	a.writeLeave(res, was)
	gone := res.takeDirected()
	a.publish()
	tell, s := a.audience(), a.snap.Load()
	a.mu.Unlock()
	p := Parcel{Head: res.fromHead, Tail: []byte(" type='unavailable'/>"), Kept: true, Lazy: true}
	if was {
		r.tell(a, s, tell, p, t)
	}
	r.tellDirected(a, res, gone, p, t)
}

// writeLeave appends the end of a session. The caller holds the lock.
func (a *Account) writeLeave(res *Resource, was bool) {
	var facts []eventlog.Fact
	if was {
		res.shown = &schemas.PresenceUpdated{Resource: res.Name, At: a.r.now()}
		facts = a.presenceFacts(res)
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
	a.mu.Lock()
	a.expectDrain(res)
	a.drain(t)
	s, available := a.snap.Load(), res.view.available
	a.mu.Unlock()
	if restored && available {
		r.arrive(res, s, t)
	}
}

// Unanswered tells the sender of an IQ request that the client it went to ended without taking it. RFC 6120 §8.2.3
func (r *Router) Unanswered(stanza []byte, t *stream.Turn) {
	f, err := frame.Parse(stanza, frame.NSClient, storedLimits)
	if err != nil || f.From == nil {
		return
	}
	to := split(f.From)
	if a := r.peek(to.Bare()); a != nil {
		if v := a.snap.Load().find(to.Bytes()); v != nil {
			v.Outlet.Deliver(t, errorStanza(&f, string(f.To), to.String(), errGone))
		}
	}
}
