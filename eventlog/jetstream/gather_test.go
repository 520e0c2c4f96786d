package jetstream

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/eventlog"
)

// A lane that gathers stores all that comes meanwhile with one sync, and what waits when it is closed.
func TestGather(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var syncs atomic.Int32
	g := p.create(func(c *Config) {
		c.Gather = map[eventlog.Lane]time.Duration{eventlog.Inbox: time.Hour}
		c.disk.sync = func(f *os.File) error { syncs.Add(1); return f.Sync() }
	})
	var receipts []*eventlog.Receipt
	for n := range maxGroupFacts / 4 { // as many as end the wait
		receipts = append(receipts, g.Append(p.message(n)))
	}
	for _, r := range receipts {
		if err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := syncs.Load(); n > 32 {
		t.Errorf("%d syncs for one group and its new segment", n)
	}
	last := g.Append(p.message(maxGroupFacts))
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := last.Wait(t.Context()); err != nil {
		t.Errorf("what waited when the log was closed: %v", err)
	}
}
