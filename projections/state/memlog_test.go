package state

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// memLog is a log in memory whose events the tests write themselves; payloads are noise, because folds open none.
type memLog struct {
	mu    sync.Mutex
	more  *sync.Cond
	lanes map[eventlog.Lane][]eventlog.Record
	ended error
}

func newMemLog() *memLog {
	m := &memLog{lanes: map[eventlog.Lane][]eventlog.Record{}}
	m.more = sync.NewCond(&m.mu)
	return m
}

func (m *memLog) Append(eventlog.Command) *eventlog.Receipt { panic("tests write records") }
func (m *memLog) Close() error                              { return nil }

func (m *memLog) Mark(l eventlog.Lane) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if all := m.lanes[l]; len(all) > 0 {
		return all[len(all)-1].Position.Number
	}
	return 0
}

func (m *memLog) Follow(ctx context.Context, l eventlog.Lane, from uint64, fn func([]eventlog.Record) error) error {
	return m.Read(ctx, l, from, 1<<63, fn)
}

func (m *memLog) Read(ctx context.Context, l eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	defer context.AfterFunc(ctx, func() {
		m.mu.Lock() // or the signal falls between the question and the waiting
		defer m.mu.Unlock()
		m.more.Broadcast()
	})()
	for from <= upTo {
		m.mu.Lock()
		batch := m.from(l, from, upTo)
		for len(batch) == 0 && ctx.Err() == nil && m.ended == nil && upTo == 1<<63 {
			m.more.Wait()
			batch = m.from(l, from, upTo)
		}
		ended := m.ended
		m.mu.Unlock()
		if len(batch) == 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return ended
		}
		if err := fn(batch); err != nil {
			return err
		}
		from = batch[len(batch)-1].Position.Number + 1
	}
	return nil
}

// from returns up to 256 records and the rest of their command. Numbers are dense in each lane but for what put left out.
func (m *memLog) from(l eventlog.Lane, from, upTo uint64) []eventlog.Record {
	all := m.lanes[l]
	i := 0
	if len(all) > 0 {
		i = int(max(from, all[0].Position.Number) - all[0].Position.Number)
	}
	end := i
	for end < len(all) && all[end].Position.Number <= upTo && (end-i < 256 || all[end-1].Envelope.GetMore()) {
		end++
	}
	if i >= end {
		return nil
	}
	return all[i:end:end]
}

// put appends a record and returns its position.
func (m *memLog) put(l eventlog.Lane, e *schemas.Envelope, sealed []byte) eventlog.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := eventlog.Position{Lane: l, Number: uint64(len(m.lanes[l])) + 1}
	m.lanes[l] = append(m.lanes[l], eventlog.Record{Position: p, Envelope: e, Sealed: sealed})
	m.more.Broadcast()
	return p
}

// drop removes the first records of a lane.
func (m *memLog) drop(l eventlog.Lane, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.lanes[l]) > n {
		m.lanes[l] = m.lanes[l][n:]
	}
}

func (m *memLog) putAll(l eventlog.Lane, records []eventlog.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		r.Position = eventlog.Position{Lane: l, Number: uint64(len(m.lanes[l])) + 1}
		m.lanes[l] = append(m.lanes[l], r)
	}
	m.more.Broadcast()
}

// set, end and closed are envelopes of small owners and entities.
func set(owner, entity uint64, f schemas.Family, handles ...uint64) *schemas.Envelope {
	e := &schemas.Envelope{
		Type: typeOf(f), Version: 1, Owner: id(owner), Family: f, Entity: id(entity), Op: schemas.Op_SET, Time: 1_700_000_000_000,
		Cause: schemas.Cause_CLIENT,
	}
	for _, h := range handles {
		e.Handles = append(e.Handles, id(h))
	}
	return e
}

func end(owner, entity uint64, f schemas.Family) *schemas.Envelope {
	return &schemas.Envelope{Owner: id(owner), Family: f, Entity: id(entity), Op: schemas.Op_END, Cause: schemas.Cause_CLIENT}
}

func closed(owner uint64) *schemas.Envelope {
	return &schemas.Envelope{Owner: id(owner), Op: schemas.Op_CLOSE, Cause: schemas.Cause_STAFF}
}

func moved(e *schemas.Envelope, origin uint64) *schemas.Envelope {
	e.Origin = origin
	return e
}

// id spreads small numbers over 16 bytes as random ids are.
func id(n uint64) []byte {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(b[8:], n)
	return b
}

func typeOf(f schemas.Family) string {
	for _, t := range schemas.Types() {
		if t.Family == f {
			return t.Name
		}
	}
	return ""
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// running opens a state and runs it until the test or the returned function ends it.
func running(t testing.TB, dir string, log eventlog.Log) (*State, func()) {
	t.Helper()
	return runningWith(t, dir, log, quiet())
}

func runningWith(t testing.TB, dir string, log eventlog.Log, logger *slog.Logger) (*State, func()) {
	t.Helper()
	s, err := Open(dir, log, logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		<-done
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	if err := s.Caught(ctx); err != nil {
		t.Fatal(err)
	}
	return s, stop
}
