package jetstream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// F22: a failed sync is never tried again; the lane stops, says so, and the next start decides.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var broken atomic.Bool
	var after atomic.Int32
	g := p.create(func(c *Config) {
		c.disk.sync = func(f *os.File) error {
			if broken.Load() {
				after.Add(1)
				return syscall.EIO
			}
			return f.Sync()
		}
	})
	mustAppend(t, g, p.message(0))
	broken.Store(true)
	if err := g.Append(p.message(1)).Wait(t.Context()); !errors.Is(err, eventlog.ErrUncertain) || !errors.Is(err, syscall.EIO) {
		t.Errorf("receipt of a failed sync: %v", err)
	}
	if err := <-g.Fatal(); !errors.Is(err, eventlog.ErrUncertain) {
		t.Errorf("fatal: %v", err)
	}
	if err := g.Append(p.message(2)).Wait(t.Context()); !errors.Is(err, eventlog.ErrStopped) {
		t.Errorf("append after a failed sync: %v", err)
	}
	if n := after.Load(); n != 1 {
		t.Errorf("%d syncs after the first failure", n-1)
	}
	if m := g.Mark(eventlog.Inbox); m != 1 {
		t.Errorf("mark %d", m)
	}
	broken.Store(false)
	g.Close()
	g = p.open()
	got, _ := p.stanzas(g) // it was written, so it may be kept; the next start has synced it then
	checkStanzas(t, got, 0, 2)
}

// F41: what was not synced is seen by no follower.
func TestFollowersSeeOnlyWhatIsSynced(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var hold atomic.Pointer[chan struct{}]
	held := make(chan struct{}, 16)
	g := p.create(func(c *Config) {
		c.disk.sync = func(f *os.File) error {
			if gate := hold.Load(); gate != nil && strings.HasSuffix(f.Name(), ".blk") {
				held <- struct{}{}
				<-*gate
			}
			return f.Sync()
		}
	})
	mustAppend(t, g, p.message(0))
	seen := make(chan uint64, 16)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go g.Follow(ctx, eventlog.Inbox, 1, func(r []eventlog.Record) error {
		seen <- r[len(r)-1].Position.Number
		return nil
	})
	if n := <-seen; n != 1 {
		t.Fatalf("event %d first", n)
	}
	gate := make(chan struct{})
	hold.Store(&gate)
	r := g.Append(p.message(1))
	<-held // written, not synced
	if g.Mark(eventlog.Inbox) != 1 || len(seen) != 0 {
		t.Error("an event was shown before its sync")
	}
	hold.Store(nil)
	close(gate)
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := <-seen; n != 2 {
		t.Errorf("event %d after the sync", n)
	}
}

// A write that JetStream refuses: what reached the disk of it is cut off, the lane goes on, and the lost numbers are told.
func TestRefusedWrite(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.message(0))
	l := g.lanes[eventlog.Inbox]
	stream := l.live.name() // the writer rests
	if err := l.line.sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	r := g.Append(p.messages(1, 3))
	for lastOf(t, g, stream) < 4 { // each look is a request, so this waits for JetStream and for no clock
	}
	g.engine.notices.Errorf("JetStream failed to store a msg on stream '$G > %s': %v", stream, syscall.EIO)
	if err := r.Wait(t.Context()); !errors.Is(err, eventlog.ErrNoSpace) {
		t.Errorf("receipt of a refused write: %v", err)
	}
	if m := g.Mark(eventlog.Inbox); m != 1 {
		t.Errorf("mark %d after a refused write", m)
	}
	killed := p.copyOf()
	g.Close()
	killed.checkRecovered(t, 1)
	g = p.open()
	r = mustAppend(t, g, p.message(1))
	if r.Positions()[0].Number != 5 {
		t.Errorf("number %v after four were used", r.Positions()[0])
	}
	got, _ := p.stanzas(g)
	checkStanzas(t, got, 0, 2)
	want := voidEntry{First: 2, Last: 4, Reason: schemas.VoidReason_FAILED_WRITE}
	if v := g.lanes[eventlog.Inbox].voids; len(v) != 1 || v[0].First != want.First || v[0].Last != want.Last || v[0].Reason != want.Reason {
		t.Errorf("void numbers %v, want %v", v, want)
	}
}

func lastOf(t *testing.T, g *Log, stream string) uint64 {
	t.Helper()
	s, err := g.engine.streams.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// No answer at all is uncertain: the event may still be written.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.message(0))
	g.engine.wait = 50 * time.Millisecond
	if err := g.lanes[eventlog.Inbox].line.sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if err := g.Append(p.message(1)).Wait(t.Context()); !errors.Is(err, eventlog.ErrUncertain) {
		t.Errorf("receipt without an answer: %v", err)
	}
	for lastOf(t, g, g.lanes[eventlog.Inbox].live.name()) < 2 {
	}
	g.Close()
	g = p.open()
	got, _ := p.stanzas(g) // F48: it appears after the restart, once
	checkStanzas(t, got, 0, 2)
}

// F21: below the reserve nothing is written and no number is used; with room again the lane serves.
func TestReserve(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var free atomic.Uint64
	free.Store(1 << 40)
	g := p.create(func(c *Config) {
		c.ReserveBytes = 1 << 20
		c.disk.free = func(string) (uint64, error) { return free.Load(), nil }
	})
	mustAppend(t, g, p.message(0))
	need := uint64(0)
	for _, part := range sealed(t, g, p.message(1)) {
		need += uint64(part.bytes)
	}
	free.Store(1<<20 + need - 1)
	if err := g.Append(p.message(1)).Wait(t.Context()); !errors.Is(err, eventlog.ErrNoSpace) {
		t.Errorf("one byte below the reserve: %v", err)
	}
	free.Store(1<<20 + need)
	if r := mustAppend(t, g, p.message(1)); r.Positions()[0].Number != 2 {
		t.Errorf("position %v", r.Positions()[0])
	}
}

func sealed(t *testing.T, g *Log, c eventlog.Command) (parts []*part) {
	t.Helper()
	all, _, err := g.sealCommand(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p != nil {
			parts = append(parts, p)
		}
	}
	return parts
}

// A roll that cannot be written to the manifest refuses the events that needed it and loses nothing.
func TestManifestCannotBeWritten(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var full atomic.Bool
	g := p.create(func(c *Config) {
		c.SegmentEvents = 2
		c.disk.rename = func(from, to string) error {
			if full.Load() && strings.HasSuffix(to, ".json") {
				return syscall.ENOSPC
			}
			return os.Rename(from, to)
		}
	})
	mustAppend(t, g, p.message(0))
	mustAppend(t, g, p.message(1))
	full.Store(true)
	for range 3 {
		if err := g.Append(p.message(2)).Wait(t.Context()); !errors.Is(err, eventlog.ErrNoSpace) {
			t.Errorf("append without a manifest: %v", err)
		}
	}
	killed := p.copyOf()
	full.Store(false)
	mustAppend(t, g, p.message(2))
	mustAppend(t, g, p.message(3))
	got, _ := p.stanzas(g)
	checkStanzas(t, got, 0, 4)
	killed.checkRecovered(t, 2)
	if err := g.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// F1, F11: the process may die between any two changes of names (manifest, segment put away). The folder as it was at each
// of them opens with everything that was acknowledged then.
func TestDeathBetweenRenames(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	type moment struct {
		place        *place
		acknowledged int
	}
	var moments []moment
	var acknowledged atomic.Int32
	g := p.create(func(c *Config) {
		c.SegmentEvents = 3
		c.disk.rename = func(from, to string) error {
			if acknowledged.Load() > 0 {
				moments = append(moments, moment{p.copyOf(), int(acknowledged.Load())})
			}
			err := os.Rename(from, to)
			if acknowledged.Load() > 0 {
				moments = append(moments, moment{p.copyOf(), int(acknowledged.Load())})
			}
			return err
		}
	})
	for n := range 10 {
		mustAppend(t, g, p.message(n))
		acknowledged.Store(int32(n + 1))
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if len(moments) < 10 {
		t.Fatalf("%d moments", len(moments))
	}
	for _, m := range moments {
		m.place.checkRecovered(t, m.acknowledged)
	}
}

// A start that dies while it mends what another death left goes on at the next start.
func TestDeathWhileMending(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.messages(0, 3))
	mustAppend(t, g, p.messages(3, 3))
	killed := p.copyOf()
	s := killed.spots()[5]
	os.Remove(filepath.Join(killed.dir, marksFile))
	if err := os.Truncate(s.file, s.record.Offset+20); err != nil {
		t.Fatal(err)
	}
	var moments []*place
	q := killed.copyOf()
	g = q.open(func(c *Config) {
		c.disk.rename = func(from, to string) error {
			moments = append(moments, q.copyOf())
			err := os.Rename(from, to)
			moments = append(moments, q.copyOf())
			return err
		}
	})
	g.Close()
	if len(moments) < 6 {
		t.Fatalf("%d moments", len(moments))
	}
	for _, m := range moments {
		m.checkRecovered(t, 3)
	}
}

// A segment that rolled by age is closed also when nothing is appended any more, and JetStream has let go of it.
func TestRollByAge(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var now atomic.Int64
	now.Store(1_800_000_000)
	g := p.create(func(c *Config) {
		c.Clock = func() time.Time { return time.Unix(now.Load(), 0) }
		c.SegmentAge = map[eventlog.Lane]time.Duration{eventlog.Inbox: time.Minute}
	})
	for n := range 5 {
		mustAppend(t, g, p.message(n))
		now.Add(59)
	}
	l := g.lanes[eventlog.Inbox]
	l.chain.RLock()
	segments := len(l.segments)
	l.chain.RUnlock()
	if segments != 3 {
		t.Errorf("%d segments, want 3", segments)
	}
	if n := streamCount(t, g); n != 1 {
		t.Errorf("JetStream holds %d streams, want 1", n)
	}
	got, _ := p.stanzas(g)
	checkStanzas(t, got, 0, 5)
}

func streamCount(t *testing.T, g *Log) (n int) {
	t.Helper()
	names := g.engine.streams.StreamNames(t.Context())
	for range names.Name() {
		n++
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// The reason stands in the event that tells of void numbers.
func TestVoidNumbersAreTold(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.message(0))
	q := p.copyOf()
	g = q.open()
	done := make(chan *schemas.Envelope, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go g.Follow(ctx, eventlog.Proof, 1, func(r []eventlog.Record) error {
		done <- r[0].Envelope
		return nil
	})
	if e := <-done; e.Type != "proof.void" || e.Family != schemas.Family_PROOF_FACTS {
		t.Errorf("got %v", e)
	}
	m, err := readManifest(q.dir, eventlog.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	want := voidEntry{First: 2, Last: 1 + unacknowledged, Reason: schemas.VoidReason_UNCLEAN_STOP}
	if len(m.Voids) != 1 || m.Voids[0] != want {
		t.Errorf("void numbers %v, want %v", m.Voids, want)
	}
}
