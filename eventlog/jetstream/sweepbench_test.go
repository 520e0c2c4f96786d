package jetstream

import (
	"context"
	"slices"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
)

// BenchmarkSweep reads a million events, moves every twentieth and drops the rest.
func BenchmarkSweep(b *testing.B) {
	p := newPlace(b)
	g := p.create()
	for b.Loop() {
		b.StopTimer()
		fill(b, p, g, manyEvents)
		swept := rollAll(b, g)
		b.StartTimer()
		before, start := cpuTime(b), time.Now()
		var read, moved, dropped time.Duration
		w := g.BeginSweep(eventlog.Inbox)
		last := swept[len(swept)-1].Last
		err := g.Read(b.Context(), eventlog.Inbox, 1, last, func(r []eventlog.Record) error {
			live := slices.DeleteFunc(slices.Clone(r), func(r eventlog.Record) bool { return r.Position.Number%20 != 0 })
			t := time.Now()
			n, err := w.Move(b.Context(), live)
			if n != len(live) {
				b.Errorf("%d moved of %d", n, len(live))
			}
			moved += time.Since(t)
			return err
		})
		w.End()
		read = time.Since(start) - moved
		t := time.Now()
		if err == nil {
			err = g.Drop(b.Context(), eventlog.Inbox, ids(swept)...)
		}
		dropped = time.Since(t)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((cpuTime(b) - before).Seconds(), "cpu-s")
		b.ReportMetric(read.Seconds(), "read-s")
		b.ReportMetric(moved.Seconds(), "move-s")
		b.ReportMetric(float64(dropped.Microseconds())/1000, "drop-ms")
	}
}

// rollAll closes the live segment and returns all there are.
func rollAll(b *testing.B, g *Log) []eventlog.Segment {
	b.Helper()
	if err := g.Roll(b.Context(), eventlog.Inbox); err != nil {
		b.Fatal(err)
	}
	return g.Segments(eventlog.Inbox)
}

func ids(list []eventlog.Segment) (all []seal.SegmentID) {
	for _, s := range list {
		all = append(all, s.ID)
	}
	return all
}

// BenchmarkAppendBesideSweep has one appender at 250 commands a second, as a server of 40,000 accounts has on average, with
// and without a sweep that does nothing but move.
func BenchmarkAppendBesideSweep(b *testing.B) {
	for name, sweeping := range map[string]bool{"quiet": false, "sweeping": true} {
		b.Run(name, func(b *testing.B) {
			p := newPlace(b)
			g := p.create()
			fill(b, p, g, 20_000)
			rollAll(b, g)
			old := p.records(g, eventlog.Inbox)
			ctx, cancel := context.WithCancel(b.Context())
			stopped, moved := make(chan struct{}), 0
			go func() {
				defer close(stopped)
				w := g.BeginSweep(eventlog.Inbox)
				defer w.End()
				for sweeping && ctx.Err() == nil {
					n, _ := w.Move(ctx, old)
					moved += n
				}
			}()
			var took []time.Duration
			tick := time.NewTicker(4 * time.Millisecond)
			defer tick.Stop()
			start := time.Now()
			n := 20_000
			for b.Loop() {
				<-tick.C
				t := time.Now()
				mustAppend(b, g, p.message(n))
				took = append(took, time.Since(t))
				n++
			}
			cancel()
			<-stopped
			slices.Sort(took)
			b.ReportMetric(float64(moved)/time.Since(start).Seconds(), "moved/s")
			for name, at := range map[string]int{"p50-ms": 50, "p99-ms": 99} {
				b.ReportMetric(float64(took[len(took)*at/100].Microseconds())/1000, name)
			}
		})
	}
}

// BenchmarkAppendAfterRoll is what the first event of a new segment waits: for its key, its stream and its folders.
func BenchmarkAppendAfterRoll(b *testing.B) {
	p := newPlace(b)
	g := p.create()
	mustAppend(b, g, p.message(0))
	var rolled time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		t := time.Now()
		all := rollAll(b, g)
		rolled += time.Since(t)
		if err := g.Drop(b.Context(), eventlog.Inbox, ids(all)...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		mustAppend(b, g, p.message(n))
	}
	b.ReportMetric(float64(rolled.Microseconds())/float64(n)/1000, "roll-ms")
}
