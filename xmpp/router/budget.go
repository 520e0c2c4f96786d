package router

import (
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// One client that changes its presence fifty times a second, seen by 1,500 contacts, would make the server write 75,000
// stanzas a second. Beyond a budget of deliveries the newest presence waits and replaces those before it.
const (
	presenceRate  = 5_000 // deliveries a second in the long run
	presenceBurst = 30_000
	presenceWait  = 500 * time.Millisecond
)

// budget is a bucket that fills up with time.
type budget struct {
	spent int64 // deliveries not yet paid back
	at    int64 // when, milliseconds
}

// take spends n deliveries if they fit. One update always fits into an empty bucket.
func (b *budget) take(n int, now int64) bool {
	b.spent = max(0, b.spent-(now-b.at)*presenceRate/1000)
	b.at = now
	if b.spent > 0 && b.spent+int64(n) > presenceBurst {
		return false
	}
	b.spent += int64(n)
	return true
}

// holdsBack keeps a presence beyond the budget for later. The caller holds the account's lock.
func (res *Resource) holdsBack(f *frame.Frame, contacts int) bool {
	if res.budget.take(contacts+1, res.Account.r.now()) {
		return false
	}
	first := res.held == nil
	owned := f.Clone()
	res.held = &owned
	if first {
		time.AfterFunc(presenceWait, func() { res.Account.r.Guard(res.sendHeld) })
	}
	return true
}

// sendHeld sends the newest presence that was held back.
func (res *Resource) sendHeld() {
	t := stream.NewTurn()
	defer t.End()
	if f := res.takeHeld(); f != nil {
		res.Account.r.update(res, f, nil, t) // its stanza has been acknowledged
	}
}

func (res *Resource) takeHeld() *frame.Frame {
	res.Account.mu.Lock()
	defer res.Account.mu.Unlock()
	f := res.held
	if res.left {
		f = nil
	}
	res.held = nil
	return f
}
