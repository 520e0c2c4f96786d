package router

import (
	"protokoll/xmpp/features"
	"protokoll/xmpp/profile"
	"protokoll/xmpp/pubsub"
	"protokoll/xmpp/stream"
)

// Elsewhere says what accounts show that comes from outside the log. Nothing of it waits; the account's lock is held.
type Elsewhere interface {
	// Photo returns the SHA-1 in hex of the photo of an account that has no vCard; empty: none, or none that is known yet.
	Photo(o pubsub.Owner) string
	// Known tells whether a photo of somebody is known. It needs no lock.
	Known(bare string) bool
	// Newest returns the notice of its avatar; nil: there is none. With gone, one that there is none any more.
	Newest(o pubsub.Owner, gone bool) *features.Notice
}

// elsewhere is what comes from outside the log for an account; nil for a local one. The caller holds the lock.
func (a *Account) elsewhere() Elsewhere {
	if a.local || a.r.Elsewhere == nil {
		return nil
	}
	return a.r.Elsewhere
}

// ShownAnew tells clients that what an account shows from elsewhere is different now: by its presence, and by a notice to those
// who ask for avatars. Who is not here is not told: whoever signs in is shown what is so then.
func (r *Router) ShownAnew(bare string) {
	a := r.peekString(bare)
	if a == nil {
		return
	}
	a.mu.Lock()
	e := a.elsewhere()
	if e == nil || len(a.resources) == 0 || a.shut.Load() {
		a.mu.Unlock()
		return
	}
	n := e.Newest(lockedFacts{a}, true)
	if n != nil {
		n.Own, n.Contacts = true, a.audience()
	}
	a.mu.Unlock()
	r.photoChanged(a)
	if n != nil {
		r.Later(func(t *stream.Turn) { r.notify(n, t) })
	}
}

// showElsewhere sends the avatar from elsewhere to a client that came online. The caller holds the lock of its account.
func (c *Account) showElsewhere(to *Resource, wanted *features.Notify, t *stream.Turn) {
	e := c.elsewhere()
	if e == nil || !wanted.Wants(profile.NSAvatarMetadata) || !(lockedFacts{c}).Shows(to.Account.bare) {
		return
	}
	if n := e.Newest(lockedFacts{c}, false); n != nil {
		to.Outlet.Deliver(t, parcelOf(n).to(to.toFull))
	}
}
