package router

import (
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// What comes from hosts that are not ours. Its sender is handled as a resource of an account that has nothing: no facts, no block list,
// no other clients.

// foreigner returns the sender of one stanza.
func (r *Router) foreigner(from Address, via Remote) *Resource {
	a := &Account{r: r, bare: string(from.Bare())}
	a.toAttr = toAttribute(a.bare)
	a.snap.Store(&snapshot{})
	return &Resource{Account: a, Outlet: wayOut{via}, full: from.String(), pending: &r.foreign}
}

// wayOut is the outlet of a foreigner.
type wayOut struct{ via Remote }

// Deliver implements Outlet.
func (o wayOut) Deliver(_ *stream.Turn, p Parcel) bool {
	return o.via.Deliver(p.Head, p.Mid, p.Tail) == nil
}

// Acks implements Outlet: what was delivered is out of our hands.
func (wayOut) Acks() bool { return false }

// Slow implements Outlet.
func (wayOut) Slow() bool { return false }

// Stored implements Outlet.
func (wayOut) Stored(*Duty) {}

// Duties implements Outlet.
func (wayOut) Duties(func(*Duty)) {}

// Pledge implements Outlet: nobody acknowledges stanzas here.
func (wayOut) Pledge() *Pledge { return nil }

// Replaced implements Outlet.
func (wayOut) Replaced(*stream.Turn) {}

// Expelled implements Outlet.
func (wayOut) Expelled(*stream.Turn, *stream.Error) {}

// FromRemote routes a stanza from a host that is not ours; via leads back there. Whoever calls it has made sure that from is an
// address of that host. It returns *Unopened as Message does, and a *stream.Error for a stanza without a recipient. RFC 6120 §8.1.1.2
func (r *Router) FromRemote(from Address, via Remote, f *frame.Frame, t *stream.Turn) error {
	s := r.foreigner(from, via)
	if f.To == nil {
		return &stream.Error{Condition: stream.ImproperAddressing}
	}
	to, err := ParseAddress(f.To)
	switch {
	case err != nil:
		r.Refuse(s, f, err, t)
		return nil
	case f.Streams: // could be taken for the server's own word
		r.Refuse(s, f, features.BadRequest(""), t)
		return nil
	}
	switch f.Name {
	case frame.Message:
		return r.Message(s, f, t)
	case frame.Presence:
		return r.foreignPresence(s, to, f, t)
	}
	return r.foreignIQ(s, to, f, t)
}

// foreignPresence handles presence from elsewhere. RFC 6121 §4.3.2, §4.4.2, §3.1.3
func (r *Router) foreignPresence(from *Resource, to Address, f *frame.Frame, t *stream.Turn) error {
	features.DropForged(f, r.oursText)
	if !r.Ours(to.Domain()) {
		if err := r.forward(to, f.AppendTo(nil, frame.Stamp{From: from.full})); err != nil {
			r.Refuse(from, f, err, t)
		}
		return nil
	}
	switch kind := string(f.Type); kind {
	case "", "unavailable", "error":
		r.hand(from, to, Parcel{Head: f.AppendTo(nil, frame.Stamp{From: from.full}), Kept: true}, t)
	case "subscribe", "subscribed", "unsubscribe", "unsubscribed":
		return r.foreignSubscription(from, to, roster.Type(kind), f, t)
	case "probe":
		return r.probed(from, f, t)
	default:
		r.Refuse(from, f, errInvalid, t) // RFC 6121 §4.7.1
	}
	return nil
}

// foreignSubscription applies the half of a subscription that lies here. RFC 6121 §3
func (r *Router) foreignSubscription(from *Resource, to Address, kind roster.Type, f *frame.Frame, t *stream.Turn) error {
	if _, err := r.Find(to); isUnopened(err) {
		return err
	}
	contact, owned := string(to.Bare()), f.Clone()
	p := &plan{r: r}
	p.inbound(from.Account.bare, contact, kind, owned.AppendTo(nil, frame.Stamp{From: from.Account.bare, To: contact}))
	p.run(from, func(t *stream.Turn, err error) { r.Refuse(from, &owned, err, t) })
	return nil
}

// foreignIQ routes or answers an IQ from elsewhere. RFC 6121 §8.5
func (r *Router) foreignIQ(from *Resource, to Address, f *frame.Frame, t *stream.Turn) error {
	kind, request := requestKind(f)
	answer := string(f.Type) == "result" || string(f.Type) == "error"
	switch {
	case !request && !answer || len(f.ID) == 0:
		r.Refuse(from, f, errInvalid, t) // RFC 6120 §8.2.3
	case r.service(to) != nil:
		r.Refuse(from, f, features.ServiceUnavailable(), t) // services are for accounts
	case !r.Ours(to.Domain()):
		if err := r.forward(to, f.AppendTo(nil, frame.Stamp{From: from.full})); err != nil {
			r.Refuse(from, f, err, t)
		}
	case !to.IsBare():
		r.routeIQ(from, to, f, request, t)
	case request:
		r.serveForeigner(from, to, kind, f, t)
	case to.IsServer():
		r.replied(from, f)
	}
	return nil
}

// openToAll are the questions about the server itself that strangers may ask.
var openToAll = map[string]bool{
	features.NSDiscoInfo: true, features.NSDiscoItems: true, "urn:xmpp:ping": true, "jabber:iq:version": true, "urn:xmpp:time": true,
	"jabber:iq:last": true,
}

// serveForeigner answers a request in the name of the server or of an account.
func (r *Router) serveForeigner(from *Resource, to Address, kind features.Kind, f *frame.Frame, t *stream.Turn) {
	req := &features.Request{Kind: kind, Target: features.Server, From: from.full, To: to.String(), Lang: string(f.Lang), Frame: f}
	p := f.Payload()
	if to.IsServer() && (p == nil || !openToAll[string(p.Space)]) {
		r.Refuse(from, f, features.ServiceUnavailable(), t)
		return
	}
	if !to.IsServer() {
		if err := r.aimAt(req, to); err != nil {
			r.Refuse(from, f, err, t)
			return
		}
	}
	r.answer(r.Registry, from, req, t)
}
