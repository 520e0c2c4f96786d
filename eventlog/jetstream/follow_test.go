package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// collect follows a lane until it has seen a number, checks that commands are whole, and returns the numbers.
func collect(t testing.TB, g *Log, from, last uint64) (numbers []uint64) {
	t.Helper()
	enough := errors.New("enough")
	err := g.Follow(t.Context(), eventlog.Inbox, from, func(records []eventlog.Record) error {
		for _, r := range records {
			numbers = append(numbers, r.Position.Number)
		}
		if records[len(records)-1].Envelope.GetMore() {
			t.Error("a command was torn")
		}
		if numbers[len(numbers)-1] >= last {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	return numbers
}

func ascending(from, to uint64) (want []uint64) {
	for n := from; n <= to; n++ {
		want = append(want, n)
	}
	return want
}

// Followers that are ahead, behind or start anywhere see the same events, from memory as well as from disk.
func TestFollow(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create(func(c *Config) { c.SegmentEvents = 3000 })
	const commands, size = 2500, 5
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if got := collect(t, g, 1, commands*size); !slices.Equal(got, ascending(1, commands*size)) {
				t.Errorf("%d numbers, not all in order", len(got))
			}
		})
	}
	for n := range commands {
		g.Append(p.messages(n*size, size))
	}
	wg.Wait()
	for _, from := range []uint64{0, 1, 6, 2996, 3001, 6001, 12_496} {
		if got := collect(t, g, from, commands*size); !slices.Equal(got, ascending(max(from, 1), commands*size)) {
			t.Errorf("from %d: %d numbers, not all in order", from, len(got))
		}
	}
	if held := len(g.lanes[eventlog.Inbox].tail.records); held > tailFacts {
		t.Errorf("%d events held in memory", held)
	}
}

// Read ends with the command in which its last number lies.
func TestReadEndsWithACommand(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	for n := range 4 {
		mustAppend(t, g, p.messages(n*3, 3))
	}
	check := func(g *Log) {
		t.Helper()
		for upTo, want := range map[uint64]uint64{0: 0, 1: 3, 3: 3, 4: 6, 11: 12, 12: 12} {
			got := uint64(0)
			err := g.Read(t.Context(), eventlog.Inbox, 1, upTo, func(r []eventlog.Record) error {
				got = r[len(r)-1].Position.Number
				return nil
			})
			if err != nil || got != want {
				t.Errorf("read up to %d ended at %d: %v", upTo, got, err)
			}
		}
	}
	check(g)
	g.Close()
	check(p.open())
}

// Read goes over void numbers, at the end of the lane too.
func TestReadOverVoidNumbers(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	mustAppend(t, p.create(), p.message(0))
	q := p.copyOf()
	g := q.open()
	for _, upTo := range []uint64{1, 2, 1 + unacknowledged} {
		n := 0
		if err := g.Read(t.Context(), eventlog.Inbox, 1, upTo, func(r []eventlog.Record) error { n += len(r); return nil }); err != nil || n != 1 {
			t.Errorf("up to %d: %d events: %v", upTo, n, err)
		}
	}
	mustAppend(t, g, p.message(1))
	if got := collect(t, g, 2, unacknowledged+2); !slices.Equal(got, []uint64{unacknowledged + 2}) {
		t.Errorf("numbers %v", got)
	}
}

func TestFollowEnds(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.message(0))
	nothing := func([]eventlog.Record) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Follow(ctx, eventlog.Inbox, 1, nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop := errors.New("stop")
	if err := g.Follow(t.Context(), eventlog.Inbox, 1, func([]eventlog.Record) error { return stop }); err != stop {
		t.Errorf("a failing function: %v", err)
	}
	if err := g.Follow(t.Context(), eventlog.Lane(99), 1, nothing); !errors.Is(err, eventlog.ErrMissing) {
		t.Errorf("an unknown lane: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Follow(context.Background(), eventlog.Audit, 1, nothing) }()
	g.Close()
	if err := <-ended; !errors.Is(err, eventlog.ErrStopped) {
		t.Errorf("a closed log: %v", err)
	}
	if err := g.Append(p.message(1)).Wait(t.Context()); !errors.Is(err, eventlog.ErrStopped) {
		t.Errorf("append to a closed log: %v", err)
	}
}

// F39: groups and commands over several blocks, read from any place, also when the tail that a crash left has several.
func TestManyBlocks(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	large := p.messages(0, 60)
	for i := range large.Facts {
		large.Facts[i].Value = &schemas.OfflineMessage{Stanza: bytes.Repeat([]byte{byte(i)}, 400<<10)}
	}
	mustAppend(t, g, p.message(0))
	mustAppend(t, g, large)
	killed := p.copyOf()
	os.Remove(filepath.Join(killed.dir, marksFile)) // so the whole command is a tail
	check := func(g *Log) {
		t.Helper()
		if n := len(g.lanes[eventlog.Inbox].segments[0].blocks); n < 3 {
			t.Errorf("%d blocks", n)
		}
		for _, from := range []uint64{1, 2, 20, 30, 61} {
			var got []uint64
			err := g.Read(t.Context(), eventlog.Inbox, from, 61, func(records []eventlog.Record) error {
				for _, r := range records {
					got = append(got, r.Position.Number)
				}
				return nil
			})
			if err != nil || !slices.Equal(got, ascending(from, 61)) {
				t.Errorf("from %d: %v: %v", from, got, err)
			}
		}
	}
	check(g)
	check(killed.open())
	g.Close()
	check(p.open())
}

// Receipts of one lane are settled in the order of the appends, and functions given to Then run in that order.
func TestReceiptsAreSettledInOrder(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	const count = 5000
	var order []int // one goroutine runs all
	var last *eventlog.Receipt
	for n := range count {
		last = g.Append(p.message(n))
		last.Then(func(err error) {
			if err != nil {
				t.Error(err)
			}
			order = append(order, n)
		})
	}
	if err := last.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.Close() // waits for the completion goroutine
	if len(order) != count || !slices.IsSorted(order) {
		t.Errorf("%d receipts, not all in order", len(order))
	}
}

// Any commands in any order with restarts and kills in between: every lane holds them whole, in order, with rising numbers.
func TestAnyCommandsAndRestarts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "log")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		p := newPlaceIn(t, dir)
		p.kept = true
		limit := uint64(rapid.IntRange(1, 20).Draw(rt, "segment events"))
		rolls := func(c *Config) { c.SegmentEvents = limit }
		g := p.create(rolls)
		var want []string
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"append", "append", "append", "restart", "kill"}).Draw(rt, "step") {
			case "append":
				n := rapid.IntRange(1, 6).Draw(rt, "facts")
				mustAppend(t, g, p.messages(len(want), n))
				for range n {
					want = append(want, stanza(len(want)))
				}
			case "restart":
				if err := g.Close(); err != nil {
					rt.Fatal(err)
				}
				g = p.open(rolls)
			case "kill":
				rest(t, g)
				q := p.copyOf()
				g.Close()
				p = q
				g = p.open(rolls)
			}
			got, numbers := p.stanzas(g)
			if !slices.Equal(got, want) || !slices.IsSorted(numbers) || len(slices.Compact(numbers)) != len(want) {
				rt.Fatalf("%d events, want %d: %v", len(got), len(want), numbers)
			}
		}
		if err := g.Verify(t.Context(), nil); err != nil {
			rt.Fatal(err)
		}
		g.Close()
	})
}

// rest waits until all void numbers are told, so that no file is being written while the folder is copied.
func rest(t testing.TB, g *Log) {
	t.Helper()
	for told := false; !told; {
		told = true
		mustAppend(t, g, eventlog.Command{Owner: g.cfg.Keys.Server(), Facts: []eventlog.Fact{eventlog.End(schemas.Family_PROOF_FACTS, "rest")}})
		for _, l := range g.lanes[1:] {
			l.chain.RLock()
			for _, v := range l.voids {
				told = told && v.Told
			}
			l.chain.RUnlock()
		}
	}
}

func TestVerifyTellsProgress(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.messages(0, 7))
	var told []Progress
	if err := g.Verify(t.Context(), func(x Progress) { told = append(told, x) }); err != nil {
		t.Fatal(err)
	}
	if want := []Progress{{eventlog.Inbox, 7, 7}}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", fmt.Sprint(told), want)
	}
}
