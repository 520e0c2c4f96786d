package features

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// DefaultListName is what the block list is called as a privacy list while no list was made the default one. XEP-0191 §5
const DefaultListName = "blocked"

const (
	entityDefaultList = "default list"
	entityList        = "list " // then its name; no address begins so
)

// lists are the block list and the privacy lists of an account as its facts state them. The default list is the block list
// and, behind it, what only a privacy list can say. docs/decisions/0012
type lists struct {
	blocked map[string]bool
	rules   map[string][]*schemas.PrivacyRule // of the default list: what stands behind the block list
	chosen  string                            // as default; empty: none was
}

func readLists(f Facts) (*lists, error) {
	facts, err := f.All(schemas.Family_BLOCK_FACTS)
	if err != nil {
		return nil, err
	}
	l := &lists{blocked: map[string]bool{}, rules: map[string][]*schemas.PrivacyRule{}}
	for _, m := range facts {
		switch m := m.(type) {
		case *schemas.BlockedAddress:
			l.blocked[m.GetAddress()] = true
		case *schemas.PrivacyList:
			l.rules[m.GetName()] = m.GetRules()
		case *schemas.DefaultPrivacyList:
			l.chosen = m.GetName()
		}
	}
	return l, nil
}

func (l *lists) clone() *lists {
	return &lists{maps.Clone(l.blocked), maps.Clone(l.rules), l.chosen}
}

// standing is the name of the default list.
func (l *lists) standing() string { return cmp.Or(l.chosen, DefaultListName) }

func (l *lists) exists(name string) bool {
	return len(l.rules[name]) > 0 || name == l.standing() && (len(l.blocked) > 0 || l.chosen != "")
}

// names lists what exists.
func (l *lists) names() []string {
	names := slices.Collect(maps.Keys(l.rules))
	if s := l.standing(); len(l.rules[s]) == 0 && l.exists(s) {
		names = append(names, s)
	}
	slices.Sort(names)
	return names
}

// show returns the rules of a list as a client sees them: in the default list the block list comes first.
func (l *lists) show(name string) []*schemas.PrivacyRule {
	if name != l.standing() {
		return l.rules[name]
	}
	var all []*schemas.PrivacyRule
	for _, address := range slices.Sorted(maps.Keys(l.blocked)) {
		all = append(all, &schemas.PrivacyRule{Type: schemas.PrivacyRuleType_BY_JID, Value: address, Deny: true})
	}
	if len(all) == 0 {
		return l.rules[name]
	}
	for _, rule := range l.rules[name] {
		all = append(all, &schemas.PrivacyRule{Type: rule.GetType(), Value: rule.GetValue(), Deny: rule.GetDeny(),
			Message: rule.GetMessage(), Iq: rule.GetIq(), PresenceIn: rule.GetPresenceIn(), PresenceOut: rule.GetPresenceOut()})
	}
	for n, rule := range all {
		rule.Order = uint32(n) + 1
	}
	return all
}

// put makes a list say something else; no rules: it is removed.
func (l *lists) put(name string, rules []*schemas.PrivacyRule) {
	if name == l.standing() {
		var addresses []string
		addresses, rules = hoist(rules)
		l.blocked = map[string]bool{}
		for _, a := range addresses {
			l.blocked[a] = true
		}
		if len(addresses) == 0 && len(rules) == 0 {
			l.chosen = ""
		}
	}
	l.keep(name, rules)
}

func (l *lists) keep(name string, rules []*schemas.PrivacyRule) {
	if l.rules[name] = rules; len(rules) == 0 {
		delete(l.rules, name)
	}
}

// unblock takes addresses out of the block list, and out of what else the default list says about them; nil: all.
func (l *lists) unblock(wanted *Blocks) {
	taken := func(address string) bool { return wanted == nil || wanted.addresses[address] }
	maps.DeleteFunc(l.blocked, func(address string, _ bool) bool { return taken(address) })
	rest := slices.DeleteFunc(slices.Clone(l.rules[l.standing()]), func(rule *schemas.PrivacyRule) bool {
		return plainDenial(rule) && taken(rule.GetValue())
	})
	l.keep(l.standing(), rest)
}

// choose makes a list the default one; "": none. Who is blocked stays so, whatever the list says: only taking an address out
// of the default list, or of the block list, ends that.
func (l *lists) choose(name string) {
	if name == l.chosen {
		return
	}
	if l.chosen != "" {
		l.keep(l.chosen, l.show(l.chosen)) // as it was seen
	}
	l.chosen = name
	addresses, rest := hoist(l.rules[name])
	if name == "" {
		return
	}
	for _, a := range addresses {
		l.blocked[a] = true
	}
	l.keep(name, rest)
}

// facts lists what makes these lists of others.
func (l *lists) facts(before *lists) []eventlog.Fact {
	var facts []eventlog.Fact
	end := func(entity string) { facts = append(facts, eventlog.End(schemas.Family_BLOCK_FACTS, entity)) }
	removed, added := difference(before.blocked, l.blocked)
	for _, a := range removed {
		end(a)
	}
	for _, a := range added {
		facts = append(facts, eventlog.Set(a, &schemas.BlockedAddress{Address: a}))
	}
	for _, name := range slices.Sorted(maps.Keys(before.rules)) {
		if l.rules[name] == nil {
			end(entityList + name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.rules)) {
		if !sameRules(before.rules[name], l.rules[name]) {
			facts = append(facts, eventlog.Set(entityList+name, &schemas.PrivacyList{Name: name, Rules: l.rules[name]}))
		}
	}
	switch {
	case before.chosen == l.chosen:
	case l.chosen == "":
		end(entityDefaultList)
	default:
		facts = append(facts, eventlog.Set(entityDefaultList, &schemas.DefaultPrivacyList{Name: l.chosen}))
	}
	return facts
}

func sameRules(a, b []*schemas.PrivacyRule) bool {
	return slices.EqualFunc(a, b, func(x, y *schemas.PrivacyRule) bool { return proto.Equal(x, y) })
}

// difference returns what only one of two sets holds, in order.
func difference(before, after map[string]bool) (removed, added []string) {
	for _, a := range slices.Sorted(maps.Keys(before)) {
		if !after[a] {
			removed = append(removed, a)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(after)) {
		if !before[a] {
			added = append(added, a)
		}
	}
	return removed, added
}

// compile makes what the router asks.
func (l *lists) compile(own string) *Blocks {
	b := NewBlocks(slices.Collect(maps.Keys(l.blocked))...)
	b.own = own
	if len(l.rules) == 0 && l.chosen == "" {
		return b
	}
	b.lists = make(map[string]*List, len(l.rules)+1)
	for name, rules := range l.rules {
		b.lists[name] = newList(rules)
	}
	b.standing = b.lists[l.standing()]
	if b.standing == nil {
		b.lists[l.standing()] = newList(nil)
	}
	return b
}
