package jetstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// world is a log whose facts are known: a model to compare it with.
type world struct {
	t       testing.TB
	p       *place
	g       *Log
	owners  []*seal.Owner
	facts   map[entity]string // what is true, by the text of the stanza
	entropy int
	numbers map[uint64]string // what every number was ever seen to hold
	highest uint64
}

func newWorld(t testing.TB, p *place) *world {
	w := &world{t: t, p: p, facts: map[entity]string{}, numbers: map[uint64]string{}}
	for range 3 {
		id := schemas.NewOwnerID()
		if err := p.keys.Add(id); err != nil {
			t.Fatal(err)
		}
		o, err := p.keys.Owner(id)
		if err != nil {
			t.Fatal(err)
		}
		w.owners = append(w.owners, o)
	}
	return w
}

func (w *world) append(o *seal.Owner, facts ...eventlog.Fact) {
	w.t.Helper()
	r := w.g.Append(eventlog.Command{Owner: o, Cause: schemas.Cause_CLIENT, Facts: facts})
	if err := r.Wait(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	last := r.Positions()[0].Number
	if last <= w.highest {
		w.t.Fatalf("number %d after %d", last, w.highest)
	}
	w.highest = last
}

func (w *world) set(o *seal.Owner, keys ...int) {
	w.t.Helper()
	var facts []eventlog.Fact
	for _, k := range keys {
		w.entropy++
		text := fmt.Sprintf("<message id='%d'/>", w.entropy)
		facts = append(facts, eventlog.Set(fmt.Sprint(k), &schemas.OfflineMessage{Stanza: []byte(text)}))
		w.facts[entity{o.ID(), o.Entity(schemas.Family_OFFLINE_FACTS, fmt.Sprint(k))}] = text
	}
	w.append(o, facts...)
}

func (w *world) end(o *seal.Owner, k int) {
	w.t.Helper()
	delete(w.facts, entity{o.ID(), o.Entity(schemas.Family_OFFLINE_FACTS, fmt.Sprint(k))})
	w.append(o, eventlog.End(schemas.Family_OFFLINE_FACTS, fmt.Sprint(k)))
}

func (w *world) close(o *seal.Owner) {
	w.t.Helper()
	maps.DeleteFunc(w.facts, func(e entity, _ string) bool { return e.owner == o.ID() })
	w.append(o, eventlog.Fact{Op: schemas.Op_CLOSE, Family: schemas.Family_OFFLINE_FACTS})
}

// fold is what the state does: by rank, and without remembering what ended.
func fold(all []eventlog.Record) map[entity]eventlog.Record {
	state := map[entity]eventlog.Record{}
	for _, r := range all {
		name := nameOf(r.Envelope)
		old, known := state[name]
		switch r.Envelope.Op {
		case schemas.Op_CLOSE:
			maps.DeleteFunc(state, func(e entity, f eventlog.Record) bool { return e.owner == name.owner && f.Rank() < r.Rank() })
		case schemas.Op_END:
			if known && old.Rank() <= r.Rank() {
				delete(state, name)
			}
		default:
			if !known || old.Rank() <= r.Rank() {
				state[name] = r
			}
		}
	}
	return state
}

// foldByRank remembers everything and looks at ranks alone, whatever the order of delivery.
func foldByRank(all []eventlog.Record) map[entity]eventlog.Record {
	newest, closes := map[entity]eventlog.Record{}, map[ownerID]uint64{}
	for _, r := range all {
		name := nameOf(r.Envelope)
		if r.Envelope.Op == schemas.Op_CLOSE {
			closes[name.owner] = max(closes[name.owner], r.Rank())
		} else if old, known := newest[name]; !known || old.Rank() <= r.Rank() {
			newest[name] = r
		}
	}
	maps.DeleteFunc(newest, func(e entity, r eventlog.Record) bool {
		return r.Envelope.Op != schemas.Op_SET || r.Rank() < closes[e.owner]
	})
	return newest
}

// check compares the log with the model.
func (w *world) check() {
	w.t.Helper()
	all := w.p.records(w.g, eventlog.Inbox)
	for i, r := range all {
		n := r.Position.Number
		if i > 0 && n <= all[i-1].Position.Number {
			w.t.Fatalf("number %d after %d", n, all[i-1].Position.Number)
		}
		if was, known := w.numbers[n]; known && was != string(r.Bytes)+string(r.Sealed) {
			w.t.Fatalf("number %d was used twice", n)
		}
		w.numbers[n] = string(r.Bytes) + string(r.Sealed)
		w.highest = max(w.highest, n)
	}
	for name, state := range map[string]map[entity]eventlog.Record{"in order": fold(all), "by rank": foldByRank(all)} {
		w.compare(name, state)
	}
}

func (w *world) compare(how string, state map[entity]eventlog.Record) {
	w.t.Helper()
	for e, text := range w.facts {
		r, ok := state[e]
		if !ok {
			w.t.Fatalf("folded %s: %s is lost", how, text)
		}
		if got := w.text(r); got != text {
			w.t.Fatalf("folded %s: %s instead of %s", how, got, text)
		}
	}
	for e, r := range state {
		if _, ok := w.facts[e]; !ok {
			w.t.Fatalf("folded %s: %s came back", how, w.text(r))
		}
	}
}

func (w *world) text(r eventlog.Record) string {
	w.t.Helper()
	i := slices.IndexFunc(w.owners, func(o *seal.Owner) bool { return o.ID() == schemas.OwnerID(r.Envelope.Owner) })
	q := *w.p
	q.t, q.owner = w.t, w.owners[i]
	return q.openStanza(r)
}

// keep tells whether a record of segments that are to be dropped must be moved. rest is what the others hold.
func keep(r eventlog.Record, state map[entity]eventlog.Record, rest []eventlog.Record) bool {
	name := nameOf(r.Envelope)
	if r.Envelope.Op == schemas.Op_SET {
		return state[name].Position == r.Position
	}
	return slices.ContainsFunc(rest, func(other eventlog.Record) bool {
		o := nameOf(other.Envelope)
		return other.Rank() < r.Rank() && o.owner == name.owner && (r.Envelope.Op == schemas.Op_CLOSE || o.id == name.id)
	})
}

// sweep moves what must be moved out of segments and drops them. between is called at moments at which others may append.
func (w *world) sweep(chosen []eventlog.Segment, between func()) {
	w.t.Helper()
	s := w.g.BeginSweep(eventlog.Inbox)
	defer s.End()
	all := w.p.records(w.g, eventlog.Inbox)
	state := fold(all)
	var swept, rest, moved []eventlog.Record
	for _, r := range all {
		if slices.ContainsFunc(chosen, func(c eventlog.Segment) bool { return c.First <= r.Position.Number && r.Position.Number <= c.Last }) {
			swept = append(swept, r)
		} else {
			rest = append(rest, r)
		}
	}
	between()
	for _, r := range swept {
		if keep(r, state, rest) {
			moved = append(moved, r)
		}
	}
	for chunk := range slices.Chunk(moved, 3) {
		if _, err := s.Move(context.Background(), chunk); err != nil {
			w.t.Fatal(err)
		}
		between()
	}
	ids := make([]seal.SegmentID, len(chosen))
	for i, c := range chosen {
		ids[i] = c.ID
	}
	if err := w.g.Drop(context.Background(), eventlog.Inbox, ids...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) closedSegments() []eventlog.Segment {
	return slices.DeleteFunc(w.g.Segments(eventlog.Inbox), func(s eventlog.Segment) bool { return !s.Closed })
}

// F42: whatever is appended, and whichever segments are swept when, the fold over the log is what was stated; nothing comes
// back, and no number is used twice, also not after a restart or a death.
func TestSweepsNeverChangeAFold(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			rt.Fatal(err)
		}
		w := newWorld(t, newPlaceIn(t, dir))
		w.g = w.p.create(small)
		defer func() { w.g.Close() }()
		change := func() {
			o := w.owners[rapid.IntRange(0, len(w.owners)-1).Draw(rt, "owner")]
			switch rapid.SampledFrom([]string{"set", "set", "set", "end", "end", "close"}).Draw(rt, "op") {
			case "set":
				w.set(o, rapid.SliceOfN(rapid.IntRange(0, 5), 1, 3).Draw(rt, "keys")...)
			case "end":
				w.end(o, rapid.IntRange(0, 5).Draw(rt, "key"))
			case "close":
				w.close(o)
			}
		}
		some := func() {
			for range rapid.IntRange(0, 2).Draw(rt, "appended meanwhile") {
				change()
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(*rapid.T) { change() },
			"more":   func(*rapid.T) { change(); change(); change(); change() },
			"roll": func(*rapid.T) {
				if err := w.g.Roll(context.Background(), eventlog.Inbox); err != nil {
					t.Fatal(err)
				}
			},
			"sweep": func(rt *rapid.T) {
				chosen := slices.DeleteFunc(w.closedSegments(), func(eventlog.Segment) bool { return rapid.Bool().Draw(rt, "kept") })
				w.sweep(chosen, some)
			},
			"restart": func(*rapid.T) {
				if err := w.g.Close(); err != nil {
					t.Fatal(err)
				}
				w.g = w.p.open(small)
			},
			"": func(*rapid.T) { w.check() },
		})
		if err := w.g.Verify(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	})
}

// small makes segments of a few events.
func small(c *Config) { c.SegmentEvents = 6 }

// A reader that is slow meets segments that go under its hands: it goes on with the first that is kept.
func TestDropUnderAReader(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create(func(c *Config) { c.SegmentEvents = 700 })
	for n := 0; n < 2100; n += 100 {
		mustAppend(t, g, p.messages(n, 100))
	}
	roll(t, g, eventlog.Inbox)
	g.Close()
	g = p.open() // nothing is in memory
	list := g.Segments(eventlog.Inbox)
	seen, err := 0, errors.New("never called")
	read := g.Read(t.Context(), eventlog.Inbox, 1, g.Mark(eventlog.Inbox), func(r []eventlog.Record) error {
		if seen == 0 {
			err = g.Drop(t.Context(), eventlog.Inbox, list[0].ID, list[1].ID)
		}
		seen += len(r)
		return nil
	})
	if read != nil || err != nil {
		t.Fatal(read, err)
	}
	if seen < 700 || seen > 1400 {
		t.Errorf("%d events read", seen)
	}
	select {
	case err := <-g.Fatal():
		t.Error(err)
	default:
	}
	if found, _ := filepath.Glob(filepath.Join(g.path(segmentsFolder), "*")); len(found) != 1 {
		t.Errorf("folders %v", found)
	}
}
