package retention

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/internal/control"
)

// The trace: after the deadline no event says that somebody changed their presence at a certain time but the last.
func TestTraceOfPresence(t *testing.T) {
	s := start(t, "anna", "bela", "carl")
	c := s.signIn("anna", "desk")
	owner := s.account("anna").Owner.ID()
	var times []int64
	for i := range 5 {
		s.clock.pass(time.Minute)
		s.send(c, fmt.Sprintf("<presence><status>%d</status></presence>", i))
	}
	s.until("there are no traces: the search is blind", func() bool {
		times = nil
		s.read(func(r eventlog.Record) {
			if r.Position.Lane == eventlog.Now && bytes.Equal(r.Envelope.GetOwner(), owner[:]) {
				times = append(times, r.Envelope.GetTime())
			}
		})
		return len(times) >= 5
	})
	s.settle(c)
	s.quiet()
	s.pass(time.Hour)
	seen := map[int64]int{}
	s.read(func(r eventlog.Record) {
		if r.Position.Lane == eventlog.Now && bytes.Equal(r.Envelope.GetOwner(), owner[:]) {
			seen[r.Envelope.GetTime()]++
		}
	})
	if len(seen) > 2 { // the last presence and the last sign-out
		t.Errorf("%d moments are left of %d", len(seen), len(times))
	}
	s.checkRebuilt()
}

// checkRebuilt asks the server whether its state is what the log says.
func (s *server) checkRebuilt() {
	s.t.Helper()
	out, err := s.Commands()[node.CommandRebuildCheck](context.Background(), nil, func(control.Progress) {})
	if err != nil {
		s.t.Fatal(err)
	}
	if r, ok := out.(node.RebuildResult); !ok || r.Live != r.Rebuilt {
		s.t.Errorf("live and rebuilt differ: %+v", out)
	}
}
