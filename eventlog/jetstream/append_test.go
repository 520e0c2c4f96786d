package jetstream

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	handle := p.keys.Handle("address", "example.org", "romeo")
	opened := eventlog.Set("account", &schemas.AccountOpened{Localpart: "romeo", Domain: "example.org"})
	opened.Handles = []schemas.Handle{handle}
	r := mustAppend(t, g, eventlog.Command{Owner: p.owner, Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{
		opened,
		eventlog.Set("message", &schemas.OfflineMessage{Stanza: []byte("<message/>")}),
		eventlog.End(schemas.Family_ROSTER_FACTS, "juliet@example.org"),
		{Op: schemas.Op_CLOSE, Family: schemas.Family_OFFLINE_FACTS},
	}})
	positions := r.Positions()
	slices.SortFunc(positions, func(a, b eventlog.Position) int { return int(a.Lane) - int(b.Lane) })
	if want := []eventlog.Position{{Lane: eventlog.Inbox, Number: 2}, {Lane: eventlog.Lasting, Number: 2}}; !slices.Equal(positions, want) {
		t.Errorf("positions %v, want %v", positions, want)
	}
	var got []eventlog.Record
	for _, l := range []eventlog.Lane{eventlog.Lasting, eventlog.Inbox} {
		if err := g.Read(t.Context(), l, 1, 2, func(r []eventlog.Record) error { got = append(got, r...); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	entity := p.owner.Entity(schemas.Family_ACCOUNT_FACTS, "account")
	first := got[0].Envelope
	if id := p.owner.ID(); first.Type != "account.opened" || first.Version != 1 || string(first.Owner) != string(id[:]) || string(first.Entity) != string(entity[:]) ||
		first.Cause != schemas.Cause_STAFF || !first.More || len(first.Handles) != 1 || string(first.Handles[0]) != string(handle[:]) {
		t.Errorf("envelope %v", first)
	}
	if e := got[1]; e.Envelope.Op != schemas.Op_END || e.Envelope.More || len(e.Sealed) != 0 || e.Envelope.Type != "" {
		t.Errorf("end %v", e.Envelope)
	}
	if e := got[3]; e.Envelope.Op != schemas.Op_CLOSE || len(e.Envelope.Entity) != 0 || e.Envelope.More || !got[2].Envelope.More {
		t.Errorf("close %v", e.Envelope)
	}
}

func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	sized := func(n int) eventlog.Command {
		c := p.message(0)
		c.Facts[0].Value = &schemas.OfflineMessage{Stanza: make([]byte, n)}
		return c
	}
	const overhead = 4 // of a field of that size
	many := p.messages(0, eventlog.MaxCommandFacts)
	for name, c := range map[string]struct {
		command eventlog.Command
		want    error
	}{
		"no facts":              {eventlog.Command{Owner: p.owner}, errEmpty},
		"no owner":              {eventlog.Command{Facts: p.message(0).Facts}, errEmpty},
		"no value":              {eventlog.Command{Owner: p.owner, Facts: []eventlog.Fact{{Op: schemas.Op_SET}}}, errEmpty},
		"no lane":               {eventlog.Command{Owner: p.owner, Facts: []eventlog.Fact{eventlog.End(0, "x")}}, errEmpty},
		"no op":                 {eventlog.Command{Owner: p.owner, Facts: []eventlog.Fact{{Family: schemas.Family_ROSTER_FACTS}}}, seal.ErrEnvelope},
		"no event":              {eventlog.Command{Owner: p.owner, Facts: []eventlog.Fact{eventlog.Set("x", &schemas.Envelope{})}}, schemas.ErrUnknownType},
		"largest payload":       {sized(eventlog.MaxPayload - overhead), nil},
		"payload too large":     {sized(eventlog.MaxPayload - overhead + 1), eventlog.ErrTooLarge},
		"most facts":            {many, nil},
		"too many facts":        {eventlog.Command{Owner: p.owner, Facts: append(many.Facts[:len(many.Facts):len(many.Facts)], p.message(1).Facts...)}, eventlog.ErrTooLarge},
		"one bad fact of three": {eventlog.Command{Owner: p.owner, Facts: append(p.messages(0, 2).Facts, eventlog.End(0, "x"))}, errEmpty},
	} {
		before := g.Mark(eventlog.Inbox)
		err := g.Append(c.command).Wait(t.Context())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && g.Mark(eventlog.Inbox) != before {
			t.Errorf("%s: something was stored", name)
		}
	}
}

// A full queue holds appenders up and lets them go on in the order in which room comes, and a closed one refuses them.
func TestQueueLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(10)
		put := func(facts int) chan error {
			done := make(chan error, 1)
			go func() { done <- q.put(&part{facts: make([]fact, facts), bytes: facts}) }()
			synctest.Wait()
			return done
		}
		if len(put(10)) != 1 {
			t.Error("a part that just fits is held up")
		}
		waiting := put(1)
		if len(waiting) != 0 {
			t.Error("one fact too many is let in")
		}
		if group, last := q.take(); len(group) != 1 || last {
			t.Errorf("took %d parts", len(group))
		}
		synctest.Wait()
		if len(waiting) != 1 {
			t.Error("room does not let anybody go on")
		}
		q.take()
		if len(put(11)) != 1 {
			t.Error("a part larger than the queue is never let in")
		}
		waiting = put(1)
		q.end(eventlog.ErrStopped)
		if err := <-waiting; !errors.Is(err, eventlog.ErrStopped) {
			t.Errorf("waiting at the end: %v", err)
		}
		if group, last := q.take(); len(group) != 1 || !last {
			t.Error("what was let in is lost at the end")
		}
	})
}

func TestGroupLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parts []part
		want  int
	}{
		"nothing":              {nil, 0},
		"facts just fit":       {[]part{{facts: make([]fact, maxGroupFacts-1)}, {facts: make([]fact, 1)}, {facts: make([]fact, 1)}}, 2},
		"bytes just fit":       {[]part{{bytes: maxGroupBytes - 1}, {bytes: 1}, {bytes: 1}}, 2},
		"one large command":    {[]part{{facts: make([]fact, 2*maxGroupFacts)}, {facts: make([]fact, 1)}}, 1},
		"large command behind": {[]part{{facts: make([]fact, 1)}, {facts: make([]fact, 2*maxGroupFacts)}}, 1},
	} {
		q := newQueue(1 << 30)
		for i := range c.parts {
			if err := q.put(&c.parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		if group, _ := q.take(); len(group) != c.want {
			t.Errorf("%s: %d commands, want %d", name, len(group), c.want)
		}
	}
}

func TestCreateRefusesAnythingOfALog(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if _, err := Open(p.config()); !errors.Is(err, eventlog.ErrMissing) {
		t.Errorf("open without a log: %v", err)
	}
	mustAppend(t, p.create(), p.message(0))
	for name, keep := range map[string]string{"all": "*", "only segments": "live", "only the manifests": "manifests", "only the marks": "marks"} {
		q := p.copyOf()
		found, err := filepath.Glob(filepath.Join(q.dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if ok, _ := filepath.Match(keep, filepath.Base(f)); !ok {
				removeAll(t, f)
			}
		}
		before := contents(t, q.dir)
		if _, err := Create(q.config()); !errors.Is(err, ErrExists) {
			t.Errorf("%s: created over it: %v", name, err)
		}
		if !sameContents(before, contents(t, q.dir)) {
			t.Errorf("%s: a refused creation changed the folder", name)
		}
	}
}

// A creation that died before it was complete is taken up again.
func TestInterruptedCreation(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.create().Close()
	removeAll(t, filepath.Join(p.dir, formatFile))
	removeAll(t, filepath.Join(p.dir, marksFile))
	removeAll(t, filepath.Join(p.dir, liveFolder))
	removeAll(t, manifestPath(p.dir, eventlog.Proof))
	if _, err := Open(p.config()); !errors.Is(err, eventlog.ErrMissing) {
		t.Errorf("half a creation was opened: %v", err)
	}
	mustAppend(t, p.create(), p.message(0))
}

// A receipt's function may append, also while the queue is full.
func TestAppendFromAReceipt(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create(func(c *Config) { c.QueueFacts = 2 })
	const chains, length = 20, 50
	done := make(chan error, chains)
	var again func(n, left int) func(error)
	again = func(n, left int) func(error) {
		return func(err error) {
			if err != nil || left == 0 {
				done <- err
				return
			}
			g.Append(p.messages(n, 2)).Then(again(n+1, left-1))
		}
	}
	for n := range chains {
		g.Append(p.message(n)).Then(again(n, length))
	}
	for range chains {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if m := g.Mark(eventlog.Inbox); m != chains+2*chains*length {
		t.Errorf("mark %d", m)
	}
}
