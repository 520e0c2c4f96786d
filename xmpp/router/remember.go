package router

import (
	"slices"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/stream"
)

// What is kept of a session, so that it can be resumed after a restart, and so that everybody who saw it hears of its end
// if it is not. DESIGN §9

// remember writes the session's fact at the end of the turn, so that a sign-in writes it once. A session that cannot be
// resumed has none unless somebody got directed presence: who else saw it follows from its presence and the roster. The
// caller holds the account's lock.
func (res *Resource) remember(t *stream.Turn) {
	if len(res.resumeHash) == 0 && len(res.directed) == 0 && !res.remembered || res.rewrite {
		return
	}
	res.rewrite = true
	t.After(res.writeSession)
}

func (res *Resource) writeSession(*stream.Turn) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	res.rewrite = false
	waits := res.waits
	res.waits = nil
	rc := res.writeFact()
	for _, p := range waits {
		a.awaitInsisting(p, rc, res.writeFact)
	}
}

// rememberFor is remember for a stanza whose acknowledgement waits for the fact: a session that is resumed after a restart
// must know what its client was told. The caller holds the account's lock.
func (res *Resource) rememberFor(p *Pledge, t *stream.Turn) {
	if res.remember(t); res.rewrite && p != nil {
		p.Add()
		res.waits = append(res.waits, p)
	}
}

// fact states the session. The caller holds the account's lock.
func (res *Resource) fact() *schemas.SessionOpened {
	v := &res.view
	f := &schemas.SessionOpened{Resource: res.Name, SessionId: res.ID[:], ResumeHash: res.resumeHash, ResumeSeconds: res.resumeFor,
		Carbons: v.carbons, RosterInterest: v.interested, BlocklistInterest: v.blockList, ActiveList: v.list,
		Available: v.available, Priority: int32(v.priority)}
	if v.available {
		f.Presence = append(append([]byte(nil), v.presence.Head...), v.presence.Tail...)
	}
	for to := range res.directed {
		f.Directed = append(f.Directed, to)
	}
	return f
}

// switches is what handlers of package features may change about the sender's session: features.Session.
type switches struct {
	res *Resource
	t   *stream.Turn
}

// SetCarbons implements features.Session. Nothing waits: the switch matters to a live session only.
func (w switches) SetCarbons(on bool) (*eventlog.Receipt, error) {
	w.res.change(w.t, func(v *view) *bool { return &v.carbons }, on)
	return nil, nil
}

// SetBlockInterest implements features.Session.
func (w switches) SetBlockInterest() (*eventlog.Receipt, error) {
	w.res.change(w.t, func(v *view) *bool { return &v.blockList }, true)
	return nil, nil
}

// ID implements features.Session.
func (w switches) ID() []byte { return slices.Clone(w.res.ID[:]) }

// change changes a switch that routing and a restart must know.
func (res *Resource) change(t *stream.Turn, which func(v *view) *bool, on bool) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	if v := which(&res.view); *v != on {
		*v = on
		a.publish()
		res.rememberFor(res.Outlet.Pledge(), t)
	}
}

// SetCarbons turns copies of messages on or off. XEP-0280 §4
func (res *Resource) SetCarbons(on bool, t *stream.Turn) {
	res.change(t, func(v *view) *bool { return &v.carbons }, on)
}

// SetResumable notes under which hash the session can be resumed, and for how long.
func (res *Resource) SetResumable(hash []byte, seconds uint32, t *stream.Turn) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	res.resumeHash, res.resumeFor = hash, seconds
	res.remember(t)
}
