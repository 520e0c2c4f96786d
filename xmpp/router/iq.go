package router

import (
	"context"
	"sync/atomic"

	"protokoll/accounts"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// IQ routes an IQ that a client sent, or answers it. It returns *Unopened as Message does. RFC 6120 §10, RFC 6121 §8
func (r *Router) IQ(from *Resource, f *frame.Frame, t *stream.Turn) error {
	kind, request := requestKind(f)
	answer := string(f.Type) == "result" || string(f.Type) == "error"
	if !request && !answer || len(f.ID) == 0 {
		r.Refuse(from, f, errInvalid, t) // RFC 6120 §8.2.3
		return nil
	}
	to, err := r.addressee(from, f)
	service := r.service(to)
	if err == nil && from.denies(features.Everything, string(to.Bytes())) {
		err = features.Blocked()
	}
	switch {
	case err != nil:
		r.Refuse(from, f, err, t)
	case service != nil:
		if request {
			r.serveAt(service, from, to, kind, f, t)
		}
	case !r.Ours(to.Domain()):
		if err := r.forward(to, f.AppendTo(nil, frame.Stamp{From: from.full, Lang: from.Lang})); err != nil {
			r.Refuse(from, f, err, t)
		}
	case !to.IsBare():
		r.routeIQ(from, to, f, request, t)
	case request:
		return r.serve(from, to, kind, f, t)
	case to.IsServer():
		r.replied(from, f)
		r.answered(from, f, t)
	}
	return nil
}

func requestKind(f *frame.Frame) (features.Kind, bool) {
	switch string(f.Type) {
	case "get":
		return features.Get, true
	case "set":
		return features.Set, true
	}
	return 0, false
}

// routeIQ hands an IQ to the resource that it names. RFC 6121 §8.5.3
func (r *Router) routeIQ(from *Resource, to Address, f *frame.Frame, request bool, t *stream.Turn) {
	if a := r.peek(to.Bare()); a != nil {
		s := a.snap.Load()
		v := s.find(to.Bytes())
		if v != nil && !s.refusesIQ(v, request, from.full) {
			p := Parcel{Head: f.AppendTo(nil, frame.Stamp{From: from.full, Lang: from.Lang}), Kept: true}
			if request {
				p.Kind = Request
			}
			if v.Outlet.Deliver(t, p) {
				return
			}
		}
	}
	r.Refuse(from, f, features.ServiceUnavailable(), t) // RFC 6121 §8.5.3.2.3
}

// serve answers a request in the name of the server or of an account. RFC 6121 §8.5.2.1.3
func (r *Router) serve(from *Resource, to Address, kind features.Kind, f *frame.Frame, t *stream.Turn) error {
	req := &features.Request{Kind: kind, From: from.full, To: to.String(), Lang: string(f.Lang), Frame: f, Session: switches{from, t}}
	switch {
	case req.To == from.Account.bare:
		req.Target, req.Account = features.Self, from.Account
		if p := f.Payload(); p != nil && string(p.Space) == roster.NS && string(p.Local) == "query" {
			return r.roster(from, kind, f, p, t)
		}
	case to.IsServer():
		req.Target = features.Server
	default:
		if err := r.aimAt(req, to); err != nil {
			r.Refuse(from, f, err, t)
			return nil
		}
	}
	r.answer(r.Registry, from, req, t)
	return nil
}

// aimAt makes a request one to somebody else's account. Who never signed in has nothing to show, and whether there is such a person
// is not said.
func (r *Router) aimAt(req *features.Request, to Address) error {
	req.Target = features.Contact
	a, err := r.Find(to)
	switch {
	case err == nil:
		req.Account = a
	case !isUnopened(err) && err != accounts.ErrNoAccount: //nolint:errorlint // as Find returns it
		return err
	}
	return nil
}

// answer asks a registry and sends what it says.
func (r *Router) answer(g *features.Registry, from *Resource, req *features.Request, t *stream.Turn) {
	reply, err := g.Serve(req)
	switch {
	case err != nil:
		r.Refuse(from, req.Frame, err, t)
	case reply.Later != nil:
		r.replyLater(from, req, reply.Later, t)
	default:
		r.reply(from, req, reply, t)
	}
}

// maxPending is how many requests of one client may wait for their replies at once, and maxForeign how many of all hosts together that
// are not ours.
const (
	maxPending = 8
	maxForeign = 64
)

// pending counts requests that wait for their replies.
type pending struct {
	now  atomic.Int32
	most int32
}

func (p *pending) begin() bool {
	if p.now.Add(1) > p.most {
		p.now.Add(-1)
		return false
	}
	return true
}

func (p *pending) end() { p.now.Add(-1) }

// replyLater answers when the reply was found. A session that ends meanwhile gets nothing.
func (r *Router) replyLater(from *Resource, req *features.Request, find func(context.Context) (features.Reply, error), t *stream.Turn) {
	if !from.pending.begin() {
		r.Refuse(from, req.Frame, features.ResourceConstraint(), t)
		return
	}
	owned := req.Frame.Clone()
	kept := &features.Request{Kind: req.Kind, Target: req.Target, From: req.From, To: req.To, Lang: req.Lang, Frame: &owned,
		Account: req.Account}
	r.work(func() {
		defer from.pending.end()
		reply, err := find(r.stopped)
		r.later.do(func(t *stream.Turn) {
			if err != nil {
				r.Refuse(from, &owned, err, t)
				return
			}
			r.reply(from, kept, reply, t)
		})
	})
}

func (r *Router) roster(from *Resource, kind features.Kind, f *frame.Frame, payload *frame.Child, t *stream.Turn) error {
	if kind == features.Set {
		return r.rosterSet(from, f, payload, t)
	}
	r.rosterGet(from, f, payload, t)
	return nil
}

// reply sends what a handler answered, and what follows from it, once its facts are on disk.
func (r *Router) reply(from *Resource, req *features.Request, reply features.Reply, t *stream.Turn) {
	if reply.After == nil {
		r.before(from, reply, t)
		r.result(from, req.Frame, reply.Payload, t)
		r.follow(from, reply, t)
		return
	}
	owned := req.Frame.Clone()
	pledge := from.Outlet.Pledge()
	pledge.Add()
	r.after(func(t *stream.Turn, err error) {
		defer pledge.Done(t)
		if err != nil {
			r.Refuse(from, &owned, err, t)
			return
		}
		r.before(from, reply, t)
		r.result(from, &owned, reply.Payload, t)
		r.follow(from, reply, t)
	}, reply.After)
}

// before sends the stanzas that a reply announces.
func (r *Router) before(from *Resource, reply features.Reply, t *stream.Turn) {
	for _, stanza := range reply.Before {
		from.Outlet.Deliver(t, Parcel{Head: stanza, Kept: true, Answer: true})
	}
}

// follow carries out what a reply brings with it.
func (r *Router) follow(from *Resource, reply features.Reply, t *stream.Turn) {
	for _, push := range reply.Pushes {
		switch push.To {
		case features.BlockList:
			from.Account.push(func(v *view) bool { return v.blockList }, push.Payload, t)
		case features.PrivacyLists:
			from.Account.push(func(v *view) bool { return v.privacy }, push.Payload, t)
		}
	}
	if reply.Blocks != nil {
		r.blocksChanged(from, reply.Blocks)
	}
	if reply.Then != nil {
		r.work(reply.Then)
	}
	for _, n := range reply.Notices {
		r.notify(n, t)
	}
	if reply.Photo {
		r.work(func() { r.photoChanged(from.Account) })
	}
}

// result answers a request. RFC 6120 §8.2.3
func (r *Router) result(from *Resource, f *frame.Frame, payload []byte, t *stream.Turn) {
	tag := frame.Tag{Name: "iq", From: string(f.To), To: from.full, ID: string(f.ID), Type: "result"}
	from.Outlet.Deliver(t, Parcel{Head: tag.AppendTo(nil, payload), Kept: true, Answer: true})
}
