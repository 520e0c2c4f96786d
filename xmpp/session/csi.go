package session

import (
	"slices"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

// Client State Indication, XEP-0352 version 1.0.0: what an inactive client need not hear of at once waits here, the newest
// presence of each address only, and leaves in its order before the first stanza that does not wait, when the client is active
// again, when its connection ends, or when too much waits. A stanza gets its number (XEP-0198) when it leaves.

// What may wait for one inactive client.
const (
	maxResting      = 200
	maxRestingBytes = 128 << 10
)

// resting is a stanza that waits for an inactive client.
type resting struct {
	parcel router.Parcel // its bytes are in Head
	latest string        // whose newest presence it is; empty if none
}

// calm is what a session knows of a client that nobody looks at. Guarded by Session.mu.
type calm struct {
	inactive bool
	waiting  []resting
	bytes    int
}

// indicate handles an element of XEP-0352. There is no answer, and before bind there is nothing to say.
func (s *Session) indicate(f *frame.Frame, p phase, t *stream.Turn) error {
	switch string(f.Local) {
	case "active":
		s.SetInactive(false, t)
	case "inactive":
		if p == live {
			s.SetInactive(true, t)
		}
	default:
		return &stream.Error{Condition: stream.UnsupportedStanzaType}
	}
	return nil
}

// SetInactive notes whether somebody looks at the client. XEP-0352 §4.2, XEP-0386 §4.3
func (s *Session) SetInactive(inactive bool, t *stream.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calm.inactive = inactive
	if !inactive {
		s.rouse(t)
	}
}

// rest keeps a stanza back if it has the patience, and tells whether it did. The caller holds mu, and the client is inactive.
func (s *Session) rest(t *stream.Turn, p router.Parcel) bool {
	if p.Kind == router.Request || p.Answer || p.Confirm || p.Duty != nil && s.sm == nil {
		return false
	}
	b := whole(p)
	f, err := frame.Parse(b, frame.NSClient, frame.AfterLogin())
	if err != nil {
		return false
	}
	patience := features.PatienceOf(&f)
	if patience == features.None {
		return false
	}
	r := resting{parcel: router.Parcel{Head: b, Kind: p.Kind, Kept: true, Duty: p.Duty}}
	if patience == features.Latest {
		r.latest = string(f.From)
		s.calm.forget(r.latest)
	}
	if p.Duty != nil {
		p.Duty.Hold(s)
	}
	s.calm.waiting = append(s.calm.waiting, r)
	s.calm.bytes += len(b)
	if len(s.calm.waiting) > maxResting || s.calm.bytes > maxRestingBytes {
		s.rouse(t)
	}
	return true
}

// forget removes the presence of an address, because there is a newer one.
func (c *calm) forget(from string) {
	i := slices.IndexFunc(c.waiting, func(r resting) bool { return r.latest == from })
	if i >= 0 {
		c.bytes -= len(c.waiting[i].parcel.Head)
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
}

// rouse sends all that waits. What does not fit into the queue any more stays, and goes back with it: the session is ending.
// The caller holds mu.
func (s *Session) rouse(t *stream.Turn) {
	c := &s.calm
	n := 0
	for n < len(c.waiting) && s.letGo(t, c.waiting[n].parcel) {
		c.bytes -= len(c.waiting[n].parcel.Head)
		n++
	}
	if c.waiting = slices.Delete(c.waiting, 0, n); len(c.waiting) == 0 {
		c.waiting = nil // idle sessions are many
	}
}

// letGo sends one stanza that waited. The caller holds mu.
func (s *Session) letGo(t *stream.Turn, p router.Parcel) bool {
	if s.sm != nil {
		return s.admit(t, p, true)
	}
	if s.stream != nil {
		_ = s.write(t, p) // a stream that ended says so by Closed
	}
	return true
}

// entries are what waits, as entries of a queue that was never sent.
func (c *calm) entries() []entry {
	all := make([]entry, 0, len(c.waiting))
	for _, r := range c.waiting {
		all = append(all, entry{stanza: r.parcel.Head, duty: r.parcel.Duty})
	}
	return all
}
