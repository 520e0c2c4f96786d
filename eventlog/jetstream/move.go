package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
)

const (
	// maxMoveFacts is how many events a sweep writes before what was appended meanwhile has its turn.
	maxMoveFacts = 64
	// maxMoveBytes is the same in bytes. A larger event is written alone.
	maxMoveBytes = 1 << 20
	// movePause is how many times as long as a move took the writer is left alone after it, while others append: an event meets
	// a writer that is busy moving one time in three.
	movePause = 2
	// quiet is how long nothing must have been appended for moves to follow each other without a pause.
	quiet = time.Second
)

// errSweep is returned for a sweep that has ended, and for records of another lane: a fault of the caller.
var errSweep = errors.New("not of this sweep")

type ownerID = schemas.OwnerID

// entity names a fact of an owner. The family is part of what its hash is made of.
type entity struct {
	owner ownerID
	id    schemas.EntityID
}

// sweep knows what its lane got since it began. Its sets are the lane's writer's, which notes a group at the moment at which
// the mark passes it: so an event is either noted or at or below the mark that a caller of BeginSweep sees.
type sweep struct {
	lane   *lane
	name   eventlog.Lane
	newer  map[entity]struct{}
	closed map[ownerID]struct{}
	ended  atomic.Bool
	noted  atomic.Pointer[time.Time] // when something else was last appended; nil if nothing was
}

// Move appends records again. See eventlog.Sweep.
func (s *sweep) Move(ctx context.Context, records []eventlog.Record) (moved int, err error) {
	for i := range records {
		if records[i].Position.Lane != s.name || s.lane == nil {
			return 0, fmt.Errorf("move %s in %s: %w", records[i].Position, s.name, errSweep)
		}
	}
	for len(records) > 0 {
		p, rest, err := copies(records)
		if err != nil {
			return moved, fmt.Errorf("move: %w", err)
		}
		var n int
		began := time.Now()
		if err = s.lane.do(ctx, func() (err error) { n, err = s.commit(p); return err }); err != nil {
			return moved, fmt.Errorf("move: %w", err)
		}
		moved, records = moved+n, rest
		if err := s.pause(ctx, time.Since(began)); err != nil && len(records) > 0 {
			return moved, fmt.Errorf("move: %w", err)
		}
	}
	return moved, nil
}

// pause leaves the writer to others, if there are any.
func (s *sweep) pause(ctx context.Context, took time.Duration) error {
	if last := s.noted.Load(); last == nil || time.Since(*last) > quiet {
		return ctx.Err()
	}
	timer := time.NewTimer(movePause * took)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// End lets the writer forget what it noted. It may be called twice.
func (s *sweep) End() {
	if s.ended.Swap(true) || s.lane == nil {
		return
	}
	s.lane.chain.Lock()
	defer s.lane.chain.Unlock()
	s.lane.sweeps = slices.DeleteFunc(slices.Clone(s.lane.sweeps), func(other *sweep) bool { return other == s })
}

// copies makes a part of as many records as are written at once.
func copies(records []eventlog.Record) (p *part, rest []eventlog.Record, err error) {
	p = &part{moved: true}
	for len(records) > 0 && len(p.facts) < maxMoveFacts && (p.bytes < maxMoveBytes || len(p.facts) == 0) {
		f, err := copyOf(records[0])
		if err != nil {
			return nil, nil, err
		}
		p.facts = append(p.facts, f)
		p.bytes += recordSize(len(f.bytes), len(f.sealed))
		records = records[1:]
	}
	return p, records, nil
}

// copyOf is the event of a record as it is appended again. It shares no memory with the record's bytes, of which far more may
// hang together than is moved.
func copyOf(r eventlog.Record) (fact, error) {
	if r.Envelope == nil {
		return fact{}, fmt.Errorf("%s has no envelope: %w", r.Position, errSweep)
	}
	e := &schemas.Envelope{
		Type: r.Envelope.Type, Version: r.Envelope.Version, Owner: r.Envelope.Owner, Family: r.Envelope.Family, Entity: r.Envelope.Entity,
		Op: r.Envelope.Op, Time: r.Envelope.Time, Cause: r.Envelope.Cause, Origin: r.Rank(), Handles: r.Envelope.Handles,
	}
	b, err := proto.Marshal(e)
	if err != nil {
		return fact{}, fmt.Errorf("encode an envelope: %w", err)
	}
	return fact{envelope: e, bytes: b, sealed: bytes.Clone(r.Sealed)}, nil
}

// commit stores what of a part is not superseded. The lane's writer calls it.
func (s *sweep) commit(p *part) (moved int, err error) {
	if s.ended.Load() {
		return 0, fmt.Errorf("the sweep has ended: %w", errSweep)
	}
	p.facts = slices.DeleteFunc(p.facts, func(f fact) bool { return s.superseded(f.envelope) })
	if len(p.facts) == 0 {
		return 0, nil
	}
	if _, err := s.lane.commit([]*part{p}); err != nil {
		return 0, err
	}
	return len(p.facts), nil
}

// superseded tells whether a copy would stand behind an event that it must not come after.
func (s *sweep) superseded(e *schemas.Envelope) bool {
	name := nameOf(e)
	if _, gone := s.closed[name.owner]; gone {
		return true
	}
	_, newer := s.newer[name]
	return newer && e.Op != schemas.Op_CLOSE
}

func nameOf(e *schemas.Envelope) (name entity) {
	copy(name.owner[:], e.Owner)
	copy(name.id[:], e.Entity)
	return name
}

// note remembers what a group stated. Copies state nothing new.
func (s *sweep) note(group []*part) {
	for _, p := range group {
		if p.moved {
			continue
		}
		now := time.Now()
		s.noted.Store(&now)
		for i := range p.facts {
			e := p.facts[i].envelope
			name := nameOf(e)
			if e.Op == schemas.Op_CLOSE {
				s.closed[name.owner] = struct{}{}
			} else {
				s.newer[name] = struct{}{}
			}
		}
	}
}
