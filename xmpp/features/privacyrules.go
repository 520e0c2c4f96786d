package features

import (
	"slices"
	"strings"

	"protokoll/schemas"
)

// StanzaKind is what a privacy rule can be about, seen from the owner. XEP-0016 §2.1
type StanzaKind uint8

// The kinds. Everything is what only a rule about all stanzas decides: subscriptions, and what the owner sends.
const (
	Everything StanzaKind = iota
	MessageIn
	IQIn
	PresenceIn
	PresenceOut
)

// List is a compiled privacy list. It is immutable.
type List struct {
	rules []*schemas.PrivacyRule
	index map[string][]int // what a rule looks at → places in rules, in order
	looks bool             // at groups or subscriptions
}

// newList compiles rules that stand in their order.
func newList(rules []*schemas.PrivacyRule) *List {
	l := &List{rules: rules, index: make(map[string][]int, len(rules))}
	for n, rule := range rules {
		key := ruleKey(rule.GetType(), rule.GetValue())
		l.index[key] = append(l.index[key], n)
		l.looks = l.looks || rule.GetType() == schemas.PrivacyRuleType_BY_GROUP || rule.GetType() == schemas.PrivacyRuleType_BY_SUBSCRIPTION
	}
	return l
}

func ruleKey(t schemas.PrivacyRuleType, value string) string { return string(rune('0'+t)) + value }

// Acquaintance is what privacy rules ask of a contact.
type Acquaintance struct {
	Groups       []string
	Subscription string // none, to, from or both
}

// denies finds the first rule that matches; no rule: allowed. The cost does not depend on how many rules there are.
// XEP-0016 §2.2
func (l *List) denies(k StanzaKind, jid string, known map[string]Acquaintance) bool {
	if l == nil {
		return false
	}
	first := len(l.rules)
	look := func(t schemas.PrivacyRuleType, value string) {
		for _, n := range l.index[ruleKey(t, value)] {
			if n >= first {
				return
			}
			if about(l.rules[n], k) {
				first = n
				return
			}
		}
	}
	eachForm(jid, func(form string) bool {
		look(schemas.PrivacyRuleType_BY_JID, form)
		return false
	})
	if l.looks {
		contact, ok := known[bareOf(jid)]
		if !ok {
			contact.Subscription = "none"
		}
		look(schemas.PrivacyRuleType_BY_SUBSCRIPTION, contact.Subscription)
		for _, g := range contact.Groups {
			look(schemas.PrivacyRuleType_BY_GROUP, g)
		}
	}
	look(schemas.PrivacyRuleType_EVERYBODY, "")
	return first < len(l.rules) && l.rules[first].GetDeny()
}

// eachForm calls fn with the forms of an address that a list may name, until it returns true: user@domain/resource,
// user@domain, domain/resource, domain. XEP-0016 §2.1, XEP-0191 §6
func eachForm(jid string, fn func(string) bool) bool {
	bare, resource, full := strings.Cut(jid, "/")
	if fn(jid) || full && fn(bare) {
		return true
	}
	_, domain, person := strings.Cut(bare, "@")
	return person && (full && fn(domain+"/"+resource) || fn(domain))
}

// about tells whether a rule is about a kind of stanza.
func about(rule *schemas.PrivacyRule, k StanzaKind) bool {
	switch {
	case aboutAll(rule):
		return true
	case k == MessageIn:
		return rule.GetMessage()
	case k == IQIn:
		return rule.GetIq()
	case k == PresenceIn:
		return rule.GetPresenceIn()
	case k == PresenceOut:
		return rule.GetPresenceOut()
	}
	return false
}

// aboutAll tells whether a rule names no kind, or all four.
func aboutAll(rule *schemas.PrivacyRule) bool {
	return rule.GetMessage() == rule.GetIq() && rule.GetIq() == rule.GetPresenceIn() && rule.GetPresenceIn() == rule.GetPresenceOut()
}

// plainDenial tells whether a rule says what the block list can say: nothing at all from or to an address.
func plainDenial(rule *schemas.PrivacyRule) bool {
	return rule.GetDeny() && rule.GetType() == schemas.PrivacyRuleType_BY_JID && aboutAll(rule)
}

// hoist takes from rules what the block list can say: denials that no rule before them can overrule.
func hoist(rules []*schemas.PrivacyRule) (addresses []string, rest []*schemas.PrivacyRule) {
	overruled := false
	for _, rule := range rules {
		if plainDenial(rule) && !overruled {
			if !slices.Contains(addresses, rule.GetValue()) {
				addresses = append(addresses, rule.GetValue())
			}
			continue
		}
		overruled = overruled || !rule.GetDeny()
		rest = append(rest, rule)
	}
	return addresses, rest
}
