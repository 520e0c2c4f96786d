package directory

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

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
)

// Attributes name where the directory keeps what a vCard shows. An empty one is not asked for.
type Attributes struct {
	Given, Family, Phone, Organisation, Unit, Title, Photo string
}

// Profile is what the directory says about one person.
type Profile struct {
	Name, Mail                                      string
	Given, Family, Phone, Organisation, Unit, Title string
	Photo                                           []byte // as it is stored; empty: none, or too large
}

// Format prints nothing of a person.
func (Profile) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[profile]") }

// LogValue prints nothing of a person.
func (Profile) LogValue() slog.Value { return slog.StringValue("[profile]") }

// Profile reads what the directory says about the person whose JID has a localpart. Its errors are those of Lookup.
func (l *LDAP) Profile(ctx context.Context, localpart string, a Attributes) (Profile, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SignInTimeout)
	defer cancel()
	entry, err := l.find(ctx, localpart)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{Name: entry.Name, Mail: entry.Mail}
	wanted := map[string]*string{a.Given: &p.Given, a.Family: &p.Family, a.Phone: &p.Phone, a.Organisation: &p.Organisation, a.Unit: &p.Unit, a.Title: &p.Title}
	delete(wanted, "")
	req := l.searchRequest(l.cfg.Filter, 1)
	req.BaseDN, req.Scope, req.Attributes = entry.dn, ldap.ScopeBaseObject, nil
	for name := range wanted {
		req.Attributes = append(req.Attributes, name)
	}
	if a.Photo != "" {
		req.Attributes = append(req.Attributes, a.Photo)
	}
	if len(req.Attributes) == 0 {
		return p, nil
	}
	var answer *ldap.SearchResult
	err = l.search.run(ctx, l.cfg.OpTimeout, signInBudget, func(c *ldap.Conn) (err error) {
		answer, err = c.Search(req)
		return err
	})
	if err != nil {
		return Profile{}, searchError(err)
	}
	if len(answer.Entries) != 1 {
		return Profile{}, ErrNoSuchEntry
	}
	for name, to := range wanted {
		if v := answer.Entries[0].GetEqualFoldAttributeValue(name); len(v) <= MaxValueBytes {
			*to = v
		}
	}
	if b := answer.Entries[0].GetEqualFoldRawAttributeValue(a.Photo); a.Photo != "" && len(b) <= MaxPhotoBytes {
		p.Photo = b
	}
	return p, nil
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
