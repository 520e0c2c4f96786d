package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// TestKillAtCalls is F1, F2, F43 and F48 at the calls that an acknowledgement depends on, one by one: the kill comes at the
// n-th write or sync of a thread since the tracer came, before it takes effect or behind it.
func TestKillAtCalls(t *testing.T) {
	s, target := start(t, server.Options{Accounts: castAccounts})
	c := newCast(t, target, seed(t))
	must(t, c.arrive())
	must(t, c.shower.befriend())
	round := uint64(1 << 32)
	for _, moment := range []string{"pwrite64 1", "pwrite64 2", "pwrite64 5", "fsync 1", "fsync 2", "fsync 5", "fdatasync 1", "fdatasync 2"} {
		name, when, _ := strings.Cut(moment, " ")
		for _, how := range []string{"signal=KILL", "error=EIO:signal=KILL"} { // the call is carried out; it is not
			round++
			acting := c.act(round)
			stop := trace(t, s, "-e", "trace="+name, "-e", "inject="+name+":"+how+":when="+when)
			if !until(wire.Patience, func() bool { return !s.Alive() }) {
				t.Fatalf("%s was not called %s times", name, when)
			}
			acting.Wait()
			_ = stop()
			again(t, s)
			if err := c.check(s); err != nil {
				t.Fatalf("after %s at %s: %v\n%s", how, moment, err, c.book.totals())
			}
		}
	}
	t.Log(c.book.totals())
}

// again starts the server and tells how long it took until it served.
func again(t *testing.T, s *server.Server) time.Duration {
	t.Helper()
	begin := time.Now()
	must(t, s.Again())
	return time.Since(begin)
}

// check brings everybody back and compares what was promised with what is there.
func (c *cast) check(s *server.Server) error {
	c.shower.mu.Lock()
	c.shower.seen = 0
	c.shower.mu.Unlock()
	if err := c.arrive(); err != nil {
		return fmt.Errorf("coming back: %w", err)
	}
	for _, p := range c.steady() {
		if p.managed && !until(wire.Patience, func() bool { return p.unacknowledged() == 0 || !p.alive() }) {
			return fmt.Errorf("%s: %d stanzas stay unacknowledged", p.user, p.unacknowledged())
		}
	}
	if !c.powerless.Load() { // a new session has a presence of its own
		if err := c.shower.current(); err != nil {
			return err
		}
	}
	if err := each(c.people, (*person).lostNames); err != nil {
		return err
	}
	if err := c.agree(); err != nil {
		return err
	}
	// Nobody writes now: what a client without XEP-0198 takes was stored.
	if err := each(c.away, func(a *absent) error { return a.visit(a.rand.IntN(2) == 0, false) }); err != nil {
		return err
	}
	if !until(wire.Patience, func() bool { return len(c.book.owed()) == 0 }) {
		owed := c.book.owed()
		return fmt.Errorf("%d acknowledged messages are missing, the first: %+v", len(owed), *owed[0])
	}
	c.book.forgive()
	if n := c.refused.Load(); n > 0 {
		return fmt.Errorf("%d sessions could not be resumed while the server ran", n)
	}
	if wrong := c.book.faults(); len(wrong) > 0 {
		return fmt.Errorf("%d faults:\n%s", len(wrong), strings.Join(wrong, "\n"))
	}
	return same(s)
}

// same checks that the live state is what the log says.
func same(s *server.Server) error {
	out, err := s.Command("rebuild", "--check")
	if err != nil {
		return fmt.Errorf("rebuild --check: %w\n%s", err, out)
	}
	return nil
}
