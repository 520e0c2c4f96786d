package router

import (
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/stream"
)

// The two sides of a subscription are facts of two owners. A kill between them leaves them apart until one of them signs in
// or shows a presence. Package roster says how each side notices.

// healAfter is how long two rosters must have been at rest before one that disagrees is taken for broken and not for one
// that is just being changed.
const healAfter = 10 * time.Second

// heal takes a subscription back that the contact's side knows nothing of.
func (r *Router) heal(a *Account, contact string) {
	p := &plan{r: r}
	tag := frame.Tag{Name: "presence", From: contact, To: a.bare, Type: string(roster.Unsubscribed)}
	p.inbound(contact, a.bare, roster.Unsubscribed, tag.AppendTo(nil, nil))
	p.run(nil, func(*stream.Turn, error) {})
}

// expected leaves out of the contacts those who are here and know nothing of a subscription that account a believes in, and
// takes it back. Nobody waits for a lock here: a roster in use is looked at next time.
func (r *Router) expected(a *Account, contacts []string) []string {
	var apart []string
	for _, contact := range contacts {
		if c := r.peekString(contact); c != nil && c.unaware(a.bare) {
			apart = append(apart, contact)
		}
	}
	if apart == nil {
		return contacts
	}
	p := &plan{r: r}
	for _, contact := range apart {
		tag := frame.Tag{Name: "presence", From: contact, To: a.bare, Type: string(roster.Unsubscribe)}
		p.inbound(contact, a.bare, roster.Unsubscribe, tag.AppendTo(nil, nil))
	}
	p.run(nil, func(*stream.Turn, error) {})
	var rest []string
	for _, contact := range contacts {
		if c := r.peekString(contact); c == nil || !c.unaware(a.bare) {
			rest = append(rest, contact)
		}
	}
	return rest
}

// unaware tells whether a loaded roster at rest knows nothing of a subscription to the bare JID.
func (a *Account) unaware(contact string) bool {
	if len(a.snap.Load().views) == 0 || !a.mu.TryLock() {
		return false
	}
	defer a.mu.Unlock()
	return a.rosterLoaded && a.r.Clock().Sub(a.rosterAt) > healAfter && roster.Unexpected(a.roster[contact])
}

// askAgain repeats requests that no answer came to, in case the contact's side lost them. RFC 6121 §3.1.2
func (r *Router) askAgain(a *Account, contacts []string) {
	p := &plan{r: r}
	for _, contact := range contacts {
		tag := frame.Tag{Name: "presence", From: a.bare, To: contact, Type: string(roster.Subscribe)}
		p.inbound(a.bare, contact, roster.Subscribe, tag.AppendTo(nil, nil))
	}
	p.run(nil, func(*stream.Turn, error) {})
}
