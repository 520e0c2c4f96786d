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

// One account of 40,000 with 30 facts each is erased: what its bytes take to be gone from the disk, at the pace that chat is left room by.
func BenchmarkErasedAmongMany(b *testing.B) {
	const people, facts = 40_000, 30
	for b.Loop() {
		w := newWorld(b)
		w.engine.cfg.Share, w.engine.cfg.Bytes = DefaultShare, DefaultBytes
		ids := make([]schemas.OwnerID, people)
		for i := range ids {
			ids[i] = schemas.NewOwnerID()
		}
		if err := w.keys.Add(ids...); err != nil {
			b.Fatal(err)
		}
		var last *eventlog.Receipt
		for _, id := range ids {
			o, err := w.keys.Owner(id)
			if err != nil {
				b.Fatal(err)
			}
			c := eventlog.Command{Owner: o, Facts: []eventlog.Fact{
				eventlog.Set("account", &schemas.AccountOpened{Localpart: id.String(), Domain: "a.example"}),
			}}
			for i := range facts - 1 {
				c.Facts = append(c.Facts, item(fmt.Sprintf("c%d@a.example", i), "a friend"))
			}
			last = w.log.Append(c)
		}
		if err := last.Wait(context.Background()); err != nil {
			b.Fatal(err)
		}
		gone, err := w.keys.Owner(ids[people/2])
		if err != nil {
			b.Fatal(err)
		}
		w.put(gone, eventlog.Fact{Op: schemas.Op_CLOSE, Family: schemas.Family_ACCOUNT_FACTS})
		if err := w.keys.Forget(gone.ID()); err != nil {
			b.Fatal(err)
		}
		before := cpu(b)
		r := w.sweep(eventlog.Lasting)
		if r.Erased < facts {
			b.Fatalf("erased %d, moved %d", r.Erased, r.Moved)
		}
		b.ReportMetric((cpu(b) - before).Seconds(), "cpu-s/erasure")
		b.ReportMetric(r.Took.Seconds(), "s/erasure")
		b.ReportMetric(float64(r.Moved), "moved/erasure")
	}
}
