package archive

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/projections"
	"protokoll/schemas"
)

// filled is an index of people with messages of 600 bytes each, spread over a number of segments.
func filled(b *testing.B, people, each, segments int) *Index {
	b.Helper()
	log := newMemLog()
	x, err := Open(b.TempDir(), log, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = x.Close() })
	r, sealed := rand.New(rand.NewPCG(1, 1)), make([]byte, 600)
	var events []projections.Event
	flush := func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if len(events) > 0 {
			if err := x.write(events, events[len(events)-1].Position.Number); err != nil {
				b.Fatal(err)
			}
		}
		events = events[:0]
	}
	total := people * each
	for n := range total {
		if n%(total/segments) == 0 && n > 0 {
			flush()
			log.mu.Lock()
			log.segments = append(log.segments, eventlog.Segment{Lane: eventlog.Archive, First: uint64(n) + 1})
			log.mu.Unlock()
		}
		e := projections.Event{Position: eventlog.Position{Lane: eventlog.Archive, Number: uint64(n) + 1}, Rank: uint64(n) + 1, Sealed: sealed}
		e.Owner, e.Family, e.Op, e.Time = schemas.OwnerID(id16(r.IntN(people))), schemas.Family_ARCHIVE_FACTS, schemas.Op_SET, int64(n)
		for i := range e.Entity {
			e.Entity[i] = byte(r.Uint32())
		}
		if events = append(events, e); len(events) == commitEvents {
			flush()
		}
	}
	flush()
	return x
}

// BenchmarkRows reads the newest 50 messages of somebody.
func BenchmarkRows(b *testing.B) {
	for _, segments := range []int{1, 180} {
		b.Run(fmt.Sprintf("segments=%d", segments), func(b *testing.B) {
			x := filled(b, 1000, 300, segments)
			r := rand.New(rand.NewPCG(2, 2))
			b.ReportAllocs()
			for b.Loop() {
				rows, _, err := x.Rows(schemas.OwnerID(id16(r.IntN(1000))), Range{Newest: true, Max: 51, Bytes: 1 << 20})
				if err != nil || len(rows) != 51 {
					b.Fatal(len(rows), err)
				}
			}
		})
	}
}

// BenchmarkFold stores what 1,000 people archive, a second at a time.
func BenchmarkFold(b *testing.B) {
	log := newMemLog()
	x, err := Open(b.TempDir(), log, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	r, n := rand.New(rand.NewPCG(1, 1)), 0
	const second = 500
	b.ReportAllocs()
	began := time.Now()
	for b.Loop() {
		events := make([]projections.Event, second)
		for i := range events {
			n++
			e := &events[i]
			e.Position, e.Rank, e.Sealed = eventlog.Position{Lane: eventlog.Archive, Number: uint64(n)}, uint64(n), make([]byte, 600)
			e.Owner, e.Family, e.Op = schemas.OwnerID(id16(r.IntN(1000))), schemas.Family_ARCHIVE_FACTS, schemas.Op_SET
			for k := range e.Entity {
				e.Entity[k] = byte(r.Uint32())
			}
		}
		x.mu.Lock()
		if err := x.write(events, uint64(n)); err != nil {
			b.Fatal(err)
		}
		x.mu.Unlock()
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/float64(n), "µs/event")
}
