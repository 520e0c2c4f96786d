package retention

import (
	"cmp"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// triggersOf says which rules a class must have, and which it may have beside them. A rule that is in neither list is one that
// the engine would not carry out.
func triggersOf(c schemas.DataClass) (must, may []Trigger) {
	switch c {
	case schemas.DataClass_TECHNICAL, schemas.DataClass_PROOF:
		return []Trigger{Kept}, nil
	case schemas.DataClass_OFFLINE_MESSAGE:
		return []Trigger{Delivered, Superseded, AccountErased, LeftOver}, []Trigger{Age}
	case schemas.DataClass_OUTBOX:
		return []Trigger{Delivered, Age}, nil
	case schemas.DataClass_RESERVED_ADDRESS:
		return []Trigger{Age, Superseded, Ended}, nil
	case schemas.DataClass_AUDIT:
		return []Trigger{Age}, nil
	}
	return []Trigger{Superseded, Ended, AccountErased, LeftOver}, nil
}

func rulesOf(kinds []Kind) (rules []Rule) {
	types := typesOf()
	for _, k := range kinds {
		c, _ := classNamed(k.Name)
		for _, w := range k.When {
			if w.Trigger == Kept {
				continue
			}
			rules = append(rules, Rule{
				Name: k.Name + "." + string(w.Trigger), Class: c.Data, Families: c.Families, Types: types[c.Data],
				Trigger: w.Trigger, After: time.Duration(w.After), Deadline: time.Duration(w.Deadline),
			})
		}
	}
	return rules
}

// typesOf finds the event types that hold each class.
func typesOf() map[schemas.DataClass][]string {
	held := map[schemas.DataClass][]string{}
	for _, t := range schemas.Types() {
		m, err := schemas.Decode(t.Name, t.Version, nil)
		if err != nil {
			continue // Types names what Decode knows
		}
		classesIn(m.ProtoReflect().Descriptor(), func(c schemas.DataClass) {
			if !slices.Contains(held[c], t.Name) {
				held[c] = append(held[c], t.Name)
			}
		})
	}
	return held
}

// classesIn calls add with the class of every field of a message and of the messages in it.
func classesIn(m protoreflect.MessageDescriptor, add func(schemas.DataClass)) {
	fields := m.Fields()
	for i := range fields.Len() {
		add(proto.GetExtension(fields.Get(i).Options(), schemas.E_Data).(schemas.DataClass))
		if inner := fields.Get(i).Message(); inner != nil {
			classesIn(inner, add)
		}
	}
}

// RulesOf returns the rules for events of a family, the shortest deadline first. An event may fall under several: the first that
// makes it due counts. A family can hold types of different classes, and an Age rule is about its types only: see RulesOfType.
func (p *Policy) RulesOf(f schemas.Family) []Rule {
	return p.pick(func(r Rule) bool { return slices.Contains(r.Families, f) })
}

// RulesOfType returns the rules for events of a type, the shortest deadline first.
func (p *Policy) RulesOfType(name string) []Rule {
	return p.pick(func(r Rule) bool { return slices.Contains(r.Types, name) })
}

// RulesOfLane returns the rules for a lane's events, the shortest deadline first.
func (p *Policy) RulesOfLane(l eventlog.Lane) []Rule {
	return p.pick(func(r Rule) bool {
		return slices.ContainsFunc(r.Families, func(f schemas.Family) bool { return eventlog.LaneOf(f) == l })
	})
}

func (p *Policy) pick(wanted func(Rule) bool) (rules []Rule) {
	for _, r := range p.rules {
		if wanted(r) {
			rules = append(rules, r)
		}
	}
	slices.SortStableFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Deadline, b.Deadline) })
	return rules
}

// RollAge returns how long a segment of the lane may be written to: half of the shortest deadline of what becomes due there without
// anybody's order, 0 if nothing does. For an erasure the engine rolls the lane itself. DESIGN §5
func (p *Policy) RollAge(l eventlog.Lane) time.Duration {
	for _, r := range p.RulesOfLane(l) {
		if r.Trigger != AccountErased && r.Trigger != LeftOver {
			return r.Deadline / 2
		}
	}
	return 0
}

// ageOf returns the period of a class's Age rule, which the check makes sure of.
func (p *Policy) ageOf(c schemas.DataClass) time.Duration {
	for _, r := range p.rules {
		if r.Class == c && r.Trigger == Age {
			return r.After
		}
	}
	return 0
}

// ReservedFor returns how long the address of an erased account is given to nobody else.
func (p *Policy) ReservedFor() time.Duration { return p.ageOf(schemas.DataClass_RESERVED_ADDRESS) }

// AuditAge returns how long it is known who of the staff did what.
func (p *Policy) AuditAge() time.Duration { return p.ageOf(schemas.DataClass_AUDIT) }

// BackupPeriod returns how old a backup may become: the shortest period of the classes that are in backups.
func (p *Policy) BackupPeriod() (shortest time.Duration) {
	for _, k := range p.Kinds {
		if b := time.Duration(k.Backup); b > 0 && (shortest == 0 || b < shortest) {
			shortest = b
		}
	}
	return shortest
}
