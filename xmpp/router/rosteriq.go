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
	now := a.version.String()
	if versioned && ver == now {
		r.result(from, f, nil, t)
		return
	}
	items := make([]roster.Item, 0, len(a.roster))
	for _, item := range a.roster {
		items = append(items, item)
	}
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

// push plans a roster push to every resource that follows the roster. RFC 6121 §2.1.6
func (p *plan) push(a *Account, payload []byte) {
	if payload != nil {
		p.then(func(t *stream.Turn) {
			a.push(func(v *view) bool { return v.interested }, payload, t)
		})
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
