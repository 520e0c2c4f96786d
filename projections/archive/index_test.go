package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// running is an index that follows a log.
type running struct {
	*Index
	stop func()
}

func run(t interface {
	Helper()
	Fatal(...any)
}, dir string, log *memLog) running {
	t.Helper()
	x, err := Open(dir, log, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = x.Run(ctx)
	}()
	return running{x, func() {
		cancel()
		<-ended
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}}
}

func (r running) settle(t interface{ Fatal(...any) }, log *memLog) {
	if err := r.Wait(context.Background(), eventlog.Position{Lane: eventlog.Archive, Number: log.Mark(eventlog.Archive)}); err != nil {
		t.Fatal(err)
	}
}

// fact is what the model knows of one archived message.
type fact struct {
	owner, entity int
	rank, number  uint64
}

// TestIndexAgainstModel lets people archive, take back and purge while segments roll, are swept and dropped and the process is
// ended at any moment, and compares every page with a plain list.
func TestIndexAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "archive")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		log := newMemLog()
		x := run(t, dir, log)
		var model []fact
		entity := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			owner := rapid.IntRange(1, 3).Draw(t, "owner")
			switch rapid.SampledFrom([]string{"set", "set", "set", "set", "end", "close", "roll", "sweep", "restart", "rebuild"}).Draw(t, "what") {
			case "set":
				entity++
				n := log.put(set(owner, entity, int64(1000+entity)), fmt.Appendf(nil, "sealed %d", entity))
				model = append(model, fact{owner, entity, n, n})
			case "end":
				if len(model) > 0 {
					f := rapid.SampledFrom(model).Draw(t, "which")
					log.put(end(f.owner, f.entity), nil)
					model = slices.DeleteFunc(model, func(o fact) bool { return o.entity == f.entity })
				}
			case "close":
				log.put(closed(owner), nil)
				model = slices.DeleteFunc(model, func(o fact) bool { return o.owner == owner })
			case "roll":
				log.roll()
			case "sweep":
				sweep(t, log, x, model)
			case "restart":
				x.stop()
				x = run(t, dir, log)
			case "rebuild":
				x.settle(t, log)
				if err := x.Rebuild(context.Background(), nil); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.Bool().Draw(t, "look") {
				x.settle(t, log)
				compareAll(t, x, model, rapid.IntRange(1, 7).Draw(t, "page"))
			}
		}
		x.settle(t, log)
		compareAll(t, x, model, 3)
		compareTotals(t, x, model)
		x.stop()
	})
}

// sweep moves what is true of the oldest segment to the head and drops it, as the retention engine does.
func sweep(t *rapid.T, log *memLog, x running, model []fact) {
	segments := log.Segments(eventlog.Archive)
	if len(segments) < 2 {
		return
	}
	x.settle(t, log)
	oldest := segments[0]
	var live uint64
	for i := range model {
		f := &model[i]
		held, err := x.Holds(schemas.OwnerID(id16(f.owner)), f.rank, f.number)
		if err != nil || !held {
			t.Fatalf("a true fact is not held: %v", err)
		}
		if f.number < oldest.First || f.number > oldest.Last {
			continue
		}
		live++
		e := set(f.owner, f.entity, int64(1000+f.entity))
		e.Origin = f.rank
		f.number = log.put(e, fmt.Appendf(nil, "sealed %d", f.entity))
	}
	if part := x.Part(oldest.First); part.Rows != live {
		t.Fatalf("%d rows in a segment, %d are true", part.Rows, live)
	}
	x.settle(t, log)
	compareAll(t, x, model, 4) // while both copies are there
	s := log.drop()
	if err := x.Forget(context.Background(), eventlog.Archive, s.First, s.Last); err != nil {
		t.Fatal(err)
	}
	compareTotals(t, x, model)
}

// compareTotals compares how much there is of everybody. No sweep is under way.
func compareTotals(t *rapid.T, x running, model []fact) {
	for owner := 1; owner <= 3; owner++ {
		var want Total
		for _, f := range model {
			if f.owner == owner {
				want.Rows, want.Bytes = want.Rows+1, want.Bytes+uint64(len(fmt.Appendf(nil, "sealed %d", f.entity)))
			}
		}
		if sum, err := x.Total(schemas.OwnerID(id16(owner))); err != nil || sum != want {
			t.Fatalf("total %v, want %v, %v", sum, want, err)
		}
	}
}

// compareExcess asks, for every number of rows and for every size, where what is too much begins. want is in the order of ranks.
func compareExcess(t *rapid.T, x running, owner int, want []fact) {
	everything := Total{Rows: 1 << 40, Bytes: 1 << 40}
	ask := func(room Total) uint64 {
		rank, err := x.Excess(schemas.OwnerID(id16(owner)), room)
		if err != nil {
			t.Fatal(err)
		}
		return rank
	}
	bytes := uint64(0)
	for n := range want {
		first := want[len(want)-1-n]
		if rank := ask(Total{Rows: uint64(n), Bytes: everything.Bytes}); rank != first.rank {
			t.Fatalf("room for %d rows: %d, want %d", n, rank, first.rank)
		}
		bytes += uint64(len(fmt.Appendf(nil, "sealed %d", first.entity)))
		if rank := ask(Total{Rows: everything.Rows, Bytes: bytes - 1}); rank != first.rank {
			t.Fatalf("room for %d bytes: %d, want %d", bytes-1, rank, first.rank)
		}
	}
	if rank := ask(Total{Rows: uint64(len(want)), Bytes: bytes}); rank != 0 {
		t.Fatalf("there is room for all, and yet not for %d", rank)
	}
}

func compareAll(t *rapid.T, x running, model []fact, page int) {
	for owner := 1; owner <= 3; owner++ {
		var want []fact
		for _, f := range model {
			if f.owner == owner {
				want = append(want, f)
			}
		}
		slices.SortFunc(want, func(a, b fact) int { return compare(a.rank, b.rank) })
		compareExcess(t, x, owner, want)
		comparePages(t, x, owner, want, page)
		slices.Reverse(want)
		comparePages(t, x, -owner, want, page)
		for _, f := range want {
			rank, ok, err := x.Find(schemas.OwnerID(id16(owner)), schemas.EntityID(id16(f.entity)))
			if err != nil || !ok || rank != f.rank {
				t.Fatalf("entity %d: %d %t %v", f.entity, rank, ok, err)
			}
		}
	}
}

// comparePages reads an owner's archive page by page; backwards for a negative owner.
func comparePages(t *rapid.T, x running, owner int, want []fact, page int) {
	r := Range{Newest: owner < 0, Max: page, Bytes: 1 << 20}
	for {
		rows, more, err := x.Rows(schemas.OwnerID(id16(max(owner, -owner))), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if len(want) == 0 || row.Rank != want[0].rank || !bytes.Equal(row.Sealed, fmt.Appendf(nil, "sealed %d", want[0].entity)) {
				t.Fatalf("rank %d, want %v", row.Rank, want)
			}
			want = want[1:]
		}
		if !more {
			break
		}
		if r.After = rows[len(rows)-1].Rank; r.Newest {
			r.After, r.Before = 0, r.After
		}
	}
	if len(want) > 0 {
		t.Fatalf("missing: %v", want)
	}
}

func TestDamageIsFoldedAnew(t *testing.T) {
	t.Parallel()
	log := newMemLog()
	for i := range 40 {
		log.put(set(1, i, int64(i)), []byte("sealed"))
		if i%10 == 9 {
			log.roll()
		}
	}
	for name, spoil := range map[string]func(dir string) error{
		"a file is missing": func(dir string) error { return os.Remove(filepath.Join(dir, "00000000000000000011.db")) },
		"a file is no file": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "00000000000000000011.db"), []byte("x"), 0o600)
		},
		"met while reading":   func(dir string) error { return os.WriteFile(filepath.Join(dir, refold), nil, 0o600) },
		"of a segment gone":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "00000000000000000002.db"), nil, 0o600) },
		"a file is cut short": func(dir string) error { return os.Truncate(filepath.Join(dir, "00000000000000000011.db"), 8192) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			x := run(t, dir, log)
			x.settle(t, log)
			x.stop()
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			x = run(t, dir, log)
			defer x.stop()
			x.settle(t, log)
			rows, more, err := x.Rows(schemas.OwnerID(id16(1)), Range{Max: 100, Bytes: 1 << 20})
			if err != nil || more || len(rows) != 40 {
				t.Fatalf("%d rows, %t, %v", len(rows), more, err)
			}
		})
	}
}

func TestAheadOfTheLog(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), newMemLog()
	log.put(set(1, 1, 1), nil)
	x := run(t, dir, log)
	x.settle(t, log)
	x.stop()
	if _, err := Open(dir, newMemLog(), slog.New(slog.DiscardHandler)); !errors.Is(err, ErrAhead) {
		t.Error("an index ahead of the log:", err)
	}
}

func TestPageLimits(t *testing.T) {
	t.Parallel()
	log := newMemLog()
	for i := range 10 {
		log.put(set(1, i, 1), make([]byte, 1000))
	}
	x := run(t, t.TempDir(), log)
	defer x.stop()
	x.settle(t, log)
	for _, c := range []struct{ max, bytes, want int }{{3, 1 << 20, 3}, {100, 2500, 2}, {100, 10, 1}, {10, 1 << 20, 10}, {0, 1 << 20, 0}} {
		rows, more, err := x.Rows(schemas.OwnerID(id16(1)), Range{Max: c.max, Bytes: c.bytes})
		if err != nil || len(rows) != c.want || more != (c.want < 10) {
			t.Errorf("%+v: %d rows, %t, %v", c, len(rows), more, err)
		}
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	log := newMemLog()
	x := run(t, t.TempDir(), log)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := x.Wait(ctx, eventlog.Position{Lane: eventlog.Archive, Number: 9}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	x.stop()
	if err := x.Wait(context.Background(), eventlog.Position{Lane: eventlog.Archive, Number: 9}); err == nil {
		t.Error("waited for what never comes")
	}
}

// TestSweptTail: the last events were swept and the files of their segments are gone: the index begins at 0, and the numbers up to
// the log's mark never come.
func TestSweptTail(t *testing.T) {
	t.Parallel()
	log := newMemLog()
	for i := range 3 {
		log.put(set(1, i, 1), nil)
	}
	for _, left := range []int{1, 0} {
		log.records = log.records[:left]
		x := run(t, t.TempDir(), log)
		if err := x.Caught(t.Context()); err != nil {
			t.Error(err)
		}
		x.settle(t, log)
		log.put(set(1, 9, 1), nil)
		x.settle(t, log)
		rows, _, err := x.Rows(schemas.OwnerID(id16(1)), Range{Max: 10, Bytes: 1 << 20})
		if err != nil || len(rows) != left+1 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		x.stop()
	}
}

// TestRebuildAtStart throws the index away while Run begins, as `protokoll rebuild` does on the folder of a stopped server.
func TestRebuildAtStart(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), newMemLog()
	for i := range 100 {
		log.put(set(1, i, 1), nil)
	}
	for range 20 {
		x := run(t, dir, log)
		if err := x.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		x.settle(t, log)
		rows, _, err := x.Rows(schemas.OwnerID(id16(1)), Range{Max: 1000, Bytes: 1 << 20})
		if err != nil || len(rows) != 100 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		x.stop()
	}
}
