package jetstream

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// errEmpty is returned for a command without facts or owner, and for a fact that belongs to no lane: a fault of the caller.
var errEmpty = errors.New("nothing to append")

// fact is one sealed event without its number.
type fact struct {
	envelope *schemas.Envelope
	bytes    []byte
	sealed   []byte
}

// part is what one command puts into one lane.
type part struct {
	receipt *eventlog.Receipt
	facts   []fact
	bytes   int  // of all its records at most
	moved   bool // copies of older events; each is a command of its own
}

// Append seals on the caller's goroutine, so that appenders share the cores, and enqueues. See eventlog.Log.
func (g *Log) Append(c eventlog.Command) *eventlog.Receipt {
	parts, lanes, err := g.sealCommand(c)
	if err != nil {
		r := eventlog.NewReceipt(1)
		r.Settle(eventlog.Position{}, err)
		return r
	}
	r := eventlog.NewReceipt(lanes)
	for id, p := range parts {
		if p == nil {
			continue
		}
		p.receipt = r
		if err := g.lanes[id].enqueue(p); err != nil {
			r.Settle(eventlog.Position{}, err)
		}
	}
	return r
}

func (g *Log) sealCommand(c eventlog.Command) (parts [laneCount]*part, lanes int, err error) {
	if c.Owner == nil || len(c.Facts) == 0 {
		return parts, 0, errEmpty
	}
	now := g.cfg.Clock().UnixMilli()
	for i := range c.Facts {
		lane, f, err := sealFact(c.Owner, c.Cause, now, &c.Facts[i])
		if err != nil {
			return parts, 0, fmt.Errorf("fact %d of the command: %w", i, err)
		}
		p := parts[lane]
		if p == nil {
			p = &part{facts: make([]fact, 0, len(c.Facts)-i)}
			parts[lane] = p
			lanes++
		}
		p.facts = append(p.facts, f)
		if len(p.facts) > eventlog.MaxCommandFacts {
			return parts, 0, fmt.Errorf("command of more than %d facts: %w", eventlog.MaxCommandFacts, eventlog.ErrTooLarge)
		}
	}
	for _, p := range parts {
		if p == nil {
			continue
		}
		if err := p.finish(); err != nil {
			return parts, 0, err
		}
	}
	return parts, lanes, nil
}

// finish flags all events but the last and brings the envelopes into the form that is stored and hashed.
func (p *part) finish() error {
	for i := range p.facts {
		f := &p.facts[i]
		f.envelope.More = i < len(p.facts)-1
		b, err := proto.Marshal(f.envelope)
		if err != nil {
			return fmt.Errorf("encode an envelope: %w", err)
		}
		f.bytes = b
		p.bytes += recordSize(len(b), len(f.sealed))
	}
	return nil
}

func sealFact(o *seal.Owner, cause schemas.Cause, now int64, in *eventlog.Fact) (eventlog.Lane, fact, error) {
	e := &schemas.Envelope{Family: in.Family, Op: in.Op, Time: now, Cause: cause}
	if in.Op == schemas.Op_SET {
		if in.Value == nil {
			return 0, fact{}, errEmpty
		}
		t, err := schemas.TypeOf(in.Value)
		if err != nil {
			return 0, fact{}, err
		}
		e.Type, e.Version = t.Name, t.Version
		if e.Family == 0 {
			e.Family = t.Family
		}
	}
	lane := eventlog.LaneOf(e.Family)
	if lane == 0 {
		return 0, fact{}, fmt.Errorf("family %d has no lane: %w", e.Family, errEmpty)
	}
	id := o.ID()
	e.Owner = id[:]
	if in.Op != schemas.Op_CLOSE {
		entity := in.ID
		if entity == (schemas.EntityID{}) {
			entity = o.Entity(e.Family, in.Entity)
		}
		e.Entity = entity[:]
	}
	for i := range in.Handles {
		e.Handles = append(e.Handles, in.Handles[i][:])
	}
	sealed, err := sealValue(o, e, in.Value)
	return lane, fact{envelope: e, sealed: sealed}, err
}

// sealValue seals the payload of a SET; END and CLOSE have none.
func sealValue(o *seal.Owner, e *schemas.Envelope, value proto.Message) ([]byte, error) {
	about, err := seal.AboutOf(e)
	if err != nil || e.Op != schemas.Op_SET {
		return nil, err
	}
	plain, err := proto.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode a payload: %w", err)
	}
	if len(plain) > eventlog.MaxPayload {
		return nil, fmt.Errorf("payload of %d bytes: %w", len(plain), eventlog.ErrTooLarge)
	}
	sealed := o.Seal(make([]byte, 0, len(plain)+seal.Overhead), about, plain)
	clear(plain) // what is tiny would stay in memory as long as its neighbours in the allocator's block
	return sealed, nil
}
