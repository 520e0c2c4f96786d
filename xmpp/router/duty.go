package router

import (
	"cmp"
	"slices"
	"sync"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/stream"
)

// dutyState is how far the responsibility for a message has come.
type dutyState uint8

const (
	open    dutyState = iota // only in clients' queues
	stored                   // in the box: on disk, or enqueued for it
	settled                  // a client has it
	bounced                  // the sender is told that it failed: it is not stored any more, and handed to nobody else
)

// Duty is the responsibility for one message towards one account. The first acknowledgement of any client that got the
// message, as such or as a carbon, settles it.
type Duty struct {
	account  *Account
	sender   string // full JID, to be told of a failure
	stanza   []byte // as delivered, with its stanza-id, without delay
	received int64  // milliseconds since 1970 UTC
	id       [16]byte
	order    uint64  // in which messages were accepted
	pledge   *Pledge // what the sender's acknowledgement waits for; nil if it gets none

	mu       sync.Mutex
	state    dutyState
	taken    bool     // a client acknowledged it; Settle is on its way
	relieved bool     // the pledge has been told
	wakes    bool     // worth a notification; never changed
	holders  int      // clients that have it in their queue, and one while it is being delivered
	had      []Outlet // clients that got it
	room     [2]Outlet
	letter   *letter // when stored
}

// Hold notes that a client's queue holds the message. Called by the Outlet in Deliver.
func (d *Duty) Hold(out Outlet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holders++
	d.got(out)
}

// Taken notes that a client has acknowledged the message. Called by the Outlet while its queue is locked, so that a message
// has either left no queue or is not stored any more; Settle follows.
func (d *Duty) Taken() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken = true
}

// Letter names the fact that states the message, if it is stored or about to be.
func (d *Duty) Letter() (owner schemas.OwnerID, entity schemas.EntityID, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.letter == nil {
		return owner, entity, false
	}
	return d.account.owner.ID(), d.letter.entity, true
}

// Written notes that the message was written to a client that acknowledges nothing. Called by the Outlet in Deliver.
func (d *Duty) Written(out Outlet, t *stream.Turn) {
	d.mu.Lock()
	d.got(out)
	if d.state == open {
		d.state = settled
	}
	p := d.relieve()
	d.mu.Unlock()
	p.Done(t)
}

func (d *Duty) got(out Outlet) {
	if d.had == nil {
		d.had = d.room[:0]
	}
	d.had = append(d.had, out)
}

// relieve returns the pledge the first time. The caller holds the lock, and calls Done without it.
func (d *Duty) relieve() *Pledge {
	if d.relieved {
		return nil
	}
	d.relieved = true
	return d.pledge
}

// drop counts one holder less and tells whether the message is now in nobody's hands.
func (d *Duty) drop() (orphan bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holders--
	return d.holders == 0 && d.state < settled
}

// hadIt tells whether a client got the message.
func (d *Duty) hadIt(out Outlet) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.had {
		if o == out {
			return true
		}
	}
	return false
}

// slow tells whether no client that got it can be expected to acknowledge it soon.
func (d *Duty) slow() bool {
	d.mu.Lock()
	over, had := d.state != open, d.had // never changed, only added to
	d.mu.Unlock()
	if over {
		return false
	}
	for _, o := range had {
		if !o.Slow() { // locks the session, which comes before a duty
			return false
		}
	}
	return true
}

// Settle notes that a client has taken over messages of its account. Letters among them end; ended, which may be nil, is
// called when that is on disk, or at once if there are none; never if only the next start can tell. It must not block.
func (r *Router) Settle(t *stream.Turn, duties []*Duty, ended func()) {
	var a *Account
	var letters []*letter
	for _, d := range duties {
		d.mu.Lock()
		if d.letter != nil && d.state != settled {
			a = d.account
			letters = append(letters, d.letter)
		}
		d.state = settled
		p := d.relieve()
		d.mu.Unlock()
		p.Done(t)
	}
	var rc *eventlog.Receipt
	if a != nil {
		rc = a.taken(letters, t)
	}
	switch {
	case ended == nil:
	case rc == nil:
		ended()
	default:
		r.known(rc, func(error) { ended() })
	}
}

// taken ends letters and hands out the next ones.
func (a *Account) taken(letters []*letter, t *stream.Turn) *eventlog.Receipt {
	a.mu.Lock()
	defer a.mu.Unlock()
	rc := a.endLetters(letters)
	a.drain(t)
	a.publishBacklog()
	return rc
}

// Store puts a message into the box although clients have it in their queues, because its sender should not wait for
// their acknowledgement any longer. It may wait for a full log queue.
func (d *Duty) Store(t *stream.Turn) {
	a := d.account
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.loadBox() == nil {
		a.storeDuty(d)
		a.publishBacklog()
	}
}

// Bounce tells the sender that the message cannot be vouched for, so that its acknowledgement can go on. When the log has
// stopped nobody is told anything: see known.
func (d *Duty) Bounce(t *stream.Turn, why *features.Error) {
	if d.account.r.halted.Load() {
		return
	}
	d.mu.Lock()
	if d.state == settled || d.taken || d.relieved {
		d.mu.Unlock()
		return
	}
	if d.state == open {
		d.state = bounced
	}
	p := d.relieve()
	d.mu.Unlock()
	p.Refuse()
	d.account.r.bounce(d, why, t)
	p.Done(t)
}

// Return gives back what a session had not delivered for sure when it ended: the messages go to clients that have not had
// them, or into the box, in their order.
func (r *Router) Return(t *stream.Turn, duties []*Duty) {
	if len(duties) == 0 {
		return
	}
	a := duties[0].account
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.loadBox() != nil {
		a.box.loaded = true // nothing can be read, but what can be written is
	}
	slices.SortStableFunc(duties, func(x, y *Duty) int { return cmp.Compare(x.order, y.order) })
	for _, d := range duties {
		if d.drop() {
			a.handOn(t, d)
		}
	}
	a.chooseDrain()
	a.drain(t)
	a.publishBacklog()
}

// handOn delivers a message that is in nobody's hands to clients that have not had it, or stores it. The caller holds the
// lock.
func (a *Account) handOn(t *stream.Turn, d *Duty) {
	d.mu.Lock()
	l := d.letter
	d.holders++
	d.mu.Unlock()
	if l != nil {
		l.duty = nil // it waits for the next client
		d.drop()
		return
	}
	s := a.snap.Load()
	if best := s.best(); best >= 0 && !a.box.waiting() {
		p := Parcel{Head: d.stanza, Kept: true, Kind: Storable, Wakes: d.wakes, Duty: d}
		for i := range s.views {
			if v := &s.views[i]; v.available && v.priority == best && !d.hadIt(v.Outlet) {
				v.Outlet.Deliver(t, p)
			}
		}
	}
	if d.drop() {
		a.storeDuty(d)
	}
}
