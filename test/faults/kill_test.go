package faults

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestKill kills the server at random moments under load (F1, F2, F7, F43, F48 as far as a kill can show them).
func TestKill(t *testing.T) {
	kills := number(t, "PROTOKOLL_KILLS", 50)
	seed := number(t, "PROTOKOLL_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("%d kills, PROTOKOLL_SEED=%d", kills, seed)
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	w := newTown(t)
	if err := w.inspect(false); err != nil {
		w.fail(t, "at the beginning", err)
	}
	for n := 1; n <= kills; n++ {
		moment := time.Duration(random.IntN(400)) * time.Millisecond
		if errs := w.during(moment, w.srv.Kill); len(errs) > 0 {
			w.fail(t, "under load", errs[0])
		}
		if err := w.srv.Again(); err != nil {
			w.fail(t, "starting again", err)
		}
		if err := w.inspect(n%5 == 0 || n == kills); err != nil {
			t.Logf("kill %d, %v after the load began", n, moment)
			w.fail(t, "after a kill", err)
		}
	}
	t.Log(w.ledger.totals())
	for _, d := range w.devices() {
		t.Logf("%s resumed %d times, refused %d times", d.user, d.resumed, d.refused)
		if d.resumed == 0 && kills > 0 {
			t.Errorf("%s never resumed: a session must survive kill -9", d.user)
		}
	}
}

// TestStop stops the server gently under load (F8): every device resumes, nothing is lost, nothing comes twice, and nobody
// is called unavailable.
func TestStop(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	if err := w.inspect(false); err != nil {
		w.fail(t, "at the beginning", err)
	}
	for range 3 {
		var stopped error
		errs := w.during(200*time.Millisecond, func() { stopped = w.srv.Stop() })
		for _, err := range append(errs, stopped) {
			if err != nil && !isShutdown(err) {
				w.fail(t, "stopping", err)
			}
		}
		if err := w.srv.Again(); err != nil {
			w.fail(t, "starting again", err)
		}
		if err := w.inspect(true); err != nil {
			w.fail(t, "after a stop", err)
		}
	}
	for _, d := range w.devices() {
		if d.refused > 0 {
			t.Errorf("%s could not resume %d times of 3", d.user, d.refused)
		}
		for from, times := range d.told {
			if from != w.away.full() {
				t.Errorf("%s was told %d times that %s is gone", d.user, times, from)
			}
		}
	}
	t.Log(w.ledger.totals())
}

// isShutdown holds for the stream error with which a server takes its leave. RFC 6120 §4.9.3.21
func isShutdown(err error) bool { return strings.Contains(err.Error(), "system-shutdown") }
