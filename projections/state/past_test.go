package state_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/projections/state"
	"protokoll/schemas"
)

var rosterOnly = []schemas.Family{schemas.Family_ROSTER_FACTS}

// put appends one fact and says when.
func (s *store) put(t testing.TB, f eventlog.Fact) time.Time {
	t.Helper()
	time.Sleep(3 * time.Millisecond) // envelopes count milliseconds: this is no synchronisation
	r := s.log.Append(eventlog.Command{Owner: s.owners[0], Cause: schemas.Cause_CLIENT, Facts: []eventlog.Fact{f}})
	if err := r.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	time.Sleep(3 * time.Millisecond)
	return now
}

func item(contact, name string) eventlog.Fact {
	return eventlog.Set(contact, &schemas.RosterItem{Contact: contact, Name: name, Listed: true})
}

// then asks for the past of one contact.
func (s *store) then(t testing.TB, contact string, at time.Time) (was state.Then, erased uint64) {
	t.Helper()
	void, err := state.Voids(t.Context(), s.log, s.keys.Server())
	if err != nil {
		t.Fatal(err)
	}
	h, err := state.Past(t.Context(), s.log, eventlog.Lasting, void[eventlog.Lasting], s.owners[0].ID(), rosterOnly, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := s.owners[0].Entity(schemas.Family_ROSTER_FACTS, contact)
	i := slices.IndexFunc(h.Facts, func(f state.Then) bool { return f.Entity == id })
	if i < 0 {
		return state.Then{}, h.Erased
	}
	return h.Facts[i], h.Erased
}

func (s *store) nameThen(t testing.TB, contact string, at time.Time) string {
	t.Helper()
	was, _ := s.then(t, contact, at)
	switch {
	case !was.Known:
		return "unknown"
	case was.Fact == nil:
		return "none"
	}
	m, err := eventlog.Open(s.owners[0], was.Fact.About, was.Fact.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*schemas.RosterItem).GetName()
}

// TestPast follows one fact through setting, replacing, ending and closing.
func TestPast(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	before := time.Now()
	first := s.put(t, item("a@x", "first"))
	second := s.put(t, item("a@x", "second"))
	ended := s.put(t, eventlog.End(schemas.Family_ROSTER_FACTS, "a@x"))
	again := s.put(t, item("a@x", "again"))
	closed := s.put(t, eventlog.Fact{Op: schemas.Op_CLOSE, Family: schemas.Family_ROSTER_FACTS})
	for _, c := range []struct {
		at   time.Time
		want string
	}{{before.Add(-time.Second), "unknown"}, {first, "first"}, {second, "second"}, {ended, "none"}, {again, "again"}, {closed, "none"}} {
		if got := s.nameThen(t, "a@x", c.at); got != c.want {
			t.Errorf("it was %q, not %q", got, c.want)
		}
	}
	if _, erased := s.then(t, "a@x", closed); erased != 0 {
		t.Errorf("%d events are called erased", erased)
	}
	until, err := state.Until(t.Context(), t.TempDir(), s.log, second, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer until.Close()
	if sums, err := until.Sums(); err != nil || sums[schemas.Family_ROSTER_FACTS] != 1 {
		t.Errorf("sums %v, %v", sums, err)
	}
}

// TestNoLongerHeld sweeps a value away (F45): what it was is unknown then, and never taken as ended; what was moved is still
// known by the time at which it was decided.
func TestNoLongerHeld(t *testing.T) {
	t.Parallel()
	s := newStore(t, 1)
	s.put(t, item("stays@x", "stays"))
	then := s.put(t, item("a@x", "old"))
	s.put(t, item("a@x", "new"))
	if err := s.log.Roll(t.Context(), eventlog.Lasting); err != nil {
		t.Fatal(err)
	}
	var kept []eventlog.Record
	err := s.log.Read(t.Context(), eventlog.Lasting, 1, 3, func(records []eventlog.Record) error {
		for _, r := range records {
			if r.Position.Number != 2 {
				kept = append(kept, r)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sweep := s.log.BeginSweep(eventlog.Lasting)
	if n, err := sweep.Move(t.Context(), kept); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	sweep.End()
	if err := s.log.Drop(t.Context(), eventlog.Lasting, s.log.Segments(eventlog.Lasting)[0].ID); err != nil {
		t.Fatal(err)
	}
	if got := s.nameThen(t, "a@x", then); got != "unknown" {
		t.Errorf("what was erased is called %q", got)
	}
	if _, erased := s.then(t, "a@x", then); erased != 1 {
		t.Errorf("%d events are called erased, not 1", erased)
	}
	if got := s.nameThen(t, "stays@x", then); got != "stays" {
		t.Errorf("what was moved is called %q", got)
	}
}

// TestRenewedFile looks for an erased value in every byte of the state (F46), and ends the world at each step of rewriting: what
// is found at start is one whole file, folded on from where it stands.
func TestRenewedFile(t *testing.T) {
	t.Parallel()
	s, dir := newStore(t, 1), t.TempDir()
	s.put(t, item("a@x", "old"))
	live, err := state.Open(dir, s.log, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- live.Run(ctx) }()
	if err := live.Caught(ctx); err != nil {
		t.Fatal(err)
	}
	old, err := live.Facts(s.owners[0].ID(), schemas.Family_ROSTER_FACTS)
	if err != nil || len(old) != 1 {
		t.Fatal(old, err)
	}
	needle := bytes.Clone(old[0].Sealed)
	cancel() // commits
	<-ended
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
	if !holds(t, dir, needle) {
		t.Fatal("the needle is not found before: the search is wrong")
	}
	s.put(t, item("a@x", "new"))
	s.sweepFirst(t)
	for _, cut := range steps(t, dir) { // before the rewriting, in it, and after it
		crashed, err := state.Open(cut, s.log, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- crashed.Run(ctx) }()
		if err := crashed.Caught(ctx); err != nil {
			t.Fatal(err)
		}
		if err := crashed.RenewLane(ctx, eventlog.Lasting); err != nil {
			t.Fatal(err)
		}
		facts, err := crashed.Facts(s.owners[0].ID(), schemas.Family_ROSTER_FACTS)
		if err != nil || len(facts) != 1 || bytes.Equal(facts[0].Sealed, needle) {
			t.Errorf("after a cut there is %v, %v", facts, err)
		}
		was, rebuilt, err := state.Check(ctx, crashed, s.log, t.TempDir(), nil)
		if err != nil || was.SHA256 != rebuilt.SHA256 {
			t.Errorf("live %s, rebuilt %s: %v", was, rebuilt, err)
		}
		if holds(t, cut, needle) {
			t.Error("the state holds what was erased, after it was rewritten")
		}
		cancel()
		<-ended
		if err := crashed.Close(); err != nil {
			t.Error(err)
		}
	}
}

// sweepFirst drops the first event and keeps what is above.
func (s *store) sweepFirst(t testing.TB) {
	t.Helper()
	if err := s.log.Roll(t.Context(), eventlog.Lasting); err != nil {
		t.Fatal(err)
	}
	var kept []eventlog.Record
	err := s.log.Read(t.Context(), eventlog.Lasting, 2, 2, func(records []eventlog.Record) error {
		kept = append(kept, records...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sweep := s.log.BeginSweep(eventlog.Lasting)
	defer sweep.End()
	if _, err := sweep.Move(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	if err := s.log.Drop(t.Context(), eventlog.Lasting, s.log.Segments(eventlog.Lasting)[0].ID); err != nil {
		t.Fatal(err)
	}
}

// steps makes copies of a state folder as a kill leaves it: untouched, with an unfinished file beside, with a whole one beside, without
// any, and with an empty one after the exchange.
func steps(t testing.TB, dir string) (cuts []string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, "lasting.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, harm := range []func(cut string) error{
		func(string) error { return nil },
		func(cut string) error { return os.WriteFile(filepath.Join(cut, "lasting.db.new"), nil, 0o600) },
		func(cut string) error {
			return os.WriteFile(filepath.Join(cut, "lasting.db.new"), file[:len(file)/2], 0o600)
		},
		func(cut string) error { return os.WriteFile(filepath.Join(cut, "lasting.db.new"), file, 0o600) },
		func(cut string) error {
			return os.Rename(filepath.Join(cut, "lasting.db"), filepath.Join(cut, "lasting.db.new"))
		},
		func(cut string) error { return os.Truncate(filepath.Join(cut, "lasting.db"), 0) },
	} {
		cut := t.TempDir()
		if err := os.CopyFS(filepath.Join(cut, "state"), os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := harm(filepath.Join(cut, "state")); err != nil {
			t.Fatal(err)
		}
		cuts = append(cuts, filepath.Join(cut, "state"))
	}
	return cuts
}

func holds(t testing.TB, dir string, needle []byte) bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, needle) {
			return true
		}
	}
	return false
}
