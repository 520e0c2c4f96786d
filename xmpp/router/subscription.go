package router

import (
	"errors"
	"fmt"
	"log/slog"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// loadRoster opens the roster. The caller holds the lock.
func (a *Account) loadRoster() error {
	if a.rosterLoaded {
		return nil
	}
	facts, err := a.r.State.Facts(a.owner.ID(), schemas.Family_ROSTER_FACTS)
	if err != nil {
		return fmt.Errorf("read roster: %w", err)
	}
	key := a.owner.MAC("roster version")
	a.hasher = roster.NewHasher(key[:])
	a.roster, a.version, a.requests, a.subscribers = make(map[string]roster.Item, len(facts)), roster.Version{}, 0, nil
	for _, f := range facts {
		m, err := a.open(f)
		if err != nil {
			return err
		}
		if fact, ok := m.(*schemas.RosterItem); ok {
			a.replace(roster.FromFact(fact))
		}
	}
	a.rosterLoaded = true
	return nil
}

// replace puts an item into the live roster. The caller holds the lock.
func (a *Account) replace(item roster.Item) {
	before := a.roster[item.Contact]
	a.version = a.hasher.Change(a.version, before, item)
	if before.PendingIn() {
		a.requests--
	}
	if item.PendingIn() {
		a.requests++
	}
	if before.SubscribedFrom() != item.SubscribedFrom() {
		a.subscribers = nil
	}
	if item.Exists() {
		a.roster[item.Contact] = item
	} else {
		delete(a.roster, item.Contact)
	}
}

// plan gathers what follows from one change of a roster, at both sides. Facts are enqueued at once, for one account after
// the other; effects leave when all of them are on disk.
type plan struct {
	r        *Router
	receipts []*eventlog.Receipt
	changed  []*Account
	pushes   []ownPush
	effects  []func(*stream.Turn)
}

// ownPush is a push of an account.
type ownPush struct {
	a    *Account
	push *rosterPush
}

func (p *plan) then(fn func(*stream.Turn)) { p.effects = append(p.effects, fn) }

// errRosterFull is returned when a roster holds as many items as it may.
var errRosterFull = errors.New("roster full")

// apply applies an event to one side: the fact is enqueued. The push is the caller's to plan; nil if none is due.
func (p *plan) apply(a *Account, contact string, ev roster.Event) (res roster.Result, push *rosterPush, err error) {
	for !a.lock() {
		if a, err = p.r.Find(split([]byte(a.bare))); err != nil {
			return res, nil, err
		}
	}
	defer a.mu.Unlock()
	if a.shut.Load() {
		return res, nil, accounts.ErrNoAccount
	}
	if err := a.loadRoster(); err != nil {
		return res, nil, err
	}
	cur, known := a.roster[contact]
	cur.Contact = contact
	res, err = roster.Apply(cur, ev)
	if err == nil && !res.Changed && a.lastRoster != nil {
		// What is so already may be so since a moment ago: it is told when that is on disk.
		p.receipts = append(p.receipts, a.lastRoster)
	}
	if err != nil || !res.Changed && !res.Push {
		return res, nil, err
	}
	if !known && len(a.roster) >= p.r.Limits.RosterItems || a.tooManyRequests(cur, res.Item) {
		return roster.Result{Item: cur}, nil, errRosterFull
	}
	if res.Changed {
		a.replace(res.Item)
		if a.blocks.Looks() {
			a.knowContacts()
			a.publish()
		}
		fact := eventlog.Set(contact, res.Item.Fact())
		if !res.Item.Exists() {
			fact = eventlog.End(schemas.Family_ROSTER_FACTS, contact)
		}
		a.lastRoster, a.rosterAt = a.append(causeOf(ev.Kind), fact), p.r.Clock()
		p.receipts = append(p.receipts, a.lastRoster)
		p.changed = append(p.changed, a)
	}
	if res.Push {
		push = a.queuePush(roster.AppendPush(nil, a.rosterVersion(), a.merged(res.Item)))
		p.pushes = append(p.pushes, ownPush{a, push})
	}
	return res, push, nil
}

func (a *Account) tooManyRequests(before, after roster.Item) bool {
	return after.PendingIn() && !before.PendingIn() && a.requests >= a.r.Limits.Requests
}

func causeOf(k roster.Kind) schemas.Cause {
	switch k {
	case roster.InSubscribe, roster.InSubscribed, roster.InUnsubscribe, roster.InUnsubscribed:
		return schemas.Cause_CONTACT
	}
	return schemas.Cause_CLIENT
}

// run lets the effects follow the facts. A failed append is answered to the client that asked, if one did, when the rosters
// are again what is on disk.
func (p *plan) run(from *Resource, refused func(t *stream.Turn, err error)) {
	var pledge *Pledge
	if from != nil {
		pledge = from.Outlet.Pledge()
		pledge.Add()
	}
	p.r.after(func(t *stream.Turn, err error) {
		if err != nil {
			p.r.work(func() { p.fail(pledge, refused, err) })
			return
		}
		for _, effect := range p.effects {
			effect(t)
		}
		pledge.Done(t)
	}, p.receipts...)
}

func (p *plan) fail(pledge *Pledge, refused func(t *stream.Turn, err error), err error) {
	p.r.Logger.Warn("roster change not stored", slog.Any("error", err))
	pledge.Refuse()
	for _, a := range p.changed {
		a.reload()
	}
	p.r.Later(func(t *stream.Turn) {
		for _, o := range p.pushes {
			o.push.payload = nil
			o.a.sendPush(o.push, t)
		}
		refused(t, err)
		pledge.Done(t)
	})
}

// subscription handles a presence stanza about subscriptions that a client sent. RFC 6121 §3
func (r *Router) subscription(from *Resource, kind roster.Type, f *frame.Frame, t *stream.Turn) error {
	if f.To == nil {
		r.turnDown(from, f, errInvalid, t)
		return nil
	}
	to, err := ParseAddress(f.To)
	switch {
	case err == nil && r.leads(to):
	case err == nil && !r.Ours(to.Domain()):
		err = ErrNotOurs
	case err == nil && (string(to.Bare()) == from.Account.bare || len(to.Localpart()) == 0):
		err = features.NotAllowed() // nobody subscribes to oneself
	}
	if err == nil && from.denies(features.Everything, string(to.Bare())) {
		err = features.Blocked()
	}
	if err != nil {
		r.turnDown(from, f, err, t)
		return nil
	}
	switch _, err = r.Find(to); {
	case isUnopened(err):
		return err
	case errors.Is(err, ErrUndecided): // recorded here and lost there otherwise
		r.turnDown(from, f, err, t)
		return nil
	}
	if r.subscribedByGroups(from, string(to.Bare()), kind, t) {
		return nil
	}
	contact, owned := string(to.Bare()), f.Clone()
	features.DropForged(&owned, r.oursText)
	// RFC 6121 §3.1.2: both addresses are bare on the way to the contact.
	stanza := owned.AppendTo(nil, frame.Stamp{From: from.Account.bare, To: contact, Lang: from.Lang})
	p := &plan{r: r}
	event, _ := roster.Outbound(kind)
	if err := p.outbound(from.Account, contact, roster.Event{Kind: event}, kind, stanza); err != nil {
		r.turnDown(from, f, refusedRoster(err), t)
		return nil
	}
	p.run(from, func(t *stream.Turn, err error) { r.Refuse(from, &owned, err, t) })
	return nil
}

func refusedRoster(err error) error {
	if errors.Is(err, errRosterFull) {
		return features.LimitReached()
	}
	return err
}

// outbound applies what the owner decided, first to the owner's side, then to the contact's.
func (p *plan) outbound(a *Account, contact string, ev roster.Event, kind roster.Type, stanza []byte) error {
	res, push, err := p.apply(a, contact, ev)
	if err != nil {
		return err
	}
	p.push(a, push)
	if res.Route {
		p.inbound(a.bare, contact, kind, stanza)
	}
	p.follow(a, contact, res)
	return nil
}

// follow plans what the server sends in the owner's name.
func (p *plan) follow(a *Account, contact string, res roster.Result) {
	for _, kind := range res.Send {
		tag := frame.Tag{Name: "presence", From: a.bare, To: contact, Type: string(kind)}
		p.inbound(a.bare, contact, kind, tag.AppendTo(nil, nil))
	}
	if res.SendPresence {
		p.then(func(t *stream.Turn) { p.r.showTo(a, contact, true, t) })
	}
	if res.SendUnavailable && !a.shownByGroups(contact) {
		p.then(func(t *stream.Turn) { p.r.showTo(a, contact, false, t) })
	}
}

// inbound applies a stanza of an owner to the contact's side. Whether there is such an account, and whether it blocks the
// owner, makes no difference to the owner. RFC 6121 §3.1.3, XEP-0191 §3.3
func (p *plan) inbound(owner, contact string, kind roster.Type, stanza []byte) {
	to := split([]byte(contact))
	if !p.r.Ours(to.Domain()) {
		p.then(func(*stream.Turn) { _ = p.r.forward(to, stanza) }) // asked again at the next sign-in: RFC 6121 §3.1.2
		return
	}
	c, err := p.r.Find(to)
	if err != nil {
		if !errors.Is(err, accounts.ErrNoAccount) && !isUnopened(err) {
			p.r.Logger.Error("subscription not delivered", slog.Any("error", err))
		}
		return
	}
	if c.blocking(owner) {
		return
	}
	event, _ := roster.Inbound(kind)
	res, push, err := p.apply(c, owner, roster.Event{Kind: event, Request: stanza})
	if err != nil {
		return // full: as if it were not answered
	}
	if res.Route {
		p.then(func(t *stream.Turn) { c.deliverSubscription(kind, stanza, t) })
	}
	p.push(c, push) // behind the stanza: RFC 6121 §3.1.6
	p.follow(c, owner, res)
}

// blocking tells whether an account, perhaps one without a session, blocks an address.
func (a *Account) blocking(jid string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.loadBlocks() == nil && a.blocks.Denies("", features.Everything, jid)
}

// deliverSubscription hands a stanza to the owner's resources: a request to the available ones, the rest to who follows the
// roster. RFC 6121 §3.1.3, §3.1.6
func (a *Account) deliverSubscription(kind roster.Type, stanza []byte, t *stream.Turn) {
	s := a.snap.Load()
	for i := range s.views {
		v := &s.views[i]
		if kind == roster.Subscribe && v.available || kind != roster.Subscribe && v.interested {
			v.Outlet.Deliver(t, Parcel{Head: stanza, Kept: true})
		}
	}
}

// showTo sends a contact the presence of each available resource, or that each is unavailable. RFC 6121 §3.1.5, §3.2.2
func (r *Router) showTo(a *Account, contact string, available bool, t *stream.Turn) {
	s := a.snap.Load()
	for i := range s.views {
		v := &s.views[i]
		if !v.available {
			continue
		}
		p := v.presence
		if available && s.denies(v, features.PresenceOut, contact) {
			continue
		}
		if !available {
			p = Parcel{Head: v.fromHead, Tail: []byte(" type='unavailable'/>"), Kept: true, Lazy: true}
		}
		r.showContact(contact, a.bare, p, t)
	}
}
