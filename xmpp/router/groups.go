package router

import (
	"crypto/rand"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// Shared contact groups: items that a directory puts into rosters. They are not facts of anybody, and no roster holds them: an
// account has a pointer to what all have in common, and what its owner made is merged with it whenever somebody looks. The pointer
// is changed under the account's lock together with what its clients are told, so that a version never says more than they know.

// maxSharedPushes is how many items of one roster may change at once and be pushed. Beyond, clients see them when they ask for the
// roster again: they are not flooded because a whole faculty joined.
const maxSharedPushes = 500

// contact returns what the owner's clients see of a contact, and more: requests that wait. The caller holds the lock.
func (a *Account) contact(bare string) roster.Item {
	own := a.roster[bare]
	own.Contact = bare
	return a.merged(own)
}

// merged returns an item of the owner with what groups make of it. The caller holds the lock.
func (a *Account) merged(own roster.Item) roster.Item {
	if a.groups == nil {
		return own
	}
	return roster.Merge(own, a.groups.Item(a.bare, own.Contact))
}

// contacts calls fn with every item, those of groups included. The caller holds the lock.
func (a *Account) contacts(fn func(roster.Item)) {
	grouped := a.groups.Has(a.bare)
	for _, own := range a.roster {
		if grouped {
			own = a.merged(own)
		}
		fn(own)
	}
	a.groups.Each(a.bare, func(item roster.Item) {
		if _, own := a.roster[item.Contact]; !own {
			fn(item)
		}
	})
}

// withGroups adds to those who get the presence those who do because of groups. They are not kept: with them, two thousand people
// in one group would hold four million addresses. The caller holds the lock.
func (a *Account) withGroups(own []string) []string {
	all := own[:len(own):len(own)]
	a.groups.Each(a.bare, func(item roster.Item) {
		if item.SubscribedFrom() && !a.roster[item.Contact].SubscribedFrom() && !a.blocks.Denies("", features.PresenceOut, item.Contact) {
			all = append(all, item.Contact)
		}
	})
	return all
}

// rosterVersion names the roster as clients see it. The caller holds the lock.
func (a *Account) rosterVersion() string { return a.version.Plus(a.groups.Version(a.bare)).String() }

// shownByGroups tells whether a contact sees the owner's presence whatever the owner's roster says.
func (a *Account) shownByGroups(contact string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.groups.Item(a.bare, contact).SubscribedFrom()
}

// errShared is the answer to who wants to take somebody out of the roster whom the directory puts there. Clients show its text.
var errShared = features.NotAcceptable("this contact belongs to a group of the organisation and cannot be removed")

// setShared handles a roster set of a contact that groups put into the roster. It returns true if it has answered; else the change
// is what remains to be stored: a name and groups of the owner's own. RFC 6121 §2.3, §2.5
func (r *Router) setShared(from *Resource, f *frame.Frame, change *roster.Change, t *stream.Turn) bool {
	a := from.Account
	a.mu.Lock()
	err := a.loadRoster()
	shared := a.groups.Item(a.bare, change.Contact)
	own, seen, version := a.roster[change.Contact], a.contact(change.Contact), a.rosterVersion()
	a.mu.Unlock()
	switch {
	case err != nil || !shared.Listed:
		return false // what is wrong is said by who goes on
	case change.Event.Kind == roster.Remove:
		if own.Listed {
			return false
		}
		r.Refuse(from, f, errShared, t)
		return true
	}
	ev, said := roster.Own(change.Event, shared)
	if !said && !own.Listed {
		// RFC 6121 §2.3.2: the client waits for a push.
		r.result(from, f, nil, t)
		a.sendPush(a.queuePush(roster.AppendPush(nil, version, seen)), t)
		return true
	}
	change.Event = ev
	return false
}

// subscribedByGroups handles a stanza about a subscription that groups have decided. It returns true if nothing is left to do.
func (r *Router) subscribedByGroups(from *Resource, contact string, kind roster.Type, t *stream.Turn) bool {
	a := from.Account
	a.mu.Lock()
	if a.loadRoster() != nil {
		a.mu.Unlock()
		return false
	}
	shared, own := a.groups.Item(a.bare, contact), a.roster[contact]
	a.mu.Unlock()
	switch {
	case kind == roster.Subscribe && shared.SubscribedTo() && !own.SubscribedTo():
		// As the contact's server answers who is subscribed already. RFC 6121 §3.1.3
		tag := frame.Tag{Name: "presence", From: contact, To: a.bare, Type: string(roster.Subscribed)}
		from.Outlet.Deliver(t, Parcel{Head: tag.AppendTo(nil, nil), Kept: true, Answer: true})
		return true
	case kind == roster.Subscribed && shared.SubscribedFrom() && !own.PendingIn() && !own.SubscribedFrom():
		return true
	}
	return false
}

// SetShared replaces the shared groups. Clients that follow their rosters get pushes, and when all accounts know of the change
// presence flows or ends accordingly: whoever is shown to somebody is in their roster by then. It returns when that is under way.
func (r *Router) SetShared(next *roster.Shared) {
	r.regrouping.Lock()
	defer r.regrouping.Unlock()
	r.shared.Store(next)
	type moved struct {
		a      *Account
		before *roster.Shared
	}
	var all []moved
	for _, a := range r.inMemory() {
		r.Guard(func() {
			if before, changed := r.regroup(a, next); changed {
				all = append(all, moved{a, before})
			}
		})
	}
	for _, m := range all {
		r.Guard(func() { r.showGroups(m.a, m.before) })
	}
}

// regroup lets one account and its clients' rosters follow. It returns what there was, and whether clients may see a difference.
func (r *Router) regroup(a *Account, next *roster.Shared) (before *roster.Shared, changed bool) {
	a.mu.Lock()
	before = a.groups
	a.groups = next
	if before.Version(a.bare) == next.Version(a.bare) {
		a.mu.Unlock()
		return before, false
	}
	if a.blocks.Looks() {
		a.knowContacts()
		a.publish()
	}
	var pushes []*rosterPush
	if changed = len(a.resources) > 0 && a.rosterLoaded; changed {
		pushes = a.queueGroups(a.differences(before).items)
	}
	a.mu.Unlock()
	t := stream.NewTurn()
	defer t.End()
	for _, push := range pushes {
		a.sendPush(push, t)
	}
	return before, changed
}

// queueGroups lines pushes up. The caller holds the lock.
func (a *Account) queueGroups(items []roster.Item) (pushes []*rosterPush) {
	if len(items) > maxSharedPushes {
		return nil
	}
	for i, item := range items {
		// Who has seen only some of them must not believe that it has all. RFC 6121 §2.6.3
		version := rand.Text()
		if i == len(items)-1 {
			version = a.rosterVersion()
		}
		pushes = append(pushes, a.queuePush(roster.AppendPush(nil, version, item)))
	}
	return pushes
}

// showGroups shows the presence of one account to those who see it now, and takes it from those who do not any more. Its clients
// are sent what they ask for of whom they see now.
func (r *Router) showGroups(a *Account, before *roster.Shared) {
	a.mu.Lock()
	d, views := a.differences(before), a.snap.Load().views
	a.mu.Unlock()
	t := stream.NewTurn()
	defer t.End()
	for _, contact := range d.shown {
		r.showTo(a, contact, true, t)
	}
	for _, contact := range d.gone {
		r.showTo(a, contact, false, t)
	}
	for i := range views {
		for _, contact := range d.seen {
			if v := &views[i]; v.available && v.notify != nil {
				r.showNewestOf(contact, v.Resource, v.notify, t)
			}
		}
	}
}

// regrouped is what a change of groups is for one account.
type regrouped struct {
	items       []roster.Item // that look otherwise
	shown, gone []string      // who sees the owner now, and who does not any more
	seen        []string      // whom the owner sees now
}

// differences compares with what groups were before. The caller holds the lock.
func (a *Account) differences(before *roster.Shared) (d regrouped) {
	compare := func(contact string) {
		own := a.roster[contact]
		own.Contact = contact
		was, is := roster.Merge(own, before.Item(a.bare, contact)), a.merged(own)
		if !roster.SameToClients(was, is) {
			d.items = append(d.items, is)
		}
		if is.SubscribedTo() && !was.SubscribedTo() {
			d.seen = append(d.seen, contact)
		}
		switch {
		case was.SubscribedFrom() == is.SubscribedFrom(), a.blocks.Denies("", features.PresenceOut, contact):
		case is.SubscribedFrom():
			d.shown = append(d.shown, contact)
		default:
			d.gone = append(d.gone, contact)
		}
	}
	a.groups.Each(a.bare, func(item roster.Item) { compare(item.Contact) })
	before.Each(a.bare, func(item roster.Item) {
		if is := a.groups.Item(a.bare, item.Contact); !is.Listed && !is.SubscribedFrom() {
			compare(item.Contact)
		}
	})
	return d
}
