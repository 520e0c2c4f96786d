package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// Random facts, ends, closes, sweeps and crashes at any step, with or without a restart: the state holds what a plain map holds,
// a second fold agrees, and every number holds its event or has exactly one fate.
func TestSweepsNeverChangeTheState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		owners := []*seal.Owner{w.account(), w.account()}
		model := map[string]int{}
		key := func(o, e int) string { return fmt.Sprint(o, "/", e) }
		for range rapid.IntRange(5, 40).Draw(r, "acts") {
			o, e, n := rapid.IntRange(0, 1).Draw(r, "owner"), rapid.IntRange(0, 4).Draw(r, "entity"), rapid.IntRange(0, 1e6).Draw(r, "value")
			switch rapid.IntRange(0, 9).Draw(r, "act") {
			case 0, 1, 2, 3:
				w.put(owners[o], item(fmt.Sprint("c", e), fmt.Sprint(n)))
				model[key(o, e)] = n
			case 4, 5:
				w.put(owners[o], eventlog.End(schemas.Family_ROSTER_FACTS, fmt.Sprint("c", e)))
				delete(model, key(o, e))
			case 6:
				if err := w.log.Roll(t.Context(), eventlog.Lasting); err != nil {
					r.Fatal(err)
				}
			case 7:
				w.sweep(eventlog.Lasting)
			default:
				w.crash(r, rapid.SampledFrom([]string{"roll", "plan", "move", "proof", "renew", "forget", "drop", "remove plan"}).Draw(r, "step"))
				if rapid.Bool().Draw(r, "restart") {
					w.reopen()
				}
			}
		}
		w.sweep(eventlog.Lasting)
		w.checkRebuilt()
		w.checkAccounted(eventlog.Lasting)
		found := 0
		for i, o := range owners {
			for e := range 5 {
				f, ok, err := w.state.Get(o.ID(), schemas.Family_ROSTER_FACTS, o.Entity(schemas.Family_ROSTER_FACTS, fmt.Sprint("c", e)))
				if err != nil {
					r.Fatal(err)
				}
				n, want := model[key(i, e)]
				if ok != want {
					r.Fatalf("owner %d, entity %d: there %v, want %v", i, e, ok, want)
				}
				if !ok {
					continue
				}
				found++
				m, err := eventlog.Open(o, f.About, f.Sealed)
				if err != nil || m.(*schemas.RosterItem).GetName() != fmt.Sprint(n) {
					r.Fatalf("owner %d, entity %d: %v, %v", i, e, m, err)
				}
			}
		}
		if found != len(model) {
			r.Fatalf("%d facts, want %d", found, len(model))
		}
	})
}

// crash ends a sweep at a step, if it comes there.
func (w *world) crash(r *rapid.T, step string) {
	w.step = func(s string) error {
		if s == step {
			return errors.New("crash")
		}
		return nil
	}
	_, err := w.engine.Sweep(w.t.Context(), eventlog.Lasting, false, nil)
	w.step = nil
	if err != nil && !errors.Is(err, errStep) {
		r.Fatal(err)
	}
}

// A week of presences: the lane holds at most what is true, twice, and what one period brings.
func TestDiskUseOverAWeek(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var owners []*seal.Owner
	for range 50 {
		owners = append(owners, w.account())
	}
	period := Period(w.policy, eventlog.Now)
	var most, first uint64
	const every = 10 * time.Minute // for each of them
	perPeriod := uint64(period/every+1) * 50
	for day := range 7 {
		var bytes int64
		for range 24 * time.Hour / every {
			var last *eventlog.Receipt
			for _, o := range owners {
				last = w.log.Append(eventlog.Command{Owner: o, Facts: []eventlog.Fact{presence("desk", "here")}})
			}
			if err := last.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.clock.pass(every)
			w.engine.Tick(t.Context())
			held := uint64(0)
			for _, s := range w.log.Segments(eventlog.Now) {
				held += s.Last - s.First + 1
				bytes = max(bytes, s.Bytes)
			}
			most = max(most, held)
			if day == 0 {
				first = most
			}
		}
		t.Logf("day %d: at most %d events so far, largest segment %d bytes", day+1, most, bytes)
	}
	if limit := 2*50 + perPeriod; most > limit {
		t.Errorf("%d events at once, want at most %d (first day %d)", most, limit, first)
	}
}
