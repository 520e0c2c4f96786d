package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"mellium.im/xmpp/jid"
)

// MaxMailBytes is the longest mail address that is looked at: 64 bytes of local
// part, "@", 255 bytes of domain. RFC 5321 §4.5.3.1.
const MaxMailBytes = 64 + 1 + 255

var (
	// ErrNotMail is returned when a value is no mail address at all.
	ErrNotMail = errors.New("not a mail address")
	// ErrForeignDomain is returned when no rule names the domain of an address.
	ErrForeignDomain = errors.New("mail domain outside the rules")
	// ErrInvalidLocalpart is returned when an address gives no valid localpart of
	// a JID; the wrapping error says why.
	ErrInvalidLocalpart = errors.New("no valid localpart")
)

// Rule maps the addresses of one mail domain to localparts: the part before the
// "@", with Suffix appended.
type Rule struct {
	MailDomain string // "stud.uni-due.de"
	Suffix     string // ".stud"; may be empty
}

// Mapping is a list of rules that works in both directions. It is immutable and
// may be used by any number of goroutines.
type Mapping struct {
	domain string
	rules  []Rule
}

// Domain is the domain of the JIDs that the mapping makes.
func (m *Mapping) Domain() string { return m.domain }

// Localpart gives the localpart for a mail address in its canonical form
// (UsernameCaseMapped, RFC 7622 §3.3). The error is ErrNotMail, ErrForeignDomain
// or ErrInvalidLocalpart, wrapped with the reason, which quotes at most one
// character of the address.
func (m *Mapping) Localpart(mail string) (string, error) {
	local, domain, err := splitMail(mail)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(m.rules, func(r Rule) bool { return r.MailDomain == domain })
	if i < 0 {
		return "", ErrForeignDomain
	}
	return canonical(local + m.rules[i].Suffix)
}

// Mails gives every mail address that maps to a localpart, in canonical form and
// in the order of the rules. More than one is usual: with the default rules both
// a.b.stud@uni-due.de and a.b@stud.uni-due.de map to a.b.stud. An invalid
// localpart has none.
func (m *Mapping) Mails(localpart string) []string {
	local, err := canonical(localpart)
	if err != nil {
		return nil
	}
	var mails []string
	for _, r := range m.rules {
		before, found := strings.CutSuffix(local, r.Suffix)
		if !found || before == "" {
			continue
		}
		mail := before + "@" + r.MailDomain
		if back, err := m.Localpart(mail); err == nil && back == local {
			mails = append(mails, mail)
		}
	}
	return mails
}

// splitMail separates at the last "@": a quoted one before it stays in the local
// part, where it makes the localpart invalid. The domain comes back in its
// ASCII form, since directories hold either.
func splitMail(mail string) (local, domain string, err error) {
	if len(mail) > MaxMailBytes {
		return "", "", fmt.Errorf("%w: longer than %d bytes", ErrNotMail, MaxMailBytes)
	}
	at := strings.LastIndexByte(mail, '@')
	if at <= 0 || at == len(mail)-1 {
		return "", "", fmt.Errorf("%w: nothing before or after an @", ErrNotMail)
	}
	domain, err = asciiDomain(mail[at+1:])
	if err != nil {
		return "", "", fmt.Errorf("%w: no valid domain", ErrNotMail)
	}
	return mail[:at], domain, nil
}

func asciiDomain(domain string) (string, error) {
	return idna.Lookup.ToASCII(domain)
}

// canonical prepares a localpart. The profile is applied twice: RFC 8264 §7 asks
// for output that a second pass does not change, and an address that is not
// stable could be two accounts.
func canonical(localpart string) (string, error) {
	once, err := prepare(localpart)
	if err != nil {
		return "", err
	}
	twice, err := prepare(once)
	if err != nil || once != twice {
		return "", fmt.Errorf("%w: its prepared form is not stable", ErrInvalidLocalpart)
	}
	return once, nil
}

func prepare(localpart string) (string, error) {
	if localpart == "" {
		return "", fmt.Errorf("%w: empty", ErrInvalidLocalpart)
	}
	// RFC 7622 §3.3.1 names the first group; the space is outside the
	// IdentifierClass. Named here because the reason is shown to the operator.
	if i := strings.IndexAny(localpart, `"&'/:<>@ `); i >= 0 {
		return "", fmt.Errorf("%w: %q is not allowed in a JID", ErrInvalidLocalpart, localpart[i])
	}
	j, err := jid.New(localpart, "localhost", "")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalidLocalpart, err)
	}
	return j.Localpart(), nil
}
