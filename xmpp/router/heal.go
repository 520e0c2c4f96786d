package router

import (
	"slices"
	"sync"
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
// takes it back. Nobody waits for a lock here: a roster in use is looked at again later.
func (r *Router) expected(a *Account, contacts []string) []string {
	apart, _ := r.apart(a, contacts, (*Account).tryLock)
	if apart == nil {
		return contacts
	}
	r.takeBack(a, apart)
	return slices.DeleteFunc(slices.Clone(contacts), func(c string) bool {
		return slices.Contains(apart, c) && !r.subscribed(a, c)
	})
}

// apart returns the contacts who are here and know nothing of a subscription to account a, and whether a roster could not
// be judged because it is in use or was changed a moment ago.
func (r *Router) apart(a *Account, contacts []string, lock func(*Account) bool) (apart []string, undecided bool) {
	for _, contact := range contacts {
		c := r.peekString(contact)
		if c == nil || len(c.snap.Load().views) == 0 {
			continue
		}
		if !lock(c) {
			undecided = true
			continue
		}
		if c.rosterLoaded && roster.Unexpected(c.contact(a.bare)) {
			if c.atRest() {
				apart = append(apart, contact)
			} else {
				undecided = true
			}
		}
		c.mu.Unlock()
	}
	return apart, undecided
}

func (a *Account) tryLock() bool { return a.mu.TryLock() }

// atRest tells whether the roster has not changed for a while. The caller holds the lock.
func (a *Account) atRest() bool { return a.r.Clock().Sub(a.rosterAt) > healAfter }

// takeBack ends subscriptions to account a that their contacts know nothing of.
func (r *Router) takeBack(a *Account, contacts []string) {
	p := &plan{r: r}
	for _, contact := range contacts {
		tag := frame.Tag{Name: "presence", From: contact, To: a.bare, Type: string(roster.Unsubscribe)}
		p.inbound(contact, a.bare, roster.Unsubscribe, tag.AppendTo(nil, nil))
	}
	p.run(nil, func(*stream.Turn, error) {})
}

// subscribed tells whether account a still believes that a contact gets its presence.
func (r *Router) subscribed(a *Account, contact string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.contact(contact).SubscribedFrom()
}

// arrivals are accounts that came online: their contacts are looked at once more when rosters are at rest, because at that
// moment one may have been in use.
type arrivals struct {
	mu   sync.Mutex
	when map[*Account]time.Time
}

func (l *arrivals) add(a *Account, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.when == nil {
		l.when = map[*Account]time.Time{}
	}
	l.when[a] = now
}

// drop forgets an account that leaves memory.
func (l *arrivals) drop(a *Account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.when, a)
}

// due takes out those that came before a moment.
func (l *arrivals) due(before time.Time) (due []*Account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, at := range l.when {
		if at.Before(before) {
			due = append(due, a)
			delete(l.when, a)
		}
	}
	return due
}

// lookAgain looks once more at the contacts of those who came online, until all could be judged.
func (r *Router) lookAgain() {
	now := r.Clock()
	for _, a := range r.arrivals.due(now.Add(-healAfter)) {
		if !a.lock() {
			continue // evicted
		}
		here, rest, contacts := len(a.resources) > 0 && a.rosterLoaded, a.atRest(), a.audience()
		a.mu.Unlock()
		if !here {
			continue
		}
		apart, undecided := r.apart(a, contacts, (*Account).lock)
		if rest && apart != nil {
			r.takeBack(a, apart)
		}
		if undecided || !rest {
			r.arrivals.add(a, now)
		}
	}
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
