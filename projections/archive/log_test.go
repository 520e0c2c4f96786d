package archive

import (
	"context"
	"sync"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// memLog is lane archive in memory, with segments that the tests roll and drop; payloads are noise, because no fold opens one.
type memLog struct {
	mu       sync.Mutex
	more     *sync.Cond
	records  []eventlog.Record
	segments []eventlog.Segment
	next     uint64
}

func newMemLog() *memLog {
	m := &memLog{next: 1, segments: []eventlog.Segment{{Lane: eventlog.Archive, First: 1}}}
	m.more = sync.NewCond(&m.mu)
	return m
}

func (m *memLog) Append(eventlog.Command) *eventlog.Receipt { panic("tests write records") }
func (m *memLog) Close() error                              { return nil }

func (m *memLog) Mark(eventlog.Lane) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.next - 1
}

func (m *memLog) Segments(eventlog.Lane) []eventlog.Segment {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]eventlog.Segment(nil), m.segments...)
}

func (m *memLog) Follow(ctx context.Context, l eventlog.Lane, from uint64, fn func([]eventlog.Record) error) error {
	defer context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.more.Broadcast()
	})()
	for {
		m.mu.Lock()
		for m.next <= from && ctx.Err() == nil {
			m.more.Wait()
		}
		upTo := m.next - 1
		m.mu.Unlock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := m.Read(ctx, l, from, upTo, fn); err != nil {
			return err
		}
		from = upTo + 1
	}
}

func (m *memLog) Read(_ context.Context, _ eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	m.mu.Lock()
	var all []eventlog.Record
	for _, r := range m.records {
		if r.Position.Number >= from && r.Position.Number <= upTo {
			all = append(all, r)
		}
	}
	m.mu.Unlock()
	for len(all) > 0 {
		n := min(len(all), 64)
		if err := fn(all[:n:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// put appends an event.
func (m *memLog) put(e *schemas.Envelope, sealed []byte) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.next
	m.next++
	m.records = append(m.records, eventlog.Record{Position: eventlog.Position{Lane: eventlog.Archive, Number: n}, Envelope: e, Sealed: sealed})
	m.segments[len(m.segments)-1].Last = n
	m.more.Broadcast()
	return n
}

// roll closes the live segment, unless it is empty.
func (m *memLog) roll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	live := &m.segments[len(m.segments)-1]
	if live.Last < live.First {
		return
	}
	live.Closed = true
	m.segments = append(m.segments, eventlog.Segment{Lane: eventlog.Archive, First: m.next})
}

// drop takes the oldest segment out.
func (m *memLog) drop() eventlog.Segment {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.segments[0]
	m.segments = m.segments[1:]
	kept := m.records[:0:0]
	for _, r := range m.records {
		if r.Position.Number > s.Last {
			kept = append(kept, r)
		}
	}
	m.records = kept
	return s
}

func id16(n int) []byte {
	b := make([]byte, 16)
	b[0], b[1], b[15] = byte(n), byte(n>>8), 1
	return b
}

func set(owner, entity int, at int64) *schemas.Envelope {
	return &schemas.Envelope{Type: "archive.message", Version: 1, Owner: id16(owner), Family: schemas.Family_ARCHIVE_FACTS, Entity: id16(entity),
		Op: schemas.Op_SET, Time: at, Cause: schemas.Cause_CLIENT}
}

func end(owner, entity int) *schemas.Envelope {
	return &schemas.Envelope{Owner: id16(owner), Family: schemas.Family_ARCHIVE_FACTS, Entity: id16(entity), Op: schemas.Op_END}
}

func closed(owner int) *schemas.Envelope {
	return &schemas.Envelope{Owner: id16(owner), Family: schemas.Family_ARCHIVE_FACTS, Op: schemas.Op_CLOSE}
}
