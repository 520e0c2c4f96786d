package jetstream

import (
	"context"
	"errors"
	"testing"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// records reads a lane whole.
func (p *place) records(g *Log, l eventlog.Lane) (all []eventlog.Record) {
	p.t.Helper()
	err := g.Read(context.Background(), l, 1, g.Mark(l), func(r []eventlog.Record) error {
		all = append(all, r...)
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

func roll(t testing.TB, g *Log, l eventlog.Lane) eventlog.Segment {
	t.Helper()
	if err := g.Roll(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	list := g.Segments(l)
	if len(list) == 0 {
		t.Fatal("no segment after a roll")
	}
	s := list[len(list)-1]
	if !s.Closed || s.Bytes == 0 || s.Last < s.First {
		t.Fatalf("segment %+v after a roll", s)
	}
	return s
}

func move(t testing.TB, s eventlog.Sweep, records []eventlog.Record) int {
	t.Helper()
	n, err := s.Move(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *place) end(n int) eventlog.Command {
	c := p.message(n)
	c.Facts[0] = eventlog.End(schemas.Family_OFFLINE_FACTS, c.Facts[0].Entity)
	return c
}

func (p *place) closeLane() eventlog.Command {
	return eventlog.Command{Owner: p.owner, Facts: []eventlog.Fact{{Op: schemas.Op_CLOSE, Family: schemas.Family_OFFLINE_FACTS}}}
}

// A segment is swept: what is moved keeps its sealed bytes and its rank, what is dropped is gone, numbers go on, also after
// a restart.
func TestSweep(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.messages(0, 5))
	s := roll(t, g, eventlog.Inbox)
	old := p.records(g, eventlog.Inbox)
	w := g.BeginSweep(eventlog.Inbox)
	if n := move(t, w, old[1:3]); n != 2 {
		t.Fatalf("%d moved", n)
	}
	w.End()
	w.End()
	if _, err := w.Move(t.Context(), old); !errors.Is(err, errSweep) {
		t.Errorf("move after the end: %v", err)
	}
	if err := g.Drop(t.Context(), eventlog.Inbox, s.ID); err != nil {
		t.Fatal(err)
	}
	if err := g.Drop(t.Context(), eventlog.Inbox, s.ID); err != nil {
		t.Errorf("drop again: %v", err)
	}
	for range 3 {
		p.checkSwept(g, old)
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		g = p.open()
	}
	if r := mustAppend(t, g, p.message(9)); r.Positions()[0].Number != 8 {
		t.Errorf("the lane goes on at %v", r.Positions()[0])
	}
}

func (p *place) checkSwept(g *Log, old []eventlog.Record) {
	p.t.Helper()
	now := p.records(g, eventlog.Inbox)
	if len(now) != 2 {
		p.t.Fatalf("%d events", len(now))
	}
	for i, r := range now {
		was := old[i+1]
		if r.Position.Number != uint64(6+i) || r.Rank() != was.Rank() || string(r.Sealed) != string(was.Sealed) || r.Envelope.More {
			p.t.Errorf("%v of rank %d, more %v", r.Position, r.Rank(), r.Envelope.More)
		}
		if text := p.openStanza(r); text != stanza(i+1) {
			p.t.Errorf("moved: %s", text)
		}
	}
	if err := g.Verify(p.t.Context(), nil); err != nil {
		p.t.Error(err)
	}
}

// F42: no copy lands behind a newer event of its entity, nor behind the close of its owner; no number is used for it.
func TestSupersededCopiesAreLeftOut(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.messages(0, 4))
	mustAppend(t, g, p.closeLane())
	old := p.records(g, eventlog.Inbox)
	w := g.BeginSweep(eventlog.Inbox)
	defer w.End()
	mustAppend(t, g, p.message(0))
	mustAppend(t, g, p.end(1))
	if n := move(t, w, old[:4]); n != 2 {
		t.Errorf("%d moved of two", n)
	}
	if n := move(t, w, old[4:]); n != 1 {
		t.Error("a close was left out, though what it ended may still be found")
	}
	mustAppend(t, g, p.closeLane())
	if n := move(t, w, old); n != 0 {
		t.Errorf("%d moved behind a close", n)
	}
	r := mustAppend(t, g, p.message(8))
	if n := r.Positions()[0].Number; n != 12 {
		t.Errorf("number %d: copies that were left out used some", n)
	}
}

// What is held keeps its family and its first number, and is told from the lane it came from by nobody but its reader.
func TestHold(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.messages(0, 600))
	old := p.records(g, eventlog.Inbox)
	if err := g.Hold(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	g.Close()
	g = p.open()
	held := p.records(g, eventlog.Held)
	if len(held) != 600 {
		t.Fatalf("%d held", len(held))
	}
	for i, r := range held {
		if r.Position.Lane != eventlog.Held || r.Rank() != old[i].Rank() || r.Envelope.Family != schemas.Family_OFFLINE_FACTS || p.openStanza(r) != stanza(i) {
			t.Fatalf("held %v of rank %d", r.Position, r.Rank())
		}
	}
	if err := g.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// What is being written to or copied is not dropped, and neither is anything dropped together with it.
func TestDropRefuses(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	mustAppend(t, g, p.message(0))
	first := roll(t, g, eventlog.Inbox)
	mustAppend(t, g, p.message(1))
	list := g.Segments(eventlog.Inbox)
	if len(list) != 2 || list[1].Closed || list[1].First != 2 || list[1].Last != 2 {
		t.Fatalf("segments %+v", list)
	}
	if err := g.Drop(t.Context(), eventlog.Inbox, first.ID, list[1].ID); !errors.Is(err, eventlog.ErrLive) {
		t.Errorf("drop of the live one: %v", err)
	}
	if _, _, err := g.Pin(eventlog.Inbox, list[1].ID); !errors.Is(err, eventlog.ErrLive) {
		t.Errorf("pin of the live one: %v", err)
	}
	dir, release, err := g.Pin(eventlog.Inbox, first.ID)
	if err != nil || dir == "" {
		t.Fatal(err)
	}
	if err := g.Drop(t.Context(), eventlog.Inbox, first.ID); !errors.Is(err, eventlog.ErrPinned) {
		t.Errorf("drop of a pinned one: %v", err)
	}
	got, _ := p.stanzas(g)
	checkStanzas(t, got, 0, 2)
	release()
	release()
	if err := g.Drop(t.Context(), eventlog.Inbox, first.ID); err != nil {
		t.Error(err)
	}
	if _, _, err := g.Pin(eventlog.Inbox, first.ID); !errors.Is(err, eventlog.ErrMissing) {
		t.Errorf("pin of what is gone: %v", err)
	}
	got, _ = p.stanzas(g)
	checkStanzas(t, got, 1, 1)
}

// Segments may go from anywhere in the chain; the lane opens with only the others, and with none.
func TestDropAnywhere(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	var all []eventlog.Segment
	for n := range 6 {
		mustAppend(t, g, p.message(n))
		all = append(all, roll(t, g, eventlog.Inbox))
	}
	for i, n := range []int{2, 0, 4, 3, 5, 1} {
		if err := g.Drop(t.Context(), eventlog.Inbox, all[n].ID); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			g.Close()
			g = p.open()
		}
		if got, _ := p.stanzas(g); len(got) != 5-i {
			t.Fatalf("%d events after %d drops", len(got), i+1)
		}
	}
	if s := g.lanes[eventlog.Inbox].swept; len(s) != 1 || s[0] != (sweptEntry{1, 6}) {
		t.Errorf("swept %v", s)
	}
	if m := g.Mark(eventlog.Inbox); m != 6 {
		t.Errorf("mark %d", m)
	}
	if r := mustAppend(t, g, p.message(7)); r.Positions()[0].Number != 7 {
		t.Errorf("the lane goes on at %v", r.Positions()[0])
	}
}
