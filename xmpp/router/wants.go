package router

import (
	"crypto/rand"

	"protokoll/xmpp/caps"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// What the clients of this server want to be notified of: learnt from the capabilities in their presence. XEP-0115 §6.2

// question is a disco#info request of ours that a client has not answered.
type question struct {
	id    string
	claim caps.Claim
}

// claims takes over the capabilities that an available presence claims. It returns what the client is to be asked, nil if that is
// known. The caller holds the lock, and publishes.
func (res *Resource) claims(f *frame.Frame) *question {
	claim, ok := caps.Of(f)
	switch {
	case !ok:
		res.claim, res.question, res.view.notify = caps.Claim{}, nil, nil
		return nil
	case claim == res.claim:
		return nil // nothing new, or asked already
	}
	res.claim, res.question = claim, nil
	if n, known := res.Account.r.capabilities.Get(claim); known && claim.Verifiable() {
		res.view.notify = n
		return nil
	}
	res.view.notify = nil
	res.question = &question{id: "caps-" + rand.Text(), claim: claim}
	return res.question
}

// askCapabilities asks a client what its hash stands for. XEP-0115 §6.2
func (r *Router) askCapabilities(to *Resource, q *question, t *stream.Turn) {
	if q == nil {
		return
	}
	b := append([]byte("<query xmlns='"+features.NSDiscoInfo+"' node='"), frame.AppendEscaped(nil, q.claim.Query())...)
	_, domain, _ := cutAt(to.Account.bare)
	tag := frame.Tag{Name: "iq", From: domain, To: to.full, ID: q.id, Type: "get"}
	to.Outlet.Deliver(t, Parcel{Head: tag.AppendTo(nil, append(b, "'/>"...)), Kept: true})
}

// answered takes an answer to a question of ours, and shows the client what it did not get without it. Answers that nobody waits
// for are not looked at.
func (r *Router) answered(from *Resource, f *frame.Frame, t *stream.Turn) {
	wanted := from.learn(f)
	if wanted != nil {
		r.showNewest(from, wanted, t)
	}
}

// learn takes over what a client wants. It returns nil unless it is available and wants something.
func (res *Resource) learn(f *frame.Frame) *features.Notify {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	q := res.question
	if q == nil || res.left || q.id != string(f.ID) {
		return nil
	}
	res.question = nil
	p := f.Child(features.NSDiscoInfo, "query")
	if string(f.Type) != "result" || p == nil {
		return nil
	}
	info, err := caps.Read(p.Raw)
	if err != nil {
		return nil
	}
	// A wrong hash counts for this client alone: what it wants is its own business. XEP-0115 §5.4
	a.r.capabilities.Put(q.claim, info)
	res.view.notify = info.Notify()
	a.publish()
	if !res.view.available {
		return nil
	}
	return res.view.notify
}

// recall finds out again what a client wants whose session was restored after a restart.
func (r *Router) recall(res *Resource, t *stream.Turn) {
	q, wanted := res.recall()
	r.askCapabilities(res, q, t)
	r.showNewest(res, wanted, t)
}

func (res *Resource) recall() (*question, *features.Notify) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	p := res.view.presence
	f, err := frame.Parse(append(append([]byte(nil), p.Head...), p.Tail...), frame.NSClient, storedLimits)
	if err != nil || res.left {
		return nil, nil
	}
	q := res.claims(&f)
	a.publish()
	return q, res.view.notify
}
