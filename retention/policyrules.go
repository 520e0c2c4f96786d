package retention

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

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
	case schemas.DataClass_ARCHIVE: // one message is never replaced by another
		return []Trigger{Ended, AccountErased}, []Trigger{Age}
	case schemas.DataClass_OUTBOX:
		return []Trigger{Delivered, Age}, nil
	case schemas.DataClass_RESERVED_ADDRESS:
		return []Trigger{Age, Superseded, Ended}, nil
	case schemas.DataClass_NOTICE: // the server's own
		return []Trigger{Superseded, Ended}, nil
	case schemas.DataClass_AUDIT:
		return []Trigger{Age}, nil
	case schemas.DataClass_DEVICE:
		return []Trigger{Age, Superseded, Ended, AccountErased, LeftOver}, nil
	case schemas.DataClass_UPLOAD:
		return []Trigger{Age, Superseded, Ended, AccountErased, LeftOver}, nil
	case schemas.DataClass_KEPT_UPLOAD:
		return []Trigger{Superseded, Ended, AccountErased, LeftOver}, []Trigger{Age}
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
// makes it due counts. A rule is about its Types only; an END has no type and falls under those of all.
func (p *Policy) RulesOf(f schemas.Family) (rules []Rule) {
	for _, r := range p.rules {
		if slices.Contains(r.Families, f) {
			rules = append(rules, r)
		}
	}
	slices.SortStableFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Deadline, b.Deadline) })
	return rules
}

// ReservedFor returns how long the address of an erased account is given to nobody else.
func (p *Policy) ReservedFor() time.Duration {
	for _, r := range p.rules {
		if r.Class == schemas.DataClass_RESERVED_ADDRESS && r.Trigger == Age {
			return r.After
		}
	}
	return 0
}

// UploadsFor returns how long a file that was uploaded to be sent is kept.
func (p *Policy) UploadsFor() time.Duration {
	for _, r := range p.rules {
		if r.Class == schemas.DataClass_UPLOAD && r.Trigger == Age {
			return r.After
		}
	}
	return 0
}

// BackupPeriod returns how old a backup may become: the shortest period of the classes that are in backups.
func (p *Policy) BackupPeriod() (shortest time.Duration) {
	for _, k := range p.Kinds {
		if b := time.Duration(k.Backup); b > 0 && (shortest == 0 || b < shortest) {
			shortest = b
		}
	}
	return shortest
}

// Known tells whether a rule of some policy may be called so: a class, and what may make its events due. An older policy may have
// had rules that the one in force has not.
func Known(rule string) bool {
	class, trigger, _ := strings.Cut(rule, ".")
	c, ok := classNamed(class)
	if !ok || Trigger(trigger) == Kept {
		return false
	}
	must, may := triggersOf(c.Data)
	return slices.Contains(must, Trigger(trigger)) || slices.Contains(may, Trigger(trigger))
}
