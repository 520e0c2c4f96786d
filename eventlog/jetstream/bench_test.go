package jetstream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"protokoll/eventlog"
)

// BenchmarkAppend has a number of appenders that each wait for their receipt before they go on.
func BenchmarkAppend(b *testing.B) {
	for _, waiting := range []int{1, 16, 64, 1024} {
		b.Run(fmt.Sprint("waiting=", waiting), func(b *testing.B) { benchmarkAppend(b, waiting) })
	}
}

func benchmarkAppend(b *testing.B, waiting int) {
	p := newPlace(b)
	g := p.create()
	mustAppend(b, g, p.message(0)) // makes the segment
	times := make([][]time.Duration, waiting)
	share := b.N/waiting + 1
	b.ReportAllocs()
	b.ResetTimer()
	before, start := cpuTime(b), time.Now()
	var wg sync.WaitGroup
	for w := range waiting {
		wg.Go(func() {
			times[w] = make([]time.Duration, 0, share)
			for n := range share {
				t := time.Now()
				if err := g.Append(p.message(n)).Wait(context.Background()); err != nil {
					b.Error(err)
					return
				}
				times[w] = append(times[w], time.Since(t))
			}
		})
	}
	wg.Wait()
	took, cpu := time.Since(start), cpuTime(b)-before
	b.StopTimer()
	events := float64(share * waiting)
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(events/took.Seconds(), "events/s")
	b.ReportMetric(float64(cpu.Nanoseconds())/events/1000, "cpu-µs/event")
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	if err := g.Close(); err != nil {
		b.Fatal(err)
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fill appends count events in commands of 100.
func fill(b *testing.B, p *place, g *Log, count int) {
	b.Helper()
	var last *eventlog.Receipt
	for n := 0; n < count; n += 100 {
		last = g.Append(p.messages(n, 100))
	}
	if err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
}

const manyEvents = 1_000_000

// BenchmarkFollow reads a million events from disk.
func BenchmarkFollow(b *testing.B) {
	p := newPlace(b)
	g := p.create()
	fill(b, p, g, manyEvents)
	if err := g.Close(); err != nil {
		b.Fatal(err)
	}
	g = p.open()
	before, events := cpuTime(b), 0
	b.ReportAllocs()
	for b.Loop() {
		err := g.Read(b.Context(), eventlog.Inbox, 1, g.Mark(eventlog.Inbox), func(r []eventlog.Record) error { events += len(r); return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(events)/1000, "cpu-µs/event")
}

// BenchmarkOpen starts on a million events, after a clean stop and after the process died.
func BenchmarkOpen(b *testing.B) {
	b.Run("clean", func(b *testing.B) {
		p := newPlace(b)
		g := p.create()
		fill(b, p, g, manyEvents)
		for b.Loop() {
			b.StopTimer()
			if err := g.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			g = p.open()
		}
	})
	b.Run("killed", func(b *testing.B) {
		p := newPlace(b)
		fill(b, p, p.create(), manyEvents)
		for b.Loop() {
			b.StopTimer()
			q := p.copyOf() // as a process that died leaves it: nothing closed
			b.StartTimer()
			g := q.open()
			b.StopTimer()
			if g.Mark(eventlog.Inbox) < manyEvents {
				b.Fatal("events are missing")
			}
			g.Close()
			b.StartTimer()
		}
	})
}
