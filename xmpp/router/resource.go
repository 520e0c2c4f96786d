package router

import (
	"errors"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/caps"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Outlet is the way out to one bound client. Implemented by the session. Its methods do not block, and may be called with an
// account's lock held.
type Outlet interface {
	// Deliver hands over one stanza and returns false if the session has ended: then it goes elsewhere.
	Deliver(t *stream.Turn, p Parcel) bool
	// Acks tells whether the client acknowledges what it gets (XEP-0198).
	Acks() bool
	// Slow tells whether an acknowledgement cannot be expected soon: the client is gone and may come back, or it owes an
	// older one.
	Slow() bool
	// Stored tells that a message in the client's queue is about to be stored: Duty.Letter names it. It is appended when
	// Stored has returned.
	Stored(d *Duty)
	// Duties calls fn with the duty of each message in the client's queue, in order.
	Duties(fn func(*Duty))
	// Pledge returns what the acknowledgement of the stanza being handled waits for; nil if the client gets none.
	Pledge() *Pledge
	// Replaced ends the session because another one takes its resource. RFC 6120 §7.7.2.2
	Replaced(t *stream.Turn)
	// Expelled ends the session because the account may no longer be used. It cannot be resumed.
	Expelled(t *stream.Turn, why *stream.Error)
}

// ParcelKind says what an Outlet does with a stanza that nobody acknowledged when its session ends.
type ParcelKind uint8

// The kinds.
const (
	Droppable ParcelKind = iota // presence, carbons, groupchat, results, errors
	Storable                    // has a Duty
	Request                     // an IQ get or set: its sender gets an error
)

// Parcel is one stanza on its way to one client: its bytes in up to three parts, which nobody changes any more.
type Parcel struct {
	Head, Mid, Tail []byte
	Kind            ParcelKind
	Lazy            bool  // may wait some milliseconds to share a write
	Kept            bool  // Head is not used by anybody else later: no copy is needed to keep it
	Answer          bool  // to a stanza of the client itself: how many there are is its own doing
	Wakes           bool  // worth a notification if the client does not take it. XEP-0357
	Confirm         bool  // without XEP-0198: ask for a sign of life before the Duty is settled
	Duty            *Duty // of a Storable; nil if nobody needs to know
}

// to returns the parcel with an address between head and tail.
func (p Parcel) to(attr []byte) Parcel {
	p.Mid = attr
	return p
}

// Resource is one bound client of an account.
type Resource struct {
	Account *Account
	Name    string
	Outlet  Outlet
	Lang    string   // of the stream
	Device  string   // as stream.Stream.Device says, fixed at bind
	ID      [16]byte // random, new for each bind

	full     string
	fromHead []byte   // ready-made "<presence from='full'"
	toFull   []byte   // ready-made " to='full'"
	pending  *pending // requests that are answered later

	// Guarded by Account.mu.
	view       view // as it will be published
	left       bool
	directed   map[string]bool          // full and bare JIDs that must be told of the end
	shown      *schemas.PresenceUpdated // nil if it never was available
	resumeHash []byte                   // SHA-256 of the XEP-0198 resume id
	resumeFor  uint32                   // seconds
	remembered bool                     // there is a session fact
	rewrite    bool                     // it is written at the end of the turn …
	waits      []*Pledge                // … for these
	budget     budget                   // of presence
	claim      caps.Claim               // what its newest presence says of its capabilities
	question   *question                // what it was asked about them and has not answered
	asks       *question                // what it is to be asked
	held       *frame.Frame             // a presence beyond the budget: the newest is sent when there is room
}

// Full returns the full JID.
func (res *Resource) Full() string { return res.full }

// ErrTooMany is returned when an account has as many resources as it may: resource-constraint. RFC 6120 §7.7.2.2
var ErrTooMany = errors.New("too many resources")

// Bind binds a client to the account of an address. A session with the same resource is replaced. RFC 6120 §7.7.2.2
func (r *Router) Bind(bare Address, name string, res *Resource, t *stream.Turn) error {
	for {
		a, err := r.locked(bare)
		if err != nil {
			return err
		}
		old, err := a.bindOnce(name, res)
		if old == nil {
			return err
		}
		old.Outlet.Replaced(t)
		r.Leave(old, t)
	}
}

// bindOnce binds unless the name is taken, and returns who has it. The lock is held, and given up here.
func (a *Account) bindOnce(name string, res *Resource) (old *Resource, err error) {
	defer a.mu.Unlock()
	if old := a.named(name); old != nil {
		return old, nil
	}
	return nil, a.bind(name, res)
}

// bind adds a resource. The caller holds the lock.
func (a *Account) bind(name string, res *Resource) error {
	if a.barred || a.shut.Load() {
		return features.NotAllowed() // it signed in a moment before
	}
	if len(a.resources) >= a.r.Limits.Resources {
		return ErrTooMany
	}
	if err := errorsOf(a.loadRoster, a.loadBlocks, a.loadLast, a.loadBox, a.loadPush); err != nil {
		return err
	}
	res.name(a, name)
	res.view.Resource = res
	a.resources = append(a.resources, res)
	a.last.in, a.last.out = a.r.now(), 0
	a.writeLast()
	a.publish()
	return nil
}

func (a *Account) named(name string) *Resource {
	for _, res := range a.resources {
		if res.Name == name {
			return res
		}
	}
	return nil
}

const (
	entityLast    = "last"      // schemas.LastLogin
	entitySession = "session:"  // schemas.SessionOpened, then the resource
	entityShown   = "presence:" // schemas.PresenceUpdated, then the resource
)

// writeLast appends when the owner was last here. Nobody waits for it. The caller holds the lock.
func (a *Account) writeLast() *eventlog.Receipt {
	return a.write(schemas.Cause_CLIENT, eventlog.Set(entityLast,
		&schemas.LastLogin{SignedIn: a.last.in, SignedOut: a.last.out}))
}
