package roster

import (
	"slices"

	"protokoll/schemas"
)

// Item is what the owner of a roster remembers about one contact. Values are shared by snapshots: a changed item gets new
// slices, never new elements in old ones.
type Item struct {
	Contact      string // bare JID
	Name         string
	Groups       []string // sorted, without duplicates
	Subscription schemas.Subscription
	Ask          bool   // pending out. RFC 6121 §2.1.2.2
	Approved     bool   // pre-approved. RFC 6121 §3.4
	Request      []byte // pending in: the whole <presence type='subscribe'/>. RFC 6121 §3.1.3
	Listed       bool   // part of the roster that clients see
}

// FromFact returns the item that a fact states.
func FromFact(f *schemas.RosterItem) Item {
	return Item{
		Contact: f.GetContact(), Name: f.GetName(), Groups: f.GetGroups(), Subscription: f.GetSubscription(),
		Ask: f.GetAsk(), Approved: f.GetApproved(), Request: f.GetRequest(), Listed: f.GetListed(),
	}
}

// Fact returns the fact that states the item. Its entity is the contact's bare JID.
func (i Item) Fact() *schemas.RosterItem {
	return &schemas.RosterItem{
		Contact: i.Contact, Name: i.Name, Groups: i.Groups, Subscription: i.Subscription,
		Ask: i.Ask, Approved: i.Approved, Request: i.Request, Listed: i.Listed,
	}
}

// Exists tells whether there is anything to remember.
func (i Item) Exists() bool { return i.Listed || i.PendingIn() }

// PendingIn tells whether the contact waits for an answer. RFC 6121 §2.1.2.5
func (i Item) PendingIn() bool { return len(i.Request) > 0 }

// SubscribedTo tells whether the owner gets the contact's presence: subscription "to" or "both".
func (i Item) SubscribedTo() bool {
	return i.Subscription == schemas.Subscription_TO || i.Subscription == schemas.Subscription_BOTH
}

// SubscribedFrom tells whether the contact gets the owner's presence: subscription "from" or "both".
func (i Item) SubscribedFrom() bool {
	return i.Subscription == schemas.Subscription_FROM || i.Subscription == schemas.Subscription_BOTH
}

// sameToClients tells whether two items look the same to a client that sees the roster. A push is due only if they do not.
func sameToClients(a, b Item) bool {
	if !a.Listed && !b.Listed {
		return true
	}
	return a.Listed == b.Listed && a.Name == b.Name && slices.Equal(a.Groups, b.Groups) &&
		a.Subscription == b.Subscription && a.Ask == b.Ask && a.Approved == b.Approved
}

// SameToClients tells whether a client that sees the roster sees no difference.
func SameToClients(a, b Item) bool { return sameToClients(a, b) }

func (i Item) withTo(to bool) Item {
	i.Subscription = subscription(to, i.SubscribedFrom())
	return i
}

func (i Item) withFrom(from bool) Item {
	i.Subscription = subscription(i.SubscribedTo(), from)
	return i
}

func subscription(to, from bool) schemas.Subscription {
	switch {
	case to && from:
		return schemas.Subscription_BOTH
	case to:
		return schemas.Subscription_TO
	case from:
		return schemas.Subscription_FROM
	}
	return schemas.Subscription_NONE
}
