package roster

import (
	"bytes"
	"errors"
)

// ErrNotFound is returned when the item to be removed is not in the roster: item-not-found. RFC 6121 §2.5.3
var ErrNotFound = errors.New("no such roster item")

// Kind says what happened to an item.
type Kind int

// The events. Out: a presence stanza of the owner to the contact. In: one of the contact to the owner.
const (
	OutSubscribe Kind = iota
	OutSubscribed
	OutUnsubscribe
	OutUnsubscribed
	InSubscribe
	InSubscribed
	InUnsubscribe
	InUnsubscribed
	Set    // roster set: add or update. RFC 6121 §2.3, §2.4
	Remove // roster set with subscription='remove'. RFC 6121 §2.5
)

// Event is what happened, with what the kind needs.
type Event struct {
	Kind    Kind
	Name    string   // Set
	Groups  []string // Set: sorted, without duplicates
	Request []byte   // InSubscribe: the whole stanza, kept for later logins
}

// Type is the type attribute of a presence stanza that concerns subscriptions.
type Type string

// The types. RFC 6121 §3
const (
	Subscribe    Type = "subscribe"
	Subscribed   Type = "subscribed"
	Unsubscribe  Type = "unsubscribe"
	Unsubscribed Type = "unsubscribed"
)

// Outbound returns the event of a presence stanza that the owner sent; false if its type does not concern subscriptions.
func Outbound(t Type) (Kind, bool) { return lookup(t, OutSubscribe) }

// Inbound returns the event of a presence stanza that the contact sent; false if its type does not concern subscriptions.
func Inbound(t Type) (Kind, bool) { return lookup(t, InSubscribe) }

func lookup(t Type, first Kind) (Kind, bool) {
	for n, known := range [...]Type{Subscribe, Subscribed, Unsubscribe, Unsubscribed} {
		if t == known {
			return first + Kind(n), true
		}
	}
	return 0, false
}

// Result says what follows from an event. The order of effects: the fact is on disk; push and Route; Send; presence.
type Result struct {
	Item    Item // the item afterwards
	Changed bool // it differs from before: append the fact (its end, if Item no longer Exists)
	Push    bool // interested resources get a roster push; of a removal if Item is not Listed
	// Route: an outbound stanza goes on to the contact, from the owner's bare JID; an inbound one is delivered to the
	// owner's resources (subscribe: available ones, others: interested ones).
	Route bool
	// Send lists stanzas that the server sends to the contact in the owner's name (bare JID).
	Send []Type
	// SendPresence: the contact gets the current presence of each available resource. RFC 6121 §3.1.5
	SendPresence bool
	// SendUnavailable: the contact gets unavailable from each available resource. RFC 6121 §3.2.2, §3.3.3
	SendUnavailable bool
}

// Apply returns what ev does to cur. For a contact that is not known cur is Item{Contact: bare JID}. The only error is
// ErrNotFound, for Remove.
func Apply(cur Item, ev Event) (Result, error) {
	r := Result{Item: cur}
	switch ev.Kind {
	case OutSubscribe:
		outSubscribe(&r)
	case OutSubscribed:
		outSubscribed(&r)
	case OutUnsubscribe:
		outUnsubscribe(&r)
	case OutUnsubscribed:
		outUnsubscribed(&r)
	case InSubscribe:
		inSubscribe(&r, ev.Request)
	case InSubscribed:
		inSubscribed(&r)
	case InUnsubscribe:
		inUnsubscribe(&r)
	case InUnsubscribed:
		inUnsubscribed(&r)
	case Set:
		set(&r, ev)
	case Remove:
		if !cur.Listed {
			return r, ErrNotFound
		}
		remove(&r)
	}
	seen := sameToClients(cur, r.Item)
	r.Changed = !seen || cur.Listed != r.Item.Listed || !bytes.Equal(cur.Request, r.Item.Request)
	// A set is answered by a push even if it changed nothing: the client waits for it. RFC 6121 §2.3.2
	r.Push = !seen || ev.Kind == Set
	return r, nil
}
