package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// Voids reads in lane proof which numbers of each lane never held an event. server is the owner of what stands there.
func Voids(ctx context.Context, log eventlog.Log, server *seal.Owner) (map[eventlog.Lane]Spans, error) {
	all := map[eventlog.Lane]Spans{}
	mark := log.Mark(eventlog.Proof)
	if mark == 0 {
		return all, nil
	}
	err := log.Read(ctx, eventlog.Proof, 1, mark, func(records []eventlog.Record) error {
		for _, r := range records {
			about, err := seal.AboutOf(r.Envelope)
			if err != nil || about.Type != "proof.void" {
				continue
			}
			m, err := eventlog.Open(server, about, r.Sealed)
			if err != nil {
				return err
			}
			if v, ok := m.(*schemas.NumbersVoid); ok {
				s := all[eventlog.Lane(v.GetLane())]
				s.add(v.GetFirst(), v.GetLast())
				all[eventlog.Lane(v.GetLane())] = s
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read which numbers are void: %w", err)
	}
	return all, nil
}

// span is a range of numbers.
type span struct{ first, last uint64 }

// Spans is a set of numbers.
type Spans struct{ list []span }

func (s *Spans) add(first, last uint64) {
	if n := len(s.list); n > 0 && first <= s.list[n-1].last+1 && first >= s.list[n-1].first {
		s.list[n-1].last = max(s.list[n-1].last, last)
		return
	}
	s.list = append(s.list, span{first, last})
}

// within counts the numbers from 1 to end that are in.
func (s *Spans) within(end uint64) (n uint64) {
	slices.SortFunc(s.list, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	next := uint64(1)
	for _, r := range s.list {
		first, last := max(r.first, next), min(r.last, end)
		if first <= last {
			n += last - first + 1
			next = last + 1
		}
	}
	return n
}
