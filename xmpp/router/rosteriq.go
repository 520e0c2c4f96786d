package router

import (
	"strconv"
	"sync/atomic"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// rosterGet answers with the roster, or with nothing if the client has it already, and notes that the client follows it.
// RFC 6121 §2.1.3, §2.2, §2.6
func (r *Router) rosterGet(from *Resource, f *frame.Frame, payload *frame.Child, t *stream.Turn) {
	ver, versioned, err := roster.ParseGet(payload.Raw)
	if err != nil {
		r.Refuse(from, f, err, t)
		return
	}
	a := from.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.loadRoster(); err != nil {
		r.Refuse(from, f, err, t)
		return
	}
	if !from.view.interested {
		from.view.interested = true
		a.publish()
		from.rememberFor(from.Outlet.Pledge(), t)
	}
	now := a.rosterVersion()
	if versioned && ver == now {
		r.result(from, f, nil, t)
		return
	}
	items := make([]roster.Item, 0, len(a.roster))
	a.contacts(func(item roster.Item) { items = append(items, item) })
	if !versioned {
		now = ""
	}
	r.result(from, f, roster.AppendQuery(nil, now, items...), t)
}

// rosterSet changes one item. RFC 6121 §2.3, §2.4, §2.5
func (r *Router) rosterSet(from *Resource, f *frame.Frame, payload *frame.Child, t *stream.Turn) error {
	change, err := roster.ParseSet(payload.Raw)
	if err == nil && change.Contact == from.Account.bare {
		err = features.NotAllowed() // nobody is in the own roster
	}
	if err != nil {
		r.Refuse(from, f, err, t)
		return nil
	}
	if settled := r.setShared(from, f, &change, t); settled {
		return nil
	}
	if change.Event.Kind == roster.Remove {
		if _, err := r.Find(split([]byte(change.Contact))); isUnopened(err) {
			return err
		}
	}
	p := &plan{r: r}
	if err := p.outbound(from.Account, change.Contact, change.Event, "", nil); err != nil {
		r.Refuse(from, f, refusedRoster(err), t)
		return nil
	}
	owned := f.Clone()
	p.effects = append([]func(*stream.Turn){func(t *stream.Turn) { r.result(from, &owned, nil, t) }}, p.effects...)
	p.run(from, func(t *stream.Turn, err error) { r.Refuse(from, &owned, err, t) })
	return nil
}

// pushes numbers the IQs that the server sends.
var pushes atomic.Uint64

// pushID returns a new id for an IQ of the server.
func pushID() string { return "p" + strconv.FormatUint(pushes.Add(1), 36) }

// rosterPush is a push that waits for its fact. Pushes of one account leave in the order of their facts, whatever plans they
// belong to: the last one that a client gets must be what is so.
type rosterPush struct {
	payload []byte // nil: it came to nothing
	ready   bool
}

// queuePush lines a push up. The caller holds the account's lock, and has just appended the fact.
func (a *Account) queuePush(payload []byte) *rosterPush {
	a.pushMu.Lock()
	defer a.pushMu.Unlock()
	push := &rosterPush{payload: payload}
	a.pushes = append(a.pushes, push)
	return push
}

// sendPush lets a push go, and those behind it that were waiting for it. RFC 6121 §2.1.6
func (a *Account) sendPush(push *rosterPush, t *stream.Turn) {
	a.pushMu.Lock()
	defer a.pushMu.Unlock()
	push.ready = true
	for len(a.pushes) > 0 && a.pushes[0].ready {
		if payload := a.pushes[0].payload; payload != nil {
			a.push(func(v *view) bool { return v.interested }, payload, t)
		}
		a.pushes = a.pushes[1:]
	}
	if len(a.pushes) == 0 {
		a.pushes = nil
	}
}

// push plans a roster push to every resource that follows the roster.
func (p *plan) push(a *Account, push *rosterPush) {
	if push != nil {
		p.then(func(t *stream.Turn) { a.sendPush(push, t) })
	}
}

// push sends an IQ set to resources of the account.
func (a *Account) push(to func(*view) bool, payload []byte, t *stream.Turn) {
	s := a.snap.Load()
	for i := range s.views {
		if v := &s.views[i]; to(v) {
			tag := frame.Tag{Name: "iq", To: v.full, ID: pushID(), Type: "set"}
			v.Outlet.Deliver(t, Parcel{Head: tag.AppendTo(nil, payload), Kept: true})
		}
	}
}
