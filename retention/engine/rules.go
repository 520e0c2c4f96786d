package engine

import (
	"fmt"
	"time"

	"protokoll/eventlog"
	"protokoll/retention"
	"protokoll/schemas"
)

// Fates that are no rule's name.
const (
	fateMoved = "moved"
	fateHeld  = "held"
	fateVoid  = "void"
)

// stateful lists the lanes whose facts are current until they are superseded; in others only age, an erased owner or the end of
// a restriction makes an event due.
var stateful = map[eventlog.Lane]bool{eventlog.Now: true, eventlog.Inbox: true, eventlog.Lasting: true}

// ruleKey finds the rule of an event. An END has a family and no type.
type ruleKey struct {
	trigger retention.Trigger
	family  schemas.Family
	typ     string
}

// rules is the policy, indexed. Of several classes in one event the one with the shortest deadline counts.
type rules struct {
	list []retention.Rule
	by   map[ruleKey]int
}

func newRules(p *retention.Policy) (*rules, error) {
	r := &rules{list: p.Rules(), by: map[ruleKey]int{}}
	families := map[string]schemas.Family{}
	for _, t := range schemas.Types() {
		families[t.Name] = t.Family
	}
	for i, rule := range r.list {
		for _, t := range rule.Types {
			r.put(ruleKey{rule.Trigger, families[t], t}, i)
			r.put(ruleKey{rule.Trigger, families[t], ""}, i)
		}
	}
	return r, r.check()
}

func (r *rules) put(k ruleKey, i int) {
	old, ok := r.by[k]
	if !ok || sooner(r.list[i], r.list[old]) {
		r.by[k] = i
	}
}

func sooner(a, b retention.Rule) bool { return a.After+a.Deadline < b.After+b.Deadline }

// check refuses a policy under which a replaced value or an erased account would have no rule to go by.
func (r *rules) check() error {
	for _, t := range schemas.Types() {
		if !stateful[eventlog.LaneOf(t.Family)] {
			continue
		}
		for _, trigger := range []retention.Trigger{retention.Superseded, retention.Ended} {
			if r.find(trigger, t.Family, t.Name) < 0 {
				return fmt.Errorf("events %q, when %s: %w", t.Name, trigger, ErrRule)
			}
		}
	}
	return nil
}

// likewise says under which rule an event goes where the policy has none for the first trigger: what ended is at least
// superseded, and the other way round.
var likewise = map[retention.Trigger][]retention.Trigger{
	retention.Superseded:    {retention.Superseded, retention.Ended, retention.Delivered},
	retention.Ended:         {retention.Delivered, retention.Ended, retention.Superseded},
	retention.AccountErased: {retention.AccountErased, retention.LeftOver},
	retention.LeftOver:      {retention.LeftOver, retention.AccountErased},
	retention.Age:           {retention.Age},
}

// find returns the index of the rule, or -1.
func (r *rules) find(trigger retention.Trigger, f schemas.Family, typ string) int {
	for _, t := range likewise[trigger] {
		if i, ok := r.by[ruleKey{t, f, typ}]; ok {
			return i
		}
	}
	if typ != "" {
		return r.find(trigger, f, "")
	}
	return -1
}

// aged returns the rule by which an event of this time is due, or -1.
func (r *rules) aged(f schemas.Family, typ string, at int64, now time.Time) int {
	if typ == "" {
		return -1
	}
	i, ok := r.by[ruleKey{retention.Age, f, typ}]
	if !ok || time.UnixMilli(at).Add(r.list[i].After).After(now) {
		return -1
	}
	return i
}

// Period is how far apart sweeps of a lane begin at most, and how old a segment is when it is rolled: half of the shortest
// deadline of what lies in the lane. An erased account is swept when it is erased, and counts only where nothing else does.
// It is 0 for a lane from which no rule takes anything.
func Period(p *retention.Policy, l eventlog.Lane) time.Duration {
	var shortest, erased time.Duration
	for _, rule := range p.Rules() {
		if !liesIn(rule, l) {
			continue
		}
		least := &shortest
		if byErasure(rule) {
			least = &erased
		}
		if *least == 0 || rule.Deadline < *least {
			*least = rule.Deadline
		}
	}
	if shortest == 0 {
		shortest = erased
	}
	return shortest / 2
}

// byErasure tells whether a rule's events become due when an account is erased, after which the lanes are swept soon. A
// reservation is replaced only then, once the key that it names is forgotten.
func byErasure(rule retention.Rule) bool {
	switch rule.Trigger {
	case retention.AccountErased, retention.LeftOver:
		return true
	case retention.Superseded:
		return rule.Class == schemas.DataClass_RESERVED_ADDRESS
	}
	return false
}

// liesIn tells whether a rule's events lie in a lane. Lane held has those of the lanes that people's facts are in.
func liesIn(rule retention.Rule, l eventlog.Lane) bool {
	for _, f := range rule.Families {
		in := eventlog.LaneOf(f)
		if in == l || l == eventlog.Held && (stateful[in] || in == eventlog.Archive) {
			return true
		}
	}
	return false
}
