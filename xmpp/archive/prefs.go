package archive

import (
	"encoding/xml"
	"slices"
	"strings"

	"mellium.im/xmpp/jid"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// NS is the namespace of archives and of their preferences.
const NS = "urn:xmpp:mam:2"

const (
	// MaxListed is how many JIDs the lists of the preferences may hold together.
	MaxListed = 500
	// Entity is the natural key of the preferences.
	Entity = "preferences"
)

// Preferences say which messages an owner wants to be archived. nil: none. They are immutable.
type Preferences struct {
	byDefault     schemas.ArchiveDefault
	always, never map[string]bool
}

// FromFact reads preferences. It returns nil where nothing is archived.
func FromFact(m *schemas.ArchivePreferences) *Preferences {
	off := m.GetByDefault() != schemas.ArchiveDefault_ARCHIVE_ALWAYS && m.GetByDefault() != schemas.ArchiveDefault_ARCHIVE_ROSTER
	if m == nil || off && len(m.GetAlways()) == 0 {
		return nil
	}
	p := &Preferences{byDefault: m.GetByDefault(), always: map[string]bool{}, never: map[string]bool{}}
	for _, j := range m.GetAlways() {
		p.always[j] = true
	}
	for _, j := range m.GetNever() {
		p.never[j] = true
	}
	return p
}

// Keep tells whether a message to or from an address is archived. contact tells whether its bare JID is in the owner's roster.
// Of both lists the one that names the resource counts, and never before always. XEP-0441 §2.2
func (p *Preferences) Keep(with string, contact func(bare string) bool) bool {
	if p == nil {
		return false
	}
	bare, _, _ := strings.Cut(with, "/")
	for _, j := range [...]string{with, bare} {
		switch {
		case p.never[j]:
			return false
		case p.always[j]:
			return true
		}
	}
	switch p.byDefault {
	case schemas.ArchiveDefault_ARCHIVE_ALWAYS:
		return true
	case schemas.ArchiveDefault_ARCHIVE_ROSTER:
		return contact(bare)
	}
	return false
}

// defaults are the values of the attribute. XEP-0441 §2.1
var defaults = map[string]schemas.ArchiveDefault{
	"never": schemas.ArchiveDefault_ARCHIVE_NEVER, "always": schemas.ArchiveDefault_ARCHIVE_ALWAYS, "roster": schemas.ArchiveDefault_ARCHIVE_ROSTER,
}

func nameOf(d schemas.ArchiveDefault) string {
	for name, value := range defaults {
		if value == d {
			return name
		}
	}
	return "never"
}

func (h *handlers) getPrefs(req *features.Request) (features.Reply, error) {
	m, err := current(req.Account)
	if err != nil {
		return features.Reply{}, err
	}
	return features.Reply{Payload: prefs(m)}, nil
}

func current(f features.Facts) (*schemas.ArchivePreferences, error) {
	m, err := f.Get(schemas.Family_ARCHIVE_PREFERENCES, Entity)
	p, _ := m.(*schemas.ArchivePreferences)
	return p, err
}

func (h *handlers) setPrefs(req *features.Request) (features.Reply, error) {
	wanted, err := parsePrefs(req.Payload.Raw)
	if err != nil {
		return features.Reply{}, err
	}
	after, err := req.Account.Change(schemas.Cause_CLIENT, func(features.Facts) ([]eventlog.Fact, error) { return stating(wanted), nil })
	return features.Reply{Payload: prefs(wanted), After: after}, err
}

// stating returns what makes preferences be so. Those of somebody who never had any are no fact.
func stating(wanted *schemas.ArchivePreferences) []eventlog.Fact {
	if FromFact(wanted) == nil && len(wanted.GetNever()) == 0 {
		return []eventlog.Fact{eventlog.End(schemas.Family_ARCHIVE_PREFERENCES, Entity)}
	}
	return []eventlog.Fact{eventlog.Set(Entity, wanted)}
}

// Default returns what an account's preferences say of everybody whom they do not name: never, roster or always. XEP-0441 §2.1
func Default(f features.Facts) (string, error) {
	m, err := current(f)
	return nameOf(m.GetByDefault()), err
}

// SetDefault changes that alone. The receipt tells when it is on disk. name is one that Default returns.
func SetDefault(a features.Account, name string) (*eventlog.Receipt, error) {
	return a.Change(schemas.Cause_CLIENT, func(f features.Facts) ([]eventlog.Fact, error) {
		m, err := current(f)
		if err != nil {
			return nil, err
		}
		return stating(&schemas.ArchivePreferences{ByDefault: defaults[name], Always: m.GetAlways(), Never: m.GetNever()}), nil
	})
}

// prefsXML is what a client sends.
type prefsXML struct {
	Default string   `xml:"default,attr"`
	Always  []string `xml:"urn:xmpp:mam:2 always>jid"`
	Never   []string `xml:"urn:xmpp:mam:2 never>jid"`
}

func parsePrefs(payload []byte) (*schemas.ArchivePreferences, error) {
	var x prefsXML
	if err := xml.Unmarshal(payload, &x); err != nil {
		return nil, features.BadRequest("the payload cannot be read")
	}
	d, ok := defaults[x.Default]
	if !ok {
		return nil, features.BadRequest("the default is always, never or roster") // XEP-0441 §2.1
	}
	if len(x.Always)+len(x.Never) > MaxListed {
		return nil, features.LimitReached()
	}
	m := &schemas.ArchivePreferences{ByDefault: d}
	var err error
	if m.Always, err = prepared(x.Always); err == nil {
		m.Never, err = prepared(x.Never)
	}
	return m, err
}

// prepared prepares JIDs, and leaves each in once.
func prepared(list []string) (jids []string, err error) {
	for _, s := range list {
		j, err := jid.Parse(strings.TrimSpace(s))
		if err != nil {
			return nil, features.JIDMalformed()
		}
		if s := j.String(); !slices.Contains(jids, s) {
			jids = append(jids, s)
		}
	}
	return jids, nil
}

// prefs writes preferences; both lists are there even if they are empty. XEP-0441 §2
func prefs(m *schemas.ArchivePreferences) []byte {
	b := append(append([]byte("<prefs xmlns='"+NS+"' default='"), nameOf(m.GetByDefault())...), "'>"...)
	for _, l := range []struct {
		name string
		jids []string
	}{{"always", m.GetAlways()}, {"never", m.GetNever()}} {
		b = append(append(append(b, '<'), l.name...), '>')
		for _, j := range l.jids {
			b = append(frame.AppendEscaped(append(b, "<jid>"...), j), "</jid>"...)
		}
		b = append(append(append(b, "</"...), l.name...), '>')
	}
	return append(b, "</prefs>"...)
}
