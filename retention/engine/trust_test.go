package engine

import (
	"testing"
	"time"
)

// F24: whatever a clock does, what goes by age goes late rather than early.
func TestTrust(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		jump time.Duration // of the clock between two looks that are an hour apart
		want bool
	}{
		"right":               {0, true},
		"a leap second":       {-time.Second, true},
		"within the bound":    {jump, true},
		"beyond the bound":    {jump + time.Second, false},
		"set back":            {-jump - time.Second, false},
		"summer time by hand": {time.Hour, false},
		"a day ahead":         {day, false},
		"a day behind":        {-day, false},
		"1970":                {-50 * 365 * day, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			trusted := trust{clock: c.now, elapsed: c.monotonic}
			newest := c.now()
			if _, ok := trusted.now(newest); !ok {
				t.Fatal("a clock that stands at the newest event is not believed")
			}
			c.pass(time.Hour)
			c.jump(row.jump)
			if _, ok := trusted.now(newest); ok != row.want {
				t.Errorf("believed: %v", ok)
			}
			c.jump(-row.jump) // set right again: that is a jump, too
			_, _ = trusted.now(newest)
			c.pass(disbelief)
			if _, ok := trusted.now(newest); !ok {
				t.Error("not believed a day after it was set right")
			}
		})
	}
}

// F24: a machine that starts in 1970, or after a long time.
func TestTrustAtStart(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		since time.Duration // the newest event
		want  bool
	}{"at once": {0, true}, "after a weekend": {away, true}, "after longer": {away + time.Second, false}, "before the newest event": {-time.Second, false}} {
		c := newClock()
		trusted := trust{clock: c.now, elapsed: c.monotonic}
		if _, ok := trusted.now(c.now().Add(-row.since)); ok != row.want {
			t.Errorf("%s: believed: %v", name, ok)
		}
	}
}
