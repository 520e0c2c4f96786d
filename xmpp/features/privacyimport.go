package features

import (
	"encoding/xml"
	"maps"
	"slices"

	"protokoll/schemas"
)

// Lists are the block list and the privacy lists of an account as an export or an import has them.
type Lists struct {
	Blocked []string // the beginning of the default list
	Lists   []*schemas.PrivacyList
	Default string // empty: none was chosen
	Refused int    // lists that this server does not take, or not as large
}

// ReadLists reads a <query xmlns='jabber:iq:privacy'/> that holds all lists of an account. XEP-0227 §4.7
func ReadLists(query []byte) (Lists, error) {
	var p privacyPayload
	if err := xml.Unmarshal(query, &p); err != nil {
		return Lists{}, BadRequest("")
	}
	l := &lists{blocked: map[string]bool{}, rules: map[string][]*schemas.PrivacyRule{}}
	if len(p.Default) > 0 && p.Default[0].Name != nil {
		l.chosen = *p.Default[0].Name
	}
	if l.chosen == DefaultListName {
		l.chosen = "" // what the block list is called anyway
	}
	var read Lists
	for _, list := range p.Lists {
		rules, err := list.rules()
		if err != nil || len(rules) == 0 || len(l.rules) >= MaxPrivacyLists {
			read.Refused++
			continue
		}
		if list.Name != nil && *list.Name == l.standing() {
			rules = withoutRest(rules)
		}
		l.put(*list.Name, rules)
	}
	if !l.exists(l.chosen) {
		l.chosen = ""
	}
	read.Blocked, read.Default = slices.Sorted(maps.Keys(l.blocked)), l.chosen
	for _, name := range slices.Sorted(maps.Keys(l.rules)) {
		read.Lists = append(read.Lists, &schemas.PrivacyList{Name: name, Rules: l.rules[name]})
	}
	return read, nil
}

// withoutRest takes the last rule away where it allows everything, which is so without it.
func withoutRest(rules []*schemas.PrivacyRule) []*schemas.PrivacyRule {
	if n := len(rules) - 1; n >= 0 && !rules[n].GetDeny() && rules[n].GetType() == schemas.PrivacyRuleType_EVERYBODY && aboutAll(rules[n]) {
		return rules[:n]
	}
	return rules
}

// Append writes what ReadLists reads.
func (l Lists) Append(dst []byte) []byte {
	all := &lists{blocked: map[string]bool{}, rules: map[string][]*schemas.PrivacyRule{}, chosen: l.Default}
	for _, a := range l.Blocked {
		all.blocked[a] = true
	}
	for _, list := range l.Lists {
		all.rules[list.GetName()] = list.GetRules()
	}
	dst = append(dst, "<query xmlns='"+NSPrivacy+"'>"...)
	if all.exists(all.standing()) {
		dst = append(appendAttr(append(dst, "<default"...), "name", all.standing()), "/>"...)
	}
	for _, name := range all.names() {
		dst = all.appendItems(dst, name)
	}
	return append(dst, "</query>"...)
}
