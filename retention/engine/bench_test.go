package engine

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A lane of a million events of which 5 % are live.
func BenchmarkSweepMillion(b *testing.B) {
	const events, live = 1_000_000, 50_000
	var spent time.Duration
	for b.Loop() {
		w := newWorld(b)
		var owners []*seal.Owner
		for range 500 {
			owners = append(owners, w.account())
		}
		var last *eventlog.Receipt
		for i := range events {
			last = w.log.Append(eventlog.Command{Owner: owners[i%500], Cause: schemas.Cause_CLIENT, Facts: []eventlog.Fact{
				item(fmt.Sprintf("c%d@a.example", i%live/500), "a friend"),
			}})
		}
		if err := last.Wait(context.Background()); err != nil {
			b.Fatal(err)
		}
		if err := w.state.Wait(context.Background(), last.Positions()...); err != nil {
			b.Fatal(err)
		}
		before := cpu(b)
		r := w.sweep(eventlog.Lasting)
		spent += cpu(b) - before
		if r.Erased != events-live || r.Moved != live+500 {
			b.Fatalf("erased %d, moved %d", r.Erased, r.Moved)
		}
		b.ReportMetric((cpu(b) - before).Seconds(), "cpu-s/sweep")
		b.ReportMetric(r.Took.Seconds(), "s/sweep")
	}
}

// What who appends to the lane waits, alone and beside a sweep of 200,000 events of which half are live.
func BenchmarkAppendBesideSweep(b *testing.B) {
	for _, sweeping := range []bool{false, true} {
		b.Run(fmt.Sprintf("sweep=%t", sweeping), func(b *testing.B) {
			w := newWorld(b)
			w.engine.cfg.Share, w.engine.cfg.Bytes = DefaultShare, DefaultBytes
			o := w.account()
			var last *eventlog.Receipt
			for i := range 200_000 {
				last = w.log.Append(eventlog.Command{Owner: o, Facts: []eventlog.Fact{item(fmt.Sprint(i%100_000, "@a.example"), "a")}})
			}
			if err := last.Wait(context.Background()); err != nil {
				b.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if sweeping {
					if _, err := w.engine.Sweep(context.Background(), eventlog.Lasting, false, nil); err != nil {
						b.Error(err)
					}
				}
			}()
			var waits []time.Duration
			n := 0
			for b.Loop() {
				n++
				began := time.Now()
				w.put(o, item(fmt.Sprint("new", n), "a"))
				waits = append(waits, time.Since(began))
				time.Sleep(2 * time.Millisecond) // the load, not a wait for something
			}
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
			<-done
		})
	}
}
