package router

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"protokoll/eventlog"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Messages for who is away. XEP-0160

// Letters on their way to one client at a time, so that its queue keeps room for live stanzas.
const (
	drainLetters = 100
	drainBytes   = 256 << 10
)

// letter is a message that waits on disk, or is on its way there.
type letter struct {
	entity  schemas.EntityID
	key     string // what the entity was hashed from; empty until opened
	size    int
	message *schemas.OfflineMessage // nil until opened
	duty    *Duty                   // while a client has it; nil while it waits
	rc      *eventlog.Receipt       // of its command; nil if it was on disk already when the box was loaded
}

// box holds an account's letters in the order of their rank.
type box struct {
	loaded   bool
	letters  []*letter
	known    map[schemas.EntityID]*letter
	bytes    int
	resource *Resource // gets what waits; nil while nobody does
}

// busy tells whether a client has letters. An account in memory only for its letters is not busy.
func (b *box) busy() bool { return b.resource != nil }

// waiting tells whether letters wait for their turn behind others, so that no live message may overtake them.
func (b *box) waiting() bool {
	return b.resource != nil && slices.ContainsFunc(b.letters, func(l *letter) bool { return l.duty == nil })
}

// loadBox reads which letters there are. Their payloads stay sealed. The caller holds the lock.
func (a *Account) loadBox() error {
	if a.box.loaded {
		return nil
	}
	facts, err := a.r.State.Facts(a.owner.ID(), schemas.Family_OFFLINE_FACTS)
	if err != nil {
		return fmt.Errorf("read waiting messages: %w", err)
	}
	slices.SortFunc(facts, func(x, y state.Fact) int { return cmp.Compare(x.Rank, y.Rank) })
	a.box.known = make(map[schemas.EntityID]*letter, len(facts))
	for _, f := range facts {
		a.box.add(&letter{entity: f.Entity, size: len(f.Sealed)})
	}
	a.box.loaded = true
	a.publish()
	return nil
}

func (b *box) add(l *letter) {
	b.letters = append(b.letters, l)
	b.known[l.entity] = l
	b.bytes += l.size
}

func (b *box) remove(l *letter) {
	if b.known[l.entity] != l {
		return
	}
	delete(b.known, l.entity)
	b.bytes -= l.size
	if i := slices.Index(b.letters, l); i >= 0 {
		b.letters = slices.Delete(b.letters, i, i+1)
	}
}

// publishBacklog publishes if routing must know that messages wait, or no longer do. The caller holds the lock.
func (a *Account) publishBacklog() {
	if a.snap.Load().backlog != a.backlog() {
		a.publish()
	}
}

// letterKey identifies a message by what its sender wrote, so that one sent again is the same fact: sender, recipient, type,
// ids and content, without what the server added.
func (a *Account) letterKey(stanza []byte) (string, error) {
	f, err := frame.Parse(stanza, frame.NSClient, frame.Limits{StanzaBytes: 2 * frame.ServerStanzaBytes,
		Depth: 2 * frame.MaxDepth, Attributes: 2 * frame.MaxAttributes, Namespaces: 2 * frame.MaxNamespaces,
		Children: 2 * frame.ClientChildren})
	if err != nil {
		return "", fmt.Errorf("read a message to be stored: %w", err)
	}
	parts := [][]byte{split(f.From).Bare(), split(f.To).Bare(), f.Type, f.ID}
	for i := range f.Children {
		if c := &f.Children[i]; !serverMade(c) {
			parts = append(parts, c.Raw)
		}
	}
	sum := a.owner.MAC("offline", parts...)
	return string(sum[:]), nil
}

// serverMade tells whether a child is what the server adds to a message that it stores. XEP-0359 §3, XEP-0203 §4
func serverMade(c *frame.Child) bool {
	return string(c.Local) == "stanza-id" && string(c.Space) == "urn:xmpp:sid:0" ||
		string(c.Local) == "delay" && string(c.Space) == "urn:xmpp:delay"
}

// explicit writes the namespace into a canonical message, so that it means the same wherever it is read. DESIGN §9
func explicit(stanza []byte) []byte {
	const start = "<message"
	out := make([]byte, 0, len(stanza)+len(" xmlns='jabber:client'"))
	out = append(append(out, start...), " xmlns='jabber:client'"...)
	return append(out, stanza[len(start):]...)
}

// delayed puts the time of storing into a canonical message. XEP-0203 §4
func (a *Account) delayed(stanza []byte, received int64) []byte {
	const end = "</message>"
	_, domain, _ := cutAt(a.bare)
	out := make([]byte, 0, len(stanza)+len(domain)+80)
	out = append(out, stanza[:len(stanza)-len(end)]...)
	out = append(appendEscaped(append(out, "<delay xmlns='urn:xmpp:delay' from='"...), domain), "' stamp='"...)
	out = time.UnixMilli(received).UTC().AppendFormat(out, "2006-01-02T15:04:05.000Z")
	return append(append(out, "'/>"...), end...)
}

// endLetters ends messages that a client took over. The caller holds the lock.
func (a *Account) endLetters(letters []*letter) *eventlog.Receipt {
	facts := make([]eventlog.Fact, 0, len(letters))
	for _, l := range letters {
		if a.box.known[l.entity] == l && l.key != "" {
			a.box.remove(l)
			facts = append(facts, eventlog.End(schemas.Family_OFFLINE_FACTS, l.key))
		}
	}
	if len(facts) == 0 {
		return nil
	}
	rc := a.append(schemas.Cause_CLIENT, facts...)
	a.publishBacklog()
	return rc
}

// drain hands out letters in their order, as many as may be on their way at once. The caller holds the lock.
func (a *Account) drain(t *stream.Turn) {
	res := a.box.resource
	if res == nil {
		return
	}
	if err := a.openLetters(); err != nil {
		a.r.Logger.Error("waiting messages cannot be read", slog.Any("error", err))
		return
	}
	flying, bytes := a.box.flying()
	for _, l := range a.box.letters {
		if l.duty != nil || l.message == nil {
			continue
		}
		if flying >= drainLetters || bytes >= drainBytes {
			return
		}
		flying, bytes = flying+1, bytes+l.size
		if !a.handOut(t, res, l) {
			break
		}
	}
	if !a.box.waiting() {
		a.box.resource = nil
	}
}

func (b *box) flying() (n, bytes int) {
	for _, l := range b.letters {
		if l.duty != nil {
			n, bytes = n+1, bytes+l.size
		}
	}
	return n, bytes
}

// handOut gives one letter to a client. The caller holds the lock.
func (a *Account) handOut(t *stream.Turn, res *Resource, l *letter) bool {
	d := &Duty{account: a, stanza: l.message.GetStanza(), received: l.message.GetReceived(), state: stored, letter: l,
		relieved: true, holders: 1}
	l.duty = d
	p := Parcel{Head: a.delayed(d.stanza, d.received), Kept: true, Kind: Storable, Confirm: true, Duty: d}
	ok := res.Outlet.Deliver(t, p)
	if d.drop() {
		l.duty = nil
	}
	return ok
}

// openLetters opens the payloads that are needed now. The caller holds the lock.
func (a *Account) openLetters() error {
	if !slices.ContainsFunc(a.box.letters, func(l *letter) bool { return l.message == nil }) {
		return nil
	}
	facts, err := a.r.State.Facts(a.owner.ID(), schemas.Family_OFFLINE_FACTS)
	if err != nil {
		return fmt.Errorf("read waiting messages: %w", err)
	}
	for _, f := range facts {
		l := a.box.known[f.Entity]
		if l == nil || l.message != nil {
			continue
		}
		m, err := a.open(f)
		if err != nil {
			return err
		}
		l.message = m.(*schemas.OfflineMessage)
		if l.key, err = a.letterKey(l.message.GetStanza()); err != nil {
			return err
		}
	}
	return nil
}
