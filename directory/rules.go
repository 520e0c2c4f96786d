package directory

import (
	"errors"
	"fmt"
	"strings"

	"mellium.im/xmpp/jid"
)

// ErrRules is returned by NewMapping when the rules contradict each other or
// themselves; the wrapping error says which ones and why.
var ErrRules = errors.New("address mapping")

// NewMapping makes a mapping for a domain. Every fault of the rules is reported,
// not only the first.
//
// Refused are two rules for one mail domain, two mail domains with one suffix
// (every address of the one would collide with one of the other), and a suffix
// that ends in another one. The empty suffix is excepted from the last: it is the
// usual rule for staff, and the collisions it permits are few, found by Check and
// refused at sign-in.
func NewMapping(domain string, rules []Rule) (*Mapping, error) {
	d, err := jid.New("", domain, "")
	if err != nil || strings.ContainsAny(domain, "@/") {
		return nil, fmt.Errorf("%w: %q is no valid domain", ErrRules, domain)
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("%w: no rule", ErrRules)
	}
	m := &Mapping{domain: d.Domainpart()}
	var faults []error
	for i, r := range rules {
		r, err := checkRule(r)
		if err != nil {
			faults = append(faults, fmt.Errorf("%w: rule %d: %w", ErrRules, i+1, err))
			continue
		}
		for k, earlier := range m.rules {
			if why := contradiction(earlier, r); why != "" {
				faults = append(faults, fmt.Errorf("%w: rules %d and %d: %s", ErrRules, k+1, i+1, why))
			}
		}
		m.rules = append(m.rules, r)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return m, nil
}

// checkRule brings a rule into the form that Localpart compares with.
func checkRule(r Rule) (Rule, error) {
	domain, err := asciiDomain(r.MailDomain)
	if err != nil || domain == "" || strings.HasSuffix(domain, ".") {
		return r, fmt.Errorf("%q is no valid mail domain", r.MailDomain)
	}
	// Only characters that no preparation changes and that no neighbour can
	// combine with: so cutting the suffix off is exactly the reverse.
	for _, c := range []byte(r.Suffix) {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-_", rune(c)) {
			return r, fmt.Errorf("suffix %q: only a-z, 0-9, dot, hyphen and underscore", r.Suffix)
		}
	}
	return Rule{MailDomain: domain, Suffix: r.Suffix}, nil
}

func contradiction(a, b Rule) string {
	switch {
	case a.MailDomain == b.MailDomain:
		return fmt.Sprintf("mail domain %q appears twice", a.MailDomain)
	case a.Suffix == b.Suffix:
		return fmt.Sprintf("mail domains %q and %q have the same suffix %q", a.MailDomain, b.MailDomain, a.Suffix)
	case a.Suffix == "" || b.Suffix == "":
		return ""
	case strings.HasSuffix(a.Suffix, b.Suffix), strings.HasSuffix(b.Suffix, a.Suffix):
		return fmt.Sprintf("suffixes %q and %q overlap", a.Suffix, b.Suffix)
	}
	return ""
}
