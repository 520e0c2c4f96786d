package engine

import "time"

const (
	// jump is how far the clock may leave the time that has passed before it is not believed.
	jump = 5 * time.Minute
	// away is how long the newest event may lie back at the start before the clock is not believed.
	away = 48 * time.Hour
	// disbelief is how long rules of age wait after that. By then somebody will have set the clock right, or it is.
	disbelief = 24 * time.Hour
)

// trust decides whether the clock is to be believed. Events that went because a clock was wrong cannot be brought back.
type trust struct {
	clock   func() time.Time
	elapsed func() time.Duration

	begun bool
	wall  time.Time     // what the clock said
	at    time.Duration // when that was
	until time.Duration // no belief before
}

// now returns what the clock says, and whether rules of age may go by it. newest is the time of the newest event.
func (t *trust) now(newest time.Time) (time.Time, bool) {
	now, at := t.clock(), t.elapsed()
	switch {
	case !t.begun:
		t.begun = true
		if newest.UnixMilli() > 0 && now.Sub(newest) > away {
			t.until = at + disbelief
		}
	case (now.Sub(t.wall) - (at - t.at)).Abs() > jump:
		t.until = at + disbelief
	}
	t.wall, t.at = now, at
	return now, at >= t.until && !now.Before(newest)
}
