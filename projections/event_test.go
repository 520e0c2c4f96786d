package projections

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

func envelope() *schemas.Envelope {
	id := make([]byte, 16)
	return &schemas.Envelope{Type: "roster.item", Version: 1, Owner: id, Family: schemas.Family_ROSTER_FACTS, Entity: id, Op: schemas.Op_SET}
}

func record(n uint64, change func(*schemas.Envelope)) eventlog.Record {
	e := envelope()
	if change != nil {
		change(e)
	}
	return eventlog.Record{Position: eventlog.Position{Lane: eventlog.Lasting, Number: n}, Envelope: e}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*schemas.Envelope)
		want   error
		names  []string // in the error
	}{
		{"a set", nil, nil, nil},
		{"an end", func(e *schemas.Envelope) { e.Op, e.Type, e.Version = schemas.Op_END, "", 0 }, nil, nil},
		{"a close", func(e *schemas.Envelope) {
			e.Op, e.Type, e.Version, e.Entity, e.Family = schemas.Op_CLOSE, "", 0, nil, 0
		}, nil, nil},
		{"unknown type", func(e *schemas.Envelope) { e.Type = "roster.thing" }, schemas.ErrUnknownType, []string{"roster.thing", "version 1", "lasting/7"}},
		{"unknown version", func(e *schemas.Envelope) { e.Version = 9 }, schemas.ErrUnknownType, []string{"roster.item", "version 9", "lasting/7"}},
		{"another lane's", func(e *schemas.Envelope) { e.Family = schemas.Family_OFFLINE_FACTS }, ErrRecord, []string{"lasting/7"}},
		{"short handle", func(e *schemas.Envelope) { e.Handles = [][]byte{{1}} }, seal.ErrEnvelope, []string{"lasting/7"}},
		{"no owner", func(e *schemas.Envelope) { e.Owner = nil }, seal.ErrEnvelope, []string{"lasting/7"}},
	}
	for _, c := range cases {
		_, err := Check(record(7, c.change))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		for _, name := range c.names {
			if err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v does not name %q", c.name, err, name)
			}
		}
	}
}

// batches is a log that hands out the same batches to everybody.
type batches struct {
	eventlog.Log
	all [][]eventlog.Record
}

func (b batches) Read(_ context.Context, _ eventlog.Lane, _, _ uint64, fn func([]eventlog.Record) error) error {
	for _, batch := range b.all {
		if err := fn(batch); err != nil {
			return err
		}
	}
	return nil
}

func (b batches) Follow(ctx context.Context, l eventlog.Lane, from uint64, fn func([]eventlog.Record) error) error {
	return b.Read(ctx, l, from, 0, fn)
}

func TestFollowRefusesWhatIsOutOfPlace(t *testing.T) {
	t.Parallel()
	more := func(e *schemas.Envelope) { e.More = true }
	unknown := func(e *schemas.Envelope) { e.Version = 2 }
	cases := []struct {
		name string
		all  [][]eventlog.Record
		want error
		got  []uint64
	}{
		{"in order", [][]eventlog.Record{{record(3, more), record(4, nil)}, {record(5, nil)}}, nil, []uint64{3, 4, 5}},
		{"with a gap that was void", [][]eventlog.Record{{record(3, nil)}, {record(9, nil)}}, nil, []uint64{3, 9}},
		{"from before", [][]eventlog.Record{{record(2, nil)}}, ErrRecord, nil},
		{"twice", [][]eventlog.Record{{record(3, nil)}, {record(3, nil)}}, ErrRecord, []uint64{3}},
		{"half a command", [][]eventlog.Record{{record(3, nil)}, {record(4, more)}}, ErrRecord, []uint64{3}},
		{"unknown in the middle", [][]eventlog.Record{{record(3, nil)}, {record(4, nil), record(5, unknown)}}, schemas.ErrUnknownType, []uint64{3}},
	}
	for _, c := range cases {
		var got []uint64
		apply := func(events []Event) error {
			for _, e := range events {
				got = append(got, e.Position.Number)
			}
			return nil
		}
		if err := Follow(context.Background(), batches{all: c.all}, eventlog.Lasting, 3, apply); !errors.Is(err, c.want) || !slices.Equal(got, c.got) {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, got, err, c.got, c.want)
		}
	}
	other := record(3, nil)
	other.Position.Lane = eventlog.Inbox
	err := Read(context.Background(), batches{all: [][]eventlog.Record{{other}}}, eventlog.Lasting, 3, 3, func([]Event) error { return nil })
	if !errors.Is(err, ErrRecord) {
		t.Errorf("another lane: %v, want ErrRecord", err)
	}
}

// FuzzCheck reads hostile envelopes.
func FuzzCheck(f *testing.F) {
	b, err := proto.Marshal(envelope())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e := &schemas.Envelope{}
		if proto.Unmarshal(b, e) != nil {
			return
		}
		_, err := Check(eventlog.Record{Position: eventlog.Position{Lane: eventlog.Lasting, Number: 1}, Envelope: e})
		if err != nil && !errors.Is(err, ErrRecord) && !errors.Is(err, seal.ErrEnvelope) && !errors.Is(err, schemas.ErrUnknownType) {
			t.Fatal(err)
		}
	})
}
