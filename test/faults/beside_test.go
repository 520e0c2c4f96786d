package faults

import (
	"testing"

	"protokoll/test/server"
)

// checksBeside is how often TestCheckBesideSweep compares.
const checksBeside = 6

// TestCheckBesideSweep is F44: the comparison of the live state with the log raises no false alarm while people write and lanes are
// swept under it.
func TestCheckBesideSweep(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: castAccounts})
	given := seed(t)
	c := newCast(t, target, given)
	must(t, c.arrive())
	must(t, c.shower.befriend())
	acting := c.act(given)
	done, swept := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-done:
				swept <- n
				return
			default:
			}
			out, err := s.Command("retention", "run", "--yes")
			if err != nil {
				t.Errorf("retention run: %v\n%s", err, out)
			}
			n++
		}
	}()
	for range checksBeside {
		if err := same(s); err != nil {
			t.Error(err)
		}
	}
	close(done)
	t.Logf("%d comparisons beside %d sweeps", checksBeside, <-swept)
	s.Kill()
	acting.Wait()
}
