package jetstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// place is a log with its keys in folders of their own.
type place struct {
	t     testing.TB
	dir   string
	keys  *seal.Keybook
	owner *seal.Owner
	kept  bool // other places share the keys, so none is forgotten
}

// keptKeys forgets nothing.
type keptKeys struct{ *seal.Keybook }

func (keptKeys) ForgetSegments(...seal.SegmentID) error { return nil }

func newPlace(t testing.TB) *place {
	t.Helper()
	return newPlaceIn(t, t.TempDir())
}

func newPlaceIn(t testing.TB, dir string) *place {
	t.Helper()
	keys, err := seal.Create(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root")))
	if err != nil {
		t.Fatal(err)
	}
	id := schemas.NewOwnerID()
	if err := keys.Add(id); err != nil {
		t.Fatal(err)
	}
	owner, err := keys.Owner(id)
	if err != nil {
		t.Fatal(err)
	}
	return &place{t: t, dir: filepath.Join(dir, "log"), keys: keys, owner: owner}
}

func (p *place) config() Config {
	cfg := Config{Dir: p.dir, Keys: p.keys, ReserveBytes: 1 << 20}
	if p.kept {
		cfg.Keys = keptKeys{p.keys}
	}
	return cfg
}

func (p *place) create(change ...func(*Config)) *Log { return p.with(Create, change) }
func (p *place) open(change ...func(*Config)) *Log   { return p.with(Open, change) }

func (p *place) with(start func(Config) (*Log, error), change []func(*Config)) *Log {
	p.t.Helper()
	cfg := p.config()
	for _, c := range change {
		c(&cfg)
	}
	g, err := start(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { g.Close() })
	return g
}

// message is a fact of lane inbox that says its number.
func (p *place) message(n int) eventlog.Command {
	return eventlog.Command{Owner: p.owner, Cause: schemas.Cause_CONTACT, Facts: []eventlog.Fact{
		eventlog.Set(fmt.Sprint("message ", n), &schemas.OfflineMessage{Stanza: fmt.Appendf(nil, "<message id='%d'><body>good morning</body></message>", n)}),
	}}
}

func (p *place) messages(first, count int) eventlog.Command {
	c := p.message(first)
	for n := first + 1; n < first+count; n++ {
		c.Facts = append(c.Facts, p.message(n).Facts...)
	}
	return c
}

func mustAppend(t testing.TB, g *Log, c eventlog.Command) *eventlog.Receipt {
	t.Helper()
	r := g.Append(c)
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// stanzas opens all that stands in lane inbox.
func (p *place) stanzas(g *Log) (texts []string, numbers []uint64) {
	p.t.Helper()
	err := g.Read(context.Background(), eventlog.Inbox, 1, g.Mark(eventlog.Inbox), func(records []eventlog.Record) error {
		for _, r := range records {
			texts = append(texts, p.openStanza(r))
			numbers = append(numbers, r.Position.Number)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return texts, numbers
}

func (p *place) openStanza(r eventlog.Record) string {
	p.t.Helper()
	about, err := seal.AboutOf(r.Envelope)
	if err != nil {
		p.t.Fatal(err)
	}
	plain, err := p.owner.Open(nil, about, r.Sealed)
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := schemas.Decode(r.Envelope.Type, r.Envelope.Version, plain)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(m.(*schemas.OfflineMessage).Stanza)
}

func stanza(n int) string {
	return fmt.Sprintf("<message id='%d'><body>good morning</body></message>", n)
}

func checkStanzas(t testing.TB, got []string, first, count int) {
	t.Helper()
	if len(got) != count {
		t.Fatalf("%d events, want %d", len(got), count)
	}
	for i, s := range got {
		if s != stanza(first+i) {
			t.Fatalf("event %d is %q", i, s)
		}
	}
}

func TestAppendedIsReadAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	for n := range 20 {
		mustAppend(t, g, p.message(n))
	}
	got, _ := p.stanzas(g)
	checkStanzas(t, got, 0, 20)
	for range 3 {
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		g = p.open()
		got, _ = p.stanzas(g)
		checkStanzas(t, got, 0, 20)
	}
	r := mustAppend(t, g, p.message(20))
	if want := (eventlog.Position{Lane: eventlog.Inbox, Number: 21}); r.Positions()[0] != want {
		t.Errorf("position %v after a clean stop, want %v", r.Positions()[0], want)
	}
	got, _ = p.stanzas(g)
	checkStanzas(t, got, 0, 21)
}

func TestSegmentsRoll(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create(func(c *Config) { c.SegmentEvents = 10 })
	for n := range 95 {
		mustAppend(t, g, p.message(n))
	}
	if n := len(g.lanes[eventlog.Inbox].segments); n != 10 {
		t.Errorf("%d segments, want 10", n)
	}
	got, numbers := p.stanzas(g)
	checkStanzas(t, got, 0, 95)
	if numbers[94] != 95 {
		t.Errorf("last number %d", numbers[94])
	}
	g.Close()
	got, _ = p.stanzas(p.open())
	checkStanzas(t, got, 0, 95)
}

func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.create()
	if _, err := Open(p.config()); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v", err)
	}
}

// copyOf is the place as kill -9 leaves it at this moment: the log's folder is copied while it may be written to.
func (p *place) copyOf() *place {
	p.t.Helper()
	q := *p
	q.kept = true
	q.dir = filepath.Join(p.t.TempDir(), "log")
	if err := os.CopyFS(q.dir, os.DirFS(p.dir)); err != nil {
		p.t.Fatal(err)
	}
	return &q
}

func removeAll(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
