package router

import (
	"protokoll/eventlog"
	"protokoll/xmpp/features"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// What block lists and privacy lists mean for stanzas. A session without an active list follows the default one, and so does
// the account while nobody is there. The block list comes before both. XEP-0016 §2.2, XEP-0191 §3.3

// denies tells whether a stanza of a kind is kept from a resource, or from going out by it.
func (s *snapshot) denies(v *view, k features.StanzaKind, jid string) bool {
	return !s.blocks.Empty() && s.blocks.Denies(v.list, k, jid)
}

// denies tells the same of a stanza that a client sent.
func (res *Resource) denies(k features.StanzaKind, jid string) bool {
	s := res.Account.snap.Load()
	if s.blocks.Empty() {
		return false
	}
	v := s.find([]byte(res.full))
	return v != nil && s.denies(v, k, jid) || s.blocks.Match(jid)
}

// refusesIQ tells whether an IQ is kept from a resource. Answers to what the owner asked come through a list that denies IQs.
func (s *snapshot) refusesIQ(v *view, request bool, from string) bool {
	kind := features.Everything
	if request {
		kind = features.IQIn
	}
	return s.denies(v, kind, from)
}

// refuses tells whether a message is kept from all resources that it may go to; with none, from the account.
func (s *snapshot) refuses(m *mail) bool {
	if s.blocks.Empty() {
		return false
	}
	if s.blocks.Match(m.from.full) {
		return true
	}
	if v := s.find(m.to.Bytes()); v != nil {
		return s.denies(v, features.MessageIn, m.from.full)
	}
	asked := false
	for i := range s.views {
		if v := &s.views[i]; v.available && v.priority >= 0 {
			if !s.denies(v, features.MessageIn, m.from.full) {
				return false
			}
			asked = true
		}
	}
	return asked || s.blocks.Denies("", features.MessageIn, m.from.full)
}

// knowContacts lets the lists see the roster as it is. The caller holds the lock.
func (a *Account) knowContacts() {
	a.blocks, a.subscribers = a.blocks.Knowing(a.acquaintances()), nil
}

// acquaintances is the roster as lists ask about it. The caller holds the lock.
func (a *Account) acquaintances() map[string]features.Acquaintance {
	known := make(map[string]features.Acquaintance, len(a.roster))
	a.contacts(func(item roster.Item) {
		subscription := "none"
		switch to, from := item.SubscribedTo(), item.SubscribedFrom(); {
		case to && from:
			subscription = "both"
		case to:
			subscription = "to"
		case from:
			subscription = "from"
		}
		known[item.Contact] = features.Acquaintance{Groups: item.Groups, Subscription: subscription}
	})
	return known
}

// audience lists who gets the presence of this resource. The caller holds the lock.
func (res *Resource) audience() []string {
	a := res.Account
	if res.view.list == "" {
		return a.audience()
	}
	var all []string
	a.contacts(func(item roster.Item) {
		if item.SubscribedFrom() && !a.blocks.Denies(res.view.list, features.PresenceOut, item.Contact) {
			all = append(all, item.Contact)
		}
	})
	return all
}

// ActiveList implements features.ListSession.
func (w switches) ActiveList() string {
	w.res.Account.mu.Lock()
	defer w.res.Account.mu.Unlock()
	return w.res.view.list
}

// SetActiveList implements features.ListSession. The session's fact keeps it: what is denied stays so after a restart.
func (w switches) SetActiveList(name string) (*eventlog.Receipt, error) {
	a := w.res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.res.view.list != name {
		w.res.view.list = name
		a.publish()
		w.res.rememberFor(w.res.Outlet.Pledge(), w.t)
	}
	return nil, nil
}

// ListInUse implements features.ListSession.
func (w switches) ListInUse(name string) (active, standing bool) {
	a := w.res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.listInUse(name, w.res)
}

// listInUse tells what sessions but one follow. The caller holds the lock.
func (a *Account) listInUse(name string, but *Resource) (active, standing bool) {
	for _, res := range a.resources {
		if res != but {
			active = active || name != "" && res.view.list == name
			standing = standing || res.view.list == ""
		}
	}
	return active, standing
}

// SetListInterest implements features.ListSession.
func (w switches) SetListInterest() {
	a := w.res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	if !w.res.view.privacy {
		w.res.view.privacy = true
		a.publish()
	}
}

// blocksChanged tells contacts that a change of a list hides the owner from, or shows again: resource by resource, since each
// may follow a list of its own. XEP-0191 §3.3, §3.4, XEP-0191 §3.4
func (r *Router) blocksChanged(from *Resource, change *features.BlockChange) {
	r.work(func() {
		a := from.Account
		a.mu.Lock()
		a.subscribers = nil
		s := a.snap.Load()
		known := a.acquaintances() // the lists of the change were read from facts, which say nothing of the roster
		change := &features.BlockChange{Before: change.Before.Knowing(known), After: change.After.Knowing(known), Switched: change.Switched, Was: change.Was}
		var moves []move
		a.contacts(func(item roster.Item) {
			if item.SubscribedFrom() {
				moves = append(moves, s.moves(from, change, item.Contact)...)
			}
		})
		a.mu.Unlock()
		t := stream.NewTurn()
		defer t.End()
		for _, m := range moves {
			r.showContact(m.contact, a.bare, m.presence, t)
		}
	})
}

// move is a presence that one contact gets because a list changed.
type move struct {
	contact  string
	presence Parcel
}

func (s *snapshot) moves(from *Resource, change *features.BlockChange, contact string) (moves []move) {
	for i := range s.views {
		v := &s.views[i]
		if !v.available || change.Switched && v.Resource != from {
			continue
		}
		was := v.list
		if change.Switched {
			was = change.Was
		}
		before := change.Before.Denies(was, features.PresenceOut, contact)
		after := change.After.Denies(v.list, features.PresenceOut, contact)
		switch {
		case before == after:
		case after:
			moves = append(moves, move{contact, Parcel{Head: v.fromHead, Tail: []byte(" type='unavailable'/>"), Kept: true, Lazy: true}})
		default:
			moves = append(moves, move{contact, v.presence})
		}
	}
	return moves
}
