package portability

import (
	"bytes"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/portability/pie"
	"protokoll/schemas"
	"protokoll/xmpp/archive"
	"protokoll/xmpp/features"
	"protokoll/xmpp/pubsub"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/router"
)

// Facts reads an account's current facts.
type Facts interface {
	All(f schemas.Family) ([]proto.Message, error)
}

// Fate says what becomes of one fact of an import.
type Fate int

// The fates.
const (
	Added    Fate = iota // it was missing
	Replaced             // it takes the place of another value
	Same                 // it is here already
	Kept                 // another value is here, and stays
	Beyond               // this server keeps no more of its kind for one account, or nothing as large
)

// Tally counts facts by their type and fate.
type Tally map[string]*[Beyond + 1]int

func (t Tally) count(m proto.Message, fate Fate) {
	name, err := schemas.TypeOf(m)
	if err != nil {
		return
	}
	if t[name.Name] == nil {
		t[name.Name] = new([Beyond + 1]int)
	}
	t[name.Name][fate]++
}

// Add adds another tally.
func (t Tally) Add(other Tally) {
	for name, counts := range other {
		if t[name] == nil {
			t[name] = new([Beyond + 1]int)
		}
		for fate, n := range counts {
			t[name][fate] += n
		}
	}
}

// Of adds up one fate.
func (t Tally) Of(fate Fate) (n int) {
	for _, counts := range t {
		n += counts[fate]
	}
	return n
}

// Values lists what an account brings, in the order in which it is to be stored. Credentials are not among them: they belong
// to the opening of an account.
func Values(u *pie.User) (all []proto.Message) {
	for _, m := range u.Roster {
		all = append(all, m)
	}
	if len(u.VCard) > 0 {
		all = append(all, &schemas.VCard{Vcard: u.VCard, PhotoSha1: features.PhotoHash(u.VCard)})
	}
	for _, m := range u.Private {
		all = append(all, m)
	}
	for _, m := range u.Blocked {
		all = append(all, m)
	}
	for _, m := range u.Lists {
		all = append(all, m)
	}
	if u.DefaultList != "" {
		all = append(all, &schemas.DefaultPrivacyList{Name: u.DefaultList})
	}
	for _, m := range u.Nodes { // before what is in them
		all = append(all, m)
	}
	for _, m := range u.Items {
		all = append(all, m)
	}
	for _, m := range u.Subscriptions {
		all = append(all, m)
	}
	for _, m := range u.Offline {
		all = append(all, m)
	}
	for _, m := range u.Archive {
		all = append(all, m)
	}
	if u.ArchivePreferences != nil {
		all = append(all, u.ArchivePreferences)
	}
	for _, m := range u.Presences {
		all = append(all, m)
	}
	if u.LastLogin != nil {
		all = append(all, u.LastLogin)
	}
	for _, m := range u.Consents {
		all = append(all, m)
	}
	for _, m := range u.Objections {
		all = append(all, m)
	}
	if u.Restricted != nil { // last: a restricted account takes nothing more
		all = append(all, u.Restricted)
	}
	return all
}

// Merge decides what an import changes. Without overwrite it only adds. Of when somebody was last here, the later is true.
// now is the time of messages that do not tell theirs.
func Merge(current Facts, values []proto.Message, overwrite bool, now time.Time) (facts []eventlog.Fact, tally Tally, err error) {
	m := merge{current: current, overwrite: overwrite, now: now, tally: Tally{}, archived: -1, known: map[schemas.Family]map[string]proto.Message{}}
	for _, v := range values {
		if err := m.value(v); err != nil {
			return nil, nil, err
		}
	}
	return m.facts, m.tally, nil
}

type merge struct {
	current   Facts
	overwrite bool
	now       time.Time
	facts     []eventlog.Fact
	tally     Tally
	known     map[schemas.Family]map[string]proto.Message // by natural key; also what was decided so far
	bytes     int                                         // of messages
	archived  int                                         // messages that were archived before; -1: not looked at yet
	nodes     nodes
}

func (m *merge) value(v proto.Message) error {
	t, err := schemas.TypeOf(v)
	if err != nil {
		return err
	}
	known, err := m.family(t.Family)
	if err != nil {
		return err
	}
	if t.Family == schemas.Family_ARCHIVE_FACTS && m.archived < 0 {
		m.archived = len(known)
	}
	key := naturalKey(v)
	before, there := known[key]
	fate := m.fate(t.Family, before, v, there)
	if t.Family == schemas.Family_NODE_FACTS || t.Family == schemas.Family_PEP_FACTS {
		if fate, err = m.nodeFate(fate, before, v); err != nil {
			return err
		}
	}
	m.tally.count(v, fate)
	if fate != Added && fate != Replaced {
		return nil
	}
	if o, ok := v.(*schemas.OfflineMessage); ok {
		m.bytes += len(o.GetStanza())
		if o.GetReceived() == 0 {
			o.Received = m.now.UnixMilli()
		}
		key = naturalKey(v)
	}
	known[key] = v
	m.nodes.took(before, v, m.now)
	fact := eventlog.Set(key, v)
	if t.Family == schemas.Family_OFFLINE_FACTS {
		fact.Entity = "" // the router's business
	}
	m.facts = append(m.facts, fact)
	return nil
}

// family reads the current facts of a family once.
func (m *merge) family(f schemas.Family) (map[string]proto.Message, error) {
	if known, ok := m.known[f]; ok {
		return known, nil
	}
	all, err := m.current.All(f)
	if err != nil {
		return nil, fmt.Errorf("read what is here: %w", err)
	}
	known := make(map[string]proto.Message, len(all))
	for _, v := range all {
		known[naturalKey(v)] = v
		if o, ok := v.(*schemas.OfflineMessage); ok {
			m.bytes += len(o.GetStanza())
		}
	}
	m.known[f] = known
	return known, nil
}

func (m *merge) fate(f schemas.Family, before, after proto.Message, there bool) Fate {
	switch {
	case tooLarge(after):
		return Beyond
	case !there && f == schemas.Family_ARCHIVE_FACTS && m.archived > 0:
		return Kept // what is older cannot be put before what is there. XEP-0313 §3
	case !there:
		if len(m.known[f]) >= most[f] && most[f] > 0 || m.overfull(after) {
			return Beyond
		}
		return Added
	case f == schemas.Family_OFFLINE_FACTS || f == schemas.Family_ARCHIVE_FACTS || same(before, after):
		return Same
	}
	if newer, timed := later(before, after); timed {
		if newer {
			return Replaced
		}
		return Kept
	}
	if m.overwrite {
		return Replaced
	}
	return Kept
}

// overfull tells whether a message would not fit beside the others.
func (m *merge) overfull(v proto.Message) bool {
	o, ok := v.(*schemas.OfflineMessage)
	return ok && m.bytes+len(o.GetStanza()) > router.DefaultLetterBytes
}

// most is how many facts of a family one account has at most.
var most = map[schemas.Family]int{
	schemas.Family_ROSTER_FACTS: roster.MaxItems, schemas.Family_PRIVATE_FACTS: features.MaxPrivateElements,
	schemas.Family_BLOCK_FACTS: features.MaxBlocked + features.MaxPrivacyLists + 1, schemas.Family_OFFLINE_FACTS: router.DefaultLetters,
	schemas.Family_ARCHIVE_FACTS: pie.MaxArchived, schemas.Family_NODE_FACTS: pubsub.MaxNodes,
}

func tooLarge(v proto.Message) bool {
	switch v := v.(type) {
	case *schemas.VCard:
		return len(v.GetVcard()) > features.MaxVCardBytes
	case *schemas.PrivateElement:
		return len(v.GetElement()) > features.MaxPrivateBytes
	}
	return false
}

// later compares facts that say when something was last so.
func later(before, after proto.Message) (newer, timed bool) {
	switch b := before.(type) {
	case *schemas.LastLogin:
		a := after.(*schemas.LastLogin)
		return max(a.GetSignedIn(), a.GetSignedOut()) > max(b.GetSignedIn(), b.GetSignedOut()), true
	case *schemas.PresenceUpdated:
		return after.(*schemas.PresenceUpdated).GetAt() > b.GetAt(), true
	}
	return false, false
}

// same tells whether two values say the same, whatever their bytes are.
func same(before, after proto.Message) bool {
	switch b := before.(type) {
	case *schemas.VCard:
		return bytes.Equal(pie.Canonical(b.GetVcard()), pie.Canonical(after.(*schemas.VCard).GetVcard()))
	case *schemas.PrivateElement:
		return bytes.Equal(pie.Canonical(b.GetElement()), pie.Canonical(after.(*schemas.PrivateElement).GetElement()))
	case *schemas.PresenceUpdated:
		c := proto.CloneOf(b)
		c.Available = false // nobody is available because of an import
		return proto.Equal(c, after)
	case *schemas.NodeConfigured, *schemas.ItemPublished, *schemas.NodeSubscribed:
		return sameNodeFact(before, after)
	case *schemas.RosterItem:
		c, d := proto.CloneOf(b), proto.CloneOf(after.(*schemas.RosterItem))
		c.Request, d.Request = pie.Canonical(c.GetRequest()), pie.Canonical(d.GetRequest())
		return proto.Equal(c, d)
	}
	return proto.Equal(before, after)
}

// naturalKey is what a fact is about. A message is known by what its sender wrote.
func naturalKey(v proto.Message) string {
	switch v := v.(type) {
	case *schemas.RosterItem:
		return v.GetContact()
	case *schemas.VCard:
		return "vcard"
	case *schemas.PrivateElement:
		return v.GetSpace() + " " + v.GetLocal()
	case *schemas.BlockedAddress:
		return v.GetAddress()
	case *schemas.PrivacyList:
		return "list " + v.GetName()
	case *schemas.DefaultPrivacyList:
		return "default list"
	case *schemas.AccountConsent:
		return "consent:" + v.GetKind().String()
	case *schemas.OfflineMessage:
		return string(pie.Written(v.GetStanza()))
	case *schemas.PresenceUpdated:
		return "presence:" + v.GetResource()
	case *schemas.ArchivedMessage:
		return v.GetStanzaId()
	case *schemas.ArchivePreferences:
		return archive.Entity
	case *schemas.LastLogin:
		return "last"
	case *schemas.AccountRestricted:
		return "restriction"
	case *schemas.AccountObjection:
		return "objection:" + v.GetKind().String()
	}
	return pubsub.Key(v)
}
