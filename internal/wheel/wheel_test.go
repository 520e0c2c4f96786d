package wheel

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestFires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := New(0)
		start := time.Now()
		for _, d := range []time.Duration{0, time.Millisecond, DefaultTick, time.Second, 52 * time.Second, 30 * time.Minute} {
			fired := make(chan time.Duration, 2)
			var timer Timer
			begin := time.Since(start)
			w.Set(&timer, d, func() { fired <- time.Since(start) })
			late := <-fired - begin - d
			if late < 0 || late > 2*DefaultTick {
				t.Errorf("%v: late by %v", d, late)
			}
		}
		time.Sleep(2 * DefaultTick)
		if w.Len() != 0 || w.ticking {
			t.Error("the empty wheel ticks")
		}
	})
}

func TestStopAndMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := New(0)
		var stopped, moved Timer
		fired := 0
		w.Set(&stopped, time.Second, func() { t.Error("a stopped timer fired") })
		w.Set(&moved, time.Second, func() { t.Error("the old callback") })
		w.Set(&moved, 2*time.Second, func() { fired++ })
		if !w.Stop(&stopped) || w.Stop(&stopped) || w.Len() != 1 {
			t.Error("Stop")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if fired != 1 {
			t.Errorf("fired %d times", fired)
		}
	})
}

func TestCallbackSetsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := New(0)
		var timer Timer
		n := 0
		var again func()
		again = func() {
			if n++; n < 5 {
				w.Set(&timer, time.Duration(n%2)*51200*time.Millisecond, again) // also the same slot, a round later
			}
		}
		w.Set(&timer, 0, again)
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if n != 5 || w.Len() != 0 {
			t.Errorf("fired %d times, %d left", n, w.Len())
		}
	})
}

// TestProperty sets, moves and stops timers at random: each fires once, not early and not late.
func TestProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		delays := rapid.SliceOfN(rapid.IntRange(0, 200_000), 1, 50).Draw(rt, "ms")
		stop := rapid.SliceOfN(rapid.Bool(), len(delays), len(delays)).Draw(rt, "stop")
		synctest.Test(t, func(t *testing.T) {
			w, start := New(0), time.Now()
			timers, fired := make([]Timer, len(delays)), make([]int, len(delays))
			for i, ms := range delays {
				d := time.Duration(ms) * time.Millisecond
				w.Set(&timers[i], d, func() {
					fired[i]++
					if late := time.Since(start) - d; late < 0 || late > 2*DefaultTick {
						t.Errorf("late by %v", late)
					}
				})
			}
			for i := range stop {
				if stop[i] {
					w.Stop(&timers[i])
				}
			}
			time.Sleep(201 * time.Second)
			synctest.Wait()
			for i, n := range fired {
				if stop[i] == (n == 1) || n > 1 {
					t.Errorf("timer %d fired %d times, stopped %v", i, n, stop[i])
				}
			}
		})
	})
}

func BenchmarkSet(b *testing.B) {
	w := New(0)
	var t Timer
	b.ReportAllocs()
	for b.Loop() {
		w.Set(&t, time.Minute, func() {})
	}
	w.Stop(&t)
}
