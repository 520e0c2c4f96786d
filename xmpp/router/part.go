package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"protokoll/accounts"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// Parting is what one contact must be told when an account is erased, as if the owner had removed the roster item.
// RFC 6121 §2.5.2
type Parting struct {
	Contact     string // bare JID
	Kinds       []roster.Type
	Unavailable bool // the contact was shown the owner's presence
	Here        bool // an address of ours
}

// Partings lists what the contacts of an account must be told, requests that wait on either side included.
func (r *Router) Partings(who accounts.Account) ([]Parting, error) {
	a := r.hold(who)
	defer a.mu.Unlock()
	if err := a.loadRoster(); err != nil {
		return nil, err
	}
	var all []Parting
	for _, contact := range slices.Sorted(maps.Keys(a.roster)) {
		p := Parting{Contact: contact, Here: r.Ours(split([]byte(contact)).Domain())}
		item := a.roster[contact]
		if item.SubscribedTo() || item.Ask {
			p.Kinds = append(p.Kinds, roster.Unsubscribe)
		}
		if item.SubscribedFrom() || item.PendingIn() {
			p.Kinds = append(p.Kinds, roster.Unsubscribed)
			p.Unavailable = item.SubscribedFrom()
		}
		if len(p.Kinds) > 0 {
			all = append(all, p)
		}
	}
	return all, nil
}

// Part changes the rosters of contacts of ours, whether they are online or not, with pushes to their sessions, and returns when
// that is on disk. It may be repeated: what is so already changes nothing. Whom a contact blocks makes no difference to the
// contact's roster; then no stanza is delivered. XEP-0191 §3.3
func (r *Router) Part(ctx context.Context, owner string, all []Parting) error {
	p := &plan{r: r}
	for _, parting := range all {
		if !parting.Here {
			continue
		}
		for _, kind := range parting.Kinds {
			if err := p.part(owner, parting.Contact, kind); err != nil {
				return fmt.Errorf("tell a contact of an erasure: %w", err)
			}
		}
	}
	p.run(nil, func(*stream.Turn, error) {})
	for _, rc := range p.receipts {
		if err := rc.Wait(ctx); err != nil {
			return fmt.Errorf("tell a contact of an erasure: %w", err)
		}
	}
	return nil
}

// Stanza is what is sent to a contact on another server.
func (parting Parting) Stanza(owner string, kind roster.Type) []byte {
	tag := frame.Tag{Name: "presence", From: owner, To: parting.Contact, Type: string(kind)}
	return tag.AppendTo(nil, nil)
}

// part applies what the owner's side says to the contact's side.
func (p *plan) part(owner, contact string, kind roster.Type) error {
	c, err := p.r.Find(split([]byte(contact)))
	if errors.Is(err, accounts.ErrNoAccount) || isUnopened(err) {
		return nil
	}
	if err != nil {
		return err
	}
	event, _ := roster.Inbound(kind)
	res, push, err := p.apply(c, owner, roster.Event{Kind: event})
	if errors.Is(err, accounts.ErrNoAccount) { // it is being erased too
		return nil
	}
	if err != nil {
		return err
	}
	if res.Route && !c.blocking(owner) {
		stanza := Parting{Contact: contact}.Stanza(owner, kind)
		p.then(func(t *stream.Turn) { c.deliverSubscription(kind, stanza, t) })
	}
	p.push(c, push)
	return nil
}
