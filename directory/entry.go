package directory

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// lockAttribute is operational: it comes only when asked for by name. lockedForGood
// is its value for an account locked by an administrator; any other value is when
// too many wrong passwords locked it, which passes, and which only the server can
// judge (draft-behera-ldap-password-policy §5.3.3).
const (
	lockAttribute = "pwdAccountLockedTime"
	lockedForGood = "000001010000Z"
)

// Entry is a person of the directory who has an address here.
type Entry struct {
	ID         string // stable: entryUUID, or what Config.IDAttribute says
	Localpart  string // canonical
	Name, Mail string // to show to the person’s contacts; never logged
	Locked     bool   // by an administrator, not by wrong passwords

	dn string
}

// Format prints nothing of a person.
func (Entry) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[entry]") }

// LogValue prints nothing of a person.
func (Entry) LogValue() slog.Value { return slog.StringValue("[entry]") }

// person is an entry as the directory gave it.
type person struct {
	dn, id, name string
	mails        []string // candidates for the primary address, as returned
	all          []string // all addresses
	locked       bool
}

func (c *Config) attributes() []string {
	names := []string{c.MailAttribute, c.IDAttribute, c.NameAttribute, lockAttribute}
	if c.PrimaryAttribute != "" {
		names = append(names, c.PrimaryAttribute)
	}
	return names
}

func (c *Config) person(e *ldap.Entry) person {
	return person{
		dn:     e.DN,
		id:     idText(e.GetEqualFoldAttributeValue(c.IDAttribute)),
		name:   e.GetEqualFoldAttributeValue(c.NameAttribute),
		mails:  e.GetEqualFoldAttributeValues(c.searched()),
		all:    e.GetEqualFoldAttributeValues(c.MailAttribute),
		locked: e.GetEqualFoldAttributeValue(lockAttribute) == lockedForGood,
	}
}

// idText makes one text of an id: a UUID’s letters may come in either case, and
// some directories’ ids are bytes.
func idText(id string) string {
	if !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return fmt.Sprintf("%x", id)
	}
	return strings.ToLower(id)
}

// claims gives the localparts that a person’s addresses map to, each once.
func (p *person) claims(m *Mapping) []string {
	var locals []string
	for _, mail := range p.mails {
		if local, err := m.Localpart(mail); err == nil && !slices.Contains(locals, local) {
			locals = append(locals, local)
		}
	}
	return locals
}

// primary gives the address that counts and its localpart. LDAP returns values in
// no order (RFC 4511 §4.1.7), so “the first” means nothing: all addresses inside
// the rules must map to the same localpart, else ErrNoPrimary. Those outside the
// rules can never be a JID and do not count. See docs/decisions/0004-primary-mail.md.
func (p *person) primary(m *Mapping) (mail, localpart string, err error) {
	for _, candidate := range p.mails {
		local, err := m.Localpart(candidate)
		switch {
		case errors.Is(err, ErrForeignDomain), errors.Is(err, ErrNotMail):
			continue
		case err != nil, localpart != "" && local != localpart:
			return "", "", ErrNoPrimary
		case localpart == "" || candidate < mail:
			// The least spelling, so that the choice does not depend on the order.
			mail, localpart = candidate, local
		}
	}
	if localpart == "" {
		return "", "", ErrNoPrimary
	}
	return mail, localpart, nil
}

// entry makes the Entry of the one person who claims a localpart.
func (p *person) entry(m *Mapping) (Entry, error) {
	mail, local, err := p.primary(m)
	if err != nil {
		return Entry{}, err
	}
	if p.id == "" {
		return Entry{}, ErrNoID
	}
	return Entry{ID: p.id, Localpart: local, Name: p.name, Mail: mail, Locked: p.locked, dn: p.dn}, nil
}
