package router

import (
	"sync"
	"sync/atomic"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Keeper is told when a pledge is kept: the sender's session. Implemented by the session.
type Keeper interface {
	// Kept is called once for each pledge, with no locks but possibly an account's held. t is nil outside of any turn.
	Kept(p *Pledge, t *stream.Turn)
}

// Pledge is what the acknowledgement of one received stanza waits for: every event that the stanza caused is on disk, and
// its message, if it would be stored, is in the hands of a client or stored. XEP-0198 §4
type Pledge struct {
	keeper Keeper
	left   atomic.Int32

	Seq     uint32 // of the stanza, counted as the session does
	At      int64  // when it was received, nanoseconds
	duty    atomic.Pointer[Duty]
	refused atomic.Bool
	kept    atomic.Bool

	mu    sync.Mutex
	again []func() // what the disk refused; one more thing to wait for, each
}

// Duty returns the duty of the message that the pledge is for; nil while there is none.
func (p *Pledge) Duty() *Duty { return p.duty.Load() }

// NewPledge returns the pledge of a stanza that is being handled. Done counts for the end of handling.
func NewPledge(k Keeper, seq uint32, at int64) *Pledge {
	p := &Pledge{keeper: k, Seq: seq, At: at}
	p.left.Store(1)
	return p
}

// Add counts one more thing to wait for.
func (p *Pledge) Add() {
	if p != nil {
		p.left.Add(1)
	}
}

// Done counts one thing as done. t may be nil.
func (p *Pledge) Done(t *stream.Turn) {
	if p != nil && p.left.Add(-1) == 0 {
		p.kept.Store(true)
		p.keeper.Kept(p, t)
	}
}

// Refuse notes that the stanza is answered with an error. Until the client has that, nothing vouches for the stanza: called
// before the error is delivered, and before Done.
func (p *Pledge) Refuse() {
	if p != nil {
		p.refused.Store(true)
	}
}

// IsRefused tells whether the stanza is answered with an error.
func (p *Pledge) IsRefused() bool { return p.refused.Load() }

// IsKept tells whether there is nothing left to wait for.
func (p *Pledge) IsKept() bool { return p.kept.Load() }

// turnDown is Refuse for a message or presence that is being handled: its acknowledgement waits until the client has the
// error. Who sends an IQ waits for the answer to that.
func (r *Router) turnDown(from *Resource, f *frame.Frame, err error, t *stream.Turn) {
	if !unanswerable(f) {
		from.Outlet.Pledge().Refuse()
	}
	r.Refuse(from, f, err, t)
}

func unanswerable(f *frame.Frame) bool {
	return f.Name == frame.Presence && len(f.Type) == 0 || string(f.Type) == "error" || string(f.Type) == "result"
}
