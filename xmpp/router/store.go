package router

import (
	"cmp"
	"encoding/hex"
	"log/slog"
	"slices"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/stream"
)

// storeDuty makes a letter of a message, and before it of the older ones that are only in clients' queues: the order of
// letters is the order of the log. If one cannot be stored, nothing behind it is either: it may still be, and would stand
// behind what it was sent before. The caller holds the lock.
func (a *Account) storeDuty(d *Duty) {
	var older []*Duty
	for _, res := range a.resources {
		res.Outlet.Duties(func(o *Duty) {
			if o.order < d.order && o.isOpen() {
				older = append(older, o)
			}
		})
	}
	slices.SortFunc(older, func(x, y *Duty) int { return cmp.Compare(x.order, y.order) })
	for _, o := range append(older, d) {
		if err := a.storeOne(o); err != nil {
			d.unstorable(err)
			return
		}
	}
}

// unstorable lets the sender hear of it, unless a client has the message and may yet acknowledge it.
func (d *Duty) unstorable(err error) {
	if !d.held() && d.isOpen() {
		d.account.r.Later(func(t *stream.Turn) { d.Bounce(t, features.StanzaError(err)) })
	}
}

func (d *Duty) isOpen() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state == open
}

// storeOne makes a letter of a message unless that has been done, or a client has acknowledged it. The clients that have it
// mark it before it is appended: after a kill in between, a mark without a letter does no harm, but a letter without a mark
// would go to a client that has read it. The caller holds the lock.
func (a *Account) storeOne(d *Duty) error {
	if !d.isOpen() {
		return nil
	}
	l, waits, err := a.letterFor(d)
	if err != nil {
		return err
	}
	had, ok := d.become(l)
	if !ok {
		return nil
	}
	for _, o := range had {
		o.Stored(d)
	}
	switch over := d.over(); {
	case over && waits:
		a.endLetters([]*letter{l}) // the same message from before; Settle may have been too early for it
		return nil
	case over:
		d.unbecome(open)
		return nil
	case !waits:
		a.store(l)
		if d.wakes {
			a.snap.Load().wakeAbsent()
		}
	}
	if d.held() {
		l.duty = d
	}
	if l.rc == nil {
		a.r.Later(func(t *stream.Turn) { d.storedNow(t, nil) })
	} else {
		a.r.known(l.rc, func(err error) { d.storedNow(nil, err) })
	}
	return nil
}

// held tells whether a client has the message in its queue.
func (d *Duty) held() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.holders > 0
}

// become ties the message to its letter, and returns the clients that got it so far. Those that get it from now on see the
// letter themselves. It returns false if the message needs none any more.
func (d *Duty) become(l *letter) (had []Outlet, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != open || d.taken {
		return nil, false
	}
	d.state, d.letter = stored, l
	return d.had, true
}

// over tells whether a client has acknowledged the message.
func (d *Duty) over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.taken || d.state == settled
}

// unbecome unties the message from a letter that is not on disk.
func (d *Duty) unbecome(now dutyState) *letter {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.letter
	d.letter = nil
	if d.state == stored {
		d.state = now
	}
	return l
}

// storedNow lets the sender's acknowledgement go on.
func (d *Duty) storedNow(t *stream.Turn, err error) {
	if err != nil {
		d.account.r.work(func() { d.failed(err) })
		return
	}
	d.mu.Lock()
	p := d.relieve()
	d.mu.Unlock()
	p.Done(t)
}

// failed takes back a letter that did not reach the disk. It is not tried again: what came behind it may be on disk.
func (d *Duty) failed(err error) {
	a := d.account
	a.r.Logger.Warn("message not stored", slog.Any("error", err))
	a.mu.Lock()
	if l := d.unbecome(bounced); l != nil {
		a.box.remove(l)
		a.publishBacklog()
	}
	a.mu.Unlock()
	a.r.Later(func(t *stream.Turn) { d.Bounce(t, features.StanzaError(err)) })
}

// errBoxFull is returned when an account holds as many messages as it may: service-unavailable. XEP-0160 §3
var errBoxFull = features.ServiceUnavailable()

// letterFor returns the letter of a message: the one that waits already, or a new one that is not stored yet. The caller
// holds the lock.
func (a *Account) letterFor(d *Duty) (l *letter, waits bool, err error) {
	if a.shut.Load() {
		return nil, false, features.ServiceUnavailable() // as for who does not exist. RFC 6121 §8.5.1
	}
	key, err := a.letterKey(d.stanza)
	if err != nil {
		return nil, false, err
	}
	entity := a.owner.Entity(schemas.Family_OFFLINE_FACTS, key)
	if l := a.box.known[entity]; l != nil {
		return l, true, nil
	}
	m := &schemas.OfflineMessage{Stanza: explicit(d.stanza), Received: d.received, StanzaId: hex.EncodeToString(d.id[:])}
	size := len(m.Stanza)
	if len(a.box.letters) >= a.r.Limits.Letters || a.box.bytes+size > a.r.Limits.LetterBytes {
		return nil, false, errBoxFull
	}
	return &letter{entity: entity, key: key, size: size, message: m}, false, nil
}

// store appends a new letter. The caller holds the lock.
func (a *Account) store(l *letter) {
	a.box.add(l)
	if a.closed {
		l.rc = refusedReceipt()
		return
	}
	a.pending.Add(1)
	l.rc = a.r.Log.Append(eventlog.Command{Owner: a.owner, Cause: schemas.Cause_CONTACT,
		Facts: []eventlog.Fact{eventlog.Set(l.key, l.message)}})
	a.r.known(l.rc, func(error) {
		a.settled.Store(a.r.Clock().UnixNano())
		a.pending.Add(-1)
	})
}
