package portability

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// State is what is read of projections/state.
type State interface {
	Facts(owner schemas.OwnerID, f schemas.Family) ([]state.Fact, error)
}

// Source is where exports come from.
type Source struct {
	Log   eventlog.Log
	State State
	Keys  *seal.Keybook
}

// Fact is one opened fact.
type Fact struct {
	Value proto.Message
	Time  time.Time // when it came about
	Cause schemas.Cause
	Lane  eventlog.Lane
}

// Holding is everything that is held about one person.
type Holding struct {
	Account accounts.Account
	Facts   []Fact // current, in the order of their families and ranks
	Held    []Fact // due, and put aside because processing is restricted
	Staff   []Fact // schemas.StaffAction that name the person
	Orders  []Fact // schemas.Ordered about the person
	Outbox  []Fact // schemas.OutboxStanza that come from the person
}

// families are those of which a person's facts are kept in the state.
func families() (all []schemas.Family) {
	for f := range schemas.Family_name {
		switch eventlog.LaneOf(schemas.Family(f)) {
		case eventlog.Now, eventlog.Inbox, eventlog.Lasting, eventlog.Archive:
			if schemas.Family(f) != schemas.Family_OUTBOX_FACTS { // the server's own
				all = append(all, schemas.Family(f))
			}
		}
	}
	slices.Sort(all)
	return all
}

// Gather opens everything that is held about an account, also a restricted one. It reads the lanes in which events of staff
// and of restricted people lie from their beginning; progress is told how far it is.
func (s Source) Gather(ctx context.Context, a accounts.Account, progress func(step string, done, total uint64)) (*Holding, error) {
	h := &Holding{Account: a}
	for _, family := range families() {
		facts, err := s.State.Facts(a.Owner.ID(), family)
		if err != nil {
			return nil, fmt.Errorf("read the facts of an account: %w", err)
		}
		for _, f := range facts {
			fact, err := open(a.Owner, f.About, f.Sealed, f.Position.Lane)
			if err != nil {
				return nil, err
			}
			h.Facts = append(h.Facts, fact)
		}
	}
	if err := s.outbox(h); err != nil {
		return nil, err
	}
	return h, s.lanes(ctx, h, progress)
}

// open opens one fact.
func open(o *seal.Owner, about seal.About, sealed []byte, lane eventlog.Lane) (Fact, error) {
	m, err := eventlog.Open(o, about, sealed)
	if err != nil {
		return Fact{}, fmt.Errorf("export: %w", err)
	}
	return Fact{Value: m, Time: time.UnixMilli(about.Time), Cause: about.Cause, Lane: lane}, nil
}

// outbox finds what is on its way to other servers in the person's name.
func (s Source) outbox(h *Holding) error {
	facts, err := s.State.Facts(s.Keys.Server().ID(), schemas.Family_OUTBOX_FACTS)
	if err != nil {
		return fmt.Errorf("read what is on its way: %w", err)
	}
	for _, f := range facts {
		fact, err := open(s.Keys.Server(), f.About, f.Sealed, f.Position.Lane)
		if err != nil {
			return err
		}
		if m, ok := fact.Value.(*schemas.OutboxStanza); ok && sender(m.GetStanza()) == h.Account.Address() {
			h.Outbox = append(h.Outbox, fact)
		}
	}
	return nil
}

// lanes finds what no state keeps: it reads the records of three lanes.
func (s Source) lanes(ctx context.Context, h *Holding, progress func(step string, done, total uint64)) error {
	id, server := h.Account.Owner.ID(), s.Keys.Server()
	for _, l := range []struct {
		lane  eventlog.Lane
		owner *seal.Owner
		types []string // nil: all
		to    *[]Fact
	}{
		{eventlog.Held, h.Account.Owner, nil, &h.Held},
		{eventlog.Audit, server, []string{"audit.action"}, &h.Staff},
		{eventlog.Proof, server, []string{"proof.order"}, &h.Orders},
	} {
		read := reading{lane: l.lane, owner: l.owner, types: l.types, id: id, to: l.to, upTo: s.Log.Mark(l.lane)}
		if read.upTo == 0 {
			continue
		}
		err := s.Log.Read(ctx, l.lane, 1, read.upTo, func(records []eventlog.Record) error {
			if progress != nil && len(records) > 0 {
				progress("reading lane "+l.lane.String(), records[0].Position.Number, read.upTo)
			}
			return read.take(records)
		})
		if err != nil {
			return fmt.Errorf("read lane %s: %w", l.lane, err)
		}
		sortFacts(*l.to)
	}
	return nil
}

// reading picks a person's events out of a lane.
type reading struct {
	lane  eventlog.Lane
	owner *seal.Owner
	types []string
	id    schemas.OwnerID
	to    *[]Fact
	upTo  uint64
}

func (r *reading) take(records []eventlog.Record) error {
	own := r.owner.ID()
	for _, record := range records {
		e := record.Envelope
		if e.GetOp() != schemas.Op_SET || !bytes.Equal(e.GetOwner(), own[:]) || r.types != nil && !slices.Contains(r.types, e.GetType()) {
			continue
		}
		about, err := seal.AboutOf(e)
		if err != nil {
			return err
		}
		fact, err := open(r.owner, about, record.Sealed, r.lane)
		if err != nil {
			return err
		}
		if r.about(fact.Value) {
			*r.to = append(*r.to, fact)
		}
	}
	return nil
}

// about tells whether an event is about the person.
func (r *reading) about(m proto.Message) bool {
	switch m := m.(type) {
	case *schemas.StaffAction:
		return slices.ContainsFunc(m.GetSubjects(), func(s []byte) bool { return bytes.Equal(s, r.id[:]) })
	case *schemas.Ordered:
		return bytes.Equal(m.GetOwner(), r.id[:])
	}
	return true
}
