package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
)

// What the directory says about people beside their address.
const (
	// MaxPhotoBytes is the largest photo that is taken from the directory.
	MaxPhotoBytes = 90 << 10
	// MaxValueBytes is the longest other value.
	MaxValueBytes = 1 << 10
	// maxSearched bounds what one search for people returns.
	maxSearched = 200
	// profileBudget is how much a server may send about one person, in bytes: more than a photo that is taken, because
	// one entry with a large photo is no fault of the server.
	profileBudget = 8 << 20
)

// Attributes name where the directory keeps what a vCard shows. An empty one is not asked for.
type Attributes struct {
	Name, Mail, Given, Family, Phone, Organisation, Unit, Title, Photo string
}

// commonName is what people are called where the attribute for names is empty.
const commonName = "cn"

// Check returns what is no attribute name.
func (a Attributes) Check() error {
	var faults []error
	for _, name := range a.texts(&Profile{}) {
		if !attributeName(name.attribute) {
			faults = append(faults, fmt.Errorf("%q is no attribute name", name.attribute))
		}
	}
	if a.Photo != "" && !attributeName(a.Photo) {
		faults = append(faults, fmt.Errorf("%q is no attribute name", a.Photo))
	}
	return errors.Join(faults...)
}

// wantedText is where the value of an attribute goes.
type wantedText struct {
	attribute string
	to        *string
}

// texts lists the attributes that are asked for.
func (a Attributes) texts(p *Profile) (all []wantedText) {
	for _, t := range []wantedText{
		{a.Name, &p.Name}, {a.Mail, &p.Mail}, {a.Given, &p.Given}, {a.Family, &p.Family}, {a.Phone, &p.Phone},
		{a.Organisation, &p.Organisation}, {a.Unit, &p.Unit}, {a.Title, &p.Title},
	} {
		if t.attribute != "" {
			all = append(all, t)
		}
	}
	return all
}

// Profile is what the directory says about one person.
type Profile struct {
	ID                                                          string // as Entry.ID
	Name, Mail, Given, Family, Phone, Organisation, Unit, Title string
	Photo                                                       []byte // as it is stored; empty: none, or too large
}

// Format prints nothing of a person.
func (Profile) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[profile]") }

// LogValue prints nothing of a person.
func (Profile) LogValue() slog.Value { return slog.StringValue("[profile]") }

// Profile reads what the directory says about the person whose JID has a localpart. What has more than one value is
// taken as the directory gives it first, but for the mail address that counts. Its errors are those of Lookup.
func (l *LDAP) Profile(ctx context.Context, localpart string, a Attributes) (Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SignInTimeout)
	defer cancel()
	entry, err := l.find(ctx, localpart)
	if err != nil {
		return Profile{}, err
	}
	e, err := l.entryAt(ctx, entry.dn, a)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{ID: entry.ID}
	for _, t := range a.texts(&p) {
		*t.to = textOf(e, t.attribute)
	}
	if a.Name != "" && p.Name == "" {
		p.Name = textOf(e, commonName)
	}
	if strings.EqualFold(a.Mail, l.cfg.MailAttribute) {
		p.Mail = entry.Mail
	}
	if b := e.GetEqualFoldRawAttributeValue(a.Photo); a.Photo != "" && len(b) <= MaxPhotoBytes {
		p.Photo = b
	}
	return p, nil
}

// textOf is the value of an attribute, "" for one that is too long or no text.
func textOf(e *ldap.Entry, attribute string) string {
	v := strings.TrimSpace(e.GetEqualFoldAttributeValue(attribute))
	if len(v) > MaxValueBytes || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
		return ""
	}
	return v
}

// entryAt reads attributes of one entry.
func (l *LDAP) entryAt(ctx context.Context, dn string, a Attributes) (*ldap.Entry, error) {
	req := l.searchRequest(l.cfg.Filter, 1)
	req.BaseDN, req.Scope, req.Attributes = dn, ldap.ScopeBaseObject, []string{commonName}
	for _, t := range a.texts(&Profile{}) {
		req.Attributes = append(req.Attributes, t.attribute)
	}
	if a.Photo != "" {
		req.Attributes = append(req.Attributes, a.Photo)
	}
	var answer *ldap.SearchResult
	err := l.search.run(ctx, l.cfg.OpTimeout, profileBudget, func(c *ldap.Conn) (err error) {
		answer, err = c.Search(req)
		return err
	})
	if err != nil {
		return nil, searchError(err)
	}
	if len(answer.Entries) != 1 {
		return nil, ErrNoSuchEntry
	}
	return answer.Entries[0], nil
}

// Find searches people whose name has all words, and whose mail address begins so. What is searched is escaped: nothing in it
// is a wildcard. It returns at most maxSearched, and leaves out who has no address here. Errors: ErrUnavailable, ErrClosed.
func (l *LDAP) Find(ctx context.Context, words []string, mail string) ([]Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SignInTimeout)
	defer cancel()
	var b strings.Builder
	b.WriteString("(&" + l.cfg.Filter)
	for _, w := range words {
		b.WriteString("(" + l.cfg.NameAttribute + "=*" + ldap.EscapeFilter(w) + "*)")
	}
	if mail != "" {
		b.WriteString("(" + l.cfg.searched() + "=" + ldap.EscapeFilter(mail) + "*)")
	}
	b.WriteString(")")
	req := l.searchRequest(b.String(), maxSearched)
	var answer *ldap.SearchResult
	err := l.search.run(ctx, l.cfg.OpTimeout, pageBudget, func(c *ldap.Conn) (err error) {
		answer, err = c.Search(req)
		return err
	})
	if err != nil && (code(err) != ldap.LDAPResultSizeLimitExceeded || answer == nil) {
		return nil, searchError(err)
	}
	var found []Entry
	for _, e := range answer.Entries {
		p := l.cfg.person(e)
		if entry, err := p.entry(l.cfg.Mapping); err == nil && !entry.Locked {
			found = append(found, entry)
		}
	}
	return found, nil
}
