package retention

import (
	"fmt"
	"slices"
	"time"

	"protokoll/schemas"
)

// Field is one field of the form by which XMPP clients learn of the policy. XEP-0504 §3
type Field struct {
	Var, Type string
	Values    []string
}

// Disclosure returns the fields of the form. What the form cannot say exactly, extra_info says in words, in both languages.
func (p *Policy) Disclosure() []Field {
	one := func(name, typ, value string) Field { return Field{name, typ, []string{value}} }
	return []Field{
		// A directory account's password is checked by the server on behalf of the directory. XEP-0504 §3.1
		one("auth_data", "list-single", "plain"),
		one("data_retention", "text-single", p.retained()),
		one("data_deletion", "boolean", "true"), // rosters, profiles and private storage are the owner's to change
		one("encryption_at_rest", "boolean", "true"),
		one("data_export", "boolean", "true"),
		one("full_erasure", "boolean", "true"),
		one("backup_frequency", "text-single", p.Limits.BackupEvery.hours()),
		one("backup_retention", "text-single", Period(p.BackupPeriod()).hours()),
		{"access_policy", "list-multi", slices.Clone(p.Transfers.Access)},
		{"extra_info", "text-multi", append(p.summary(english{}), p.summary(german{})...)},
	}
}

// retained says in hours how long messages are stored at most. XEP-0504 §3.3
func (p *Policy) retained() string {
	for _, r := range p.rules {
		if r.Class == schemas.DataClass_OFFLINE_MESSAGE && r.Trigger == Age {
			return Period(r.After + r.Deadline).hours()
		}
	}
	return "infinite" // until they are delivered, or the account is erased
}

// summary says in a few lines what matters most.
func (p *Policy) summary(l language) []string {
	w := l.words()
	return []string{
		fmt.Sprintf(w.shortDelivered, l.within(p.deadline(schemas.DataClass_OFFLINE_MESSAGE, Delivered))),
		fmt.Sprintf(w.shortPresence, l.within(p.deadline(schemas.DataClass_LAST_PRESENCE, Superseded))),
		fmt.Sprintf(w.shortErased, l.within(p.longest(AccountErased))),
		w.shortAddresses,
	}
}

// deadline returns that of a class's rule, 0 if there is none.
func (p *Policy) deadline(c schemas.DataClass, t Trigger) time.Duration {
	for _, r := range p.rules {
		if r.Class == c && r.Trigger == t {
			return r.Deadline
		}
	}
	return 0
}

// longest returns the longest deadline of a trigger over all classes.
func (p *Policy) longest(t Trigger) (longest time.Duration) {
	for _, r := range p.rules {
		if r.Trigger == t {
			longest = max(longest, r.Deadline)
		}
	}
	return longest
}
