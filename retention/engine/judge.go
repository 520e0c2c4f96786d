package engine

import (
	"time"

	"protokoll/eventlog"
	"protokoll/retention"
	"protokoll/schemas"
)

// verdict is what is to be done with a record.
type verdict uint8

const (
	keep  verdict = iota + 1 // append it again
	hold                     // it is due, but its owner is restricted
	end                      // it is true, and a rule ends it
	erase                    // it is due
)

// judge decides about the records of one lane at one moment.
type judge struct {
	*rules
	lane   eventlog.Lane
	people *people
	index  *index
	now    time.Time
	ages   bool   // rules of age may be applied
	policy uint64 // number of the newest audit.policy event, which stays while it is in force

	archive Archive // may be nil
	err     error   // why the archive could not be asked
}

// of returns the verdict about a record, and the rule by which it goes, or -1.
func (j *judge) of(r eventlog.Record) (verdict, int) {
	switch {
	case stateful[j.lane]:
		return j.ofCurrent(r)
	case j.lane == eventlog.Archive && j.archive != nil:
		return j.ofArchived(r)
	}
	return j.ofKept(r)
}

// ofCurrent judges where the state says what is true.
func (j *judge) ofCurrent(r eventlog.Record) (verdict, int) {
	if j.index.live(r.Position.Number) {
		if rule, ended := j.index.retired[r.Position.Number]; ended {
			return end, rule
		}
		return keep, -1
	}
	rule := j.due(r)
	if j.people.restricted[ownerOf(r)] {
		return hold, rule
	}
	return erase, rule
}

// due returns the rule by which an event goes that is not true any more.
func (j *judge) due(r eventlog.Record) int {
	e := r.Envelope
	trigger := retention.Ended
	if _, current := j.index.entities[short(e.GetEntity())]; current {
		trigger = retention.Superseded
	}
	if e.GetOp() == schemas.Op_CLOSE || j.people.gone(ownerOf(r)) {
		trigger = retention.AccountErased
	} else if !j.people.known[ownerOf(r)] {
		trigger = retention.LeftOver
	}
	return j.find(trigger, e.GetFamily(), e.GetType())
}

// ofKept judges in lanes that no state is folded from. What lies in lane held was due when it came there, and goes when the
// person is not restricted any more.
func (j *judge) ofKept(r eventlog.Record) (verdict, int) {
	e, owner := r.Envelope, ownerOf(r)
	if j.lane == eventlog.Held {
		if j.people.restricted[owner] {
			return keep, -1
		}
		return erase, j.due(r)
	}
	rule := -1
	switch {
	case r.Position.Number == j.policy:
	case j.people.gone(owner):
		rule = j.find(retention.AccountErased, e.GetFamily(), e.GetType())
	case j.ages:
		rule = j.aged(e.GetFamily(), e.GetType(), e.GetTime(), j.now)
	}
	switch {
	case rule < 0:
		return keep, -1
	case j.people.restricted[owner]:
		return hold, rule
	}
	return erase, rule
}

func ownerOf(r eventlog.Record) (id schemas.OwnerID) {
	copy(id[:], r.Envelope.GetOwner())
	return id
}

// fate is the name that proof.erased gives a verdict.
func (j *judge) fate(v verdict, rule int) string {
	switch v {
	case keep:
		return fateMoved
	case hold:
		return fateHeld
	}
	if rule < 0 {
		return string(retention.Superseded) // newRules refuses policies under which this could be
	}
	return j.list[rule].Name
}
