package router

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// memory is a log and the state folded from it, in memory. Receipts are settled by flush, or at once.
type memory struct {
	mu      sync.Mutex
	facts   map[schemas.OwnerID][]state.Fact
	number  uint64
	waiting []appended
	hold    bool  // receipts wait for flush
	fail    error // what the next commands fail with
}

type appended struct {
	rc  *eventlog.Receipt
	c   eventlog.Command
	err error
}

func (m *memory) Append(c eventlog.Command) *eventlog.Receipt {
	m.mu.Lock()
	a := appended{eventlog.NewReceipt(1), c, m.fail}
	m.waiting = append(m.waiting, a)
	hold := m.hold
	m.mu.Unlock()
	if !hold {
		m.flush()
	}
	return a.rc
}

// flush stores what was appended and settles its receipts.
func (m *memory) flush() {
	m.mu.Lock()
	waiting := m.waiting
	m.waiting = nil
	for _, a := range waiting {
		if a.err == nil {
			m.store(a.c)
		}
	}
	m.mu.Unlock()
	for _, a := range waiting {
		a.rc.Settle(eventlog.Position{}, a.err)
	}
}

func (m *memory) store(c eventlog.Command) {
	for _, f := range c.Facts {
		m.number++
		about := seal.About{Owner: c.Owner.ID(), Family: f.Family, Op: f.Op}
		var payload []byte
		if f.Op == schemas.Op_SET {
			t, err := schemas.TypeOf(f.Value)
			if err != nil {
				panic(err)
			}
			about.Family, about.Type, about.Version = t.Family, t.Name, t.Version
			if payload, err = proto.Marshal(f.Value); err != nil {
				panic(err)
			}
		}
		about.Entity = c.Owner.Entity(about.Family, f.Entity)
		old := slices.IndexFunc(m.facts[about.Owner], func(x state.Fact) bool { return x.Family == about.Family && x.Entity == about.Entity })
		if old >= 0 {
			m.facts[about.Owner] = slices.Delete(m.facts[about.Owner], old, old+1)
		}
		if f.Op == schemas.Op_SET {
			m.facts[about.Owner] = append(m.facts[about.Owner], state.Fact{About: about, Rank: m.number, Sealed: c.Owner.Seal(nil, about, payload)})
		}
	}
}

func (m *memory) Facts(o schemas.OwnerID, f schemas.Family) (found []state.Fact, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range m.facts[o] {
		if x.Family == f {
			found = append(found, x)
		}
	}
	return found, nil
}

func (m *memory) Get(o schemas.OwnerID, f schemas.Family, e schemas.EntityID) (state.Fact, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range m.facts[o] {
		if x.Family == f && x.Entity == e {
			return x, true, nil
		}
	}
	return state.Fact{}, false, nil
}

func (m *memory) Each(f schemas.Family, fn func(state.Fact) error) error {
	m.mu.Lock()
	var all []state.Fact
	for _, facts := range m.facts {
		for _, x := range facts {
			if x.Family == f {
				all = append(all, x)
			}
		}
	}
	m.mu.Unlock()
	for _, x := range all {
		if err := fn(x); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Wait(context.Context, ...eventlog.Position) error { return nil }
func (m *memory) Mark(eventlog.Lane) uint64                        { return 0 }
func (m *memory) Close() error                                     { return nil }

func (m *memory) Follow(context.Context, eventlog.Lane, uint64, func([]eventlog.Record) error) error {
	return nil
}

func (m *memory) Read(context.Context, eventlog.Lane, uint64, uint64, func([]eventlog.Record) error) error {
	return nil
}

// town has accounts, and knows no others.
type town struct{ people map[string]accounts.Account }

func (w *town) Find(_, localpart string) (accounts.Account, error) {
	if a, ok := w.people[localpart]; ok {
		return a, nil
	}
	return accounts.Account{}, accounts.ErrNoAccount
}

func (w *town) ByOwner(id schemas.OwnerID) (accounts.Account, error) {
	for _, a := range w.people {
		if a.Owner.ID() == id {
			return a, nil
		}
	}
	return accounts.Account{}, accounts.ErrNoAccount
}

var keybook = sync.OnceValues(func() (map[string]*seal.Owner, error) {
	dir := filepath.Join(testDir, "keys")
	k, err := seal.Create(dir, seal.FileRoot(filepath.Join(testDir, "root")))
	if err != nil {
		return nil, err
	}
	owners := map[string]*seal.Owner{}
	for _, name := range []string{"anna", "bert", "cleo"} {
		id := schemas.NewOwnerID()
		if err := k.Add(id); err != nil {
			return nil, err
		}
		if owners[name], err = k.Owner(id); err != nil {
			return nil, err
		}
	}
	return owners, nil
})

// fixture is a router over a memory.
type fixture struct {
	*Router
	log *memory
	t   fatal
}

type fatal interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

func newFixture(t fatal, change ...func(*Config)) *fixture {
	t.Helper()
	owners, err := keybook()
	if err != nil {
		t.Fatalf("keys: %v", err)
	}
	log := &memory{facts: map[schemas.OwnerID][]state.Fact{}}
	w := &town{people: map[string]accounts.Account{}}
	for name, owner := range owners {
		w.people[name] = accounts.Account{Owner: owner, Localpart: name, Domain: "example.org"}
	}
	c := Config{Log: log, State: log, Accounts: w, Domains: []string{"example.org"}, Logger: slog.New(slog.DiscardHandler),
		Registry: features.New(features.Config{Logger: slog.New(slog.DiscardHandler), Clock: time.Now})}
	for _, fn := range change {
		fn(&c)
	}
	return &fixture{New(c), log, t}
}

// phone is an Outlet that acknowledges when it is told to.
type phone struct {
	f       *fixture
	res     Resource
	managed bool // it acknowledges
	gone    bool // hibernating
	dead    bool
	queue   []Parcel // not acknowledged
	got     []string // ids of messages in the order they came, again and again
	out     uint32
	seq     uint32
	kept    map[uint32]bool
	pledges map[uint32]*Pledge
	pledge  *Pledge
	all     []string // everything that came
	arrived chan struct{}
	stored  func(d *Duty)   // told that a message is about to be stored
	told    func()          // told of a pledge that is kept
	written func(id string) // told of messages that a client without acknowledgements got
	mu      sync.Mutex
}

func (f *fixture) bind(name, resource string, managed bool) *phone {
	f.t.Helper()
	p := &phone{f: f, managed: managed, kept: map[uint32]bool{}, pledges: map[uint32]*Pledge{}, arrived: make(chan struct{}, 1)}
	p.res.Outlet = p
	t := stream.NewTurn()
	defer t.End()
	if err := f.Bind(split([]byte(name+"@example.org")), resource, &p.res, t); err != nil {
		f.t.Fatalf("bind: %v", err)
	}
	return p
}

func (p *phone) Deliver(t *stream.Turn, parcel Parcel) bool {
	p.mu.Lock()
	if p.dead || p.gone && !p.managed {
		p.mu.Unlock()
		return false
	}
	b := string(parcel.Head) + string(parcel.Mid) + string(parcel.Tail)
	p.all = append(p.all, b)
	select {
	case p.arrived <- struct{}{}:
	default:
	}
	var id string
	if f, err := frame.Parse([]byte(b), frame.NSClient, storedLimits); err != nil {
		panic(err)
	} else if f.Name == frame.Message && string(f.Type) != "error" {
		id = string(f.ID)
		if inner := f.Child(features.NSCarbons, "received"); inner != nil {
			id = cut(b, "<body>")
		}
		p.got = append(p.got, id)
	}
	p.out++
	switch d := parcel.Duty; {
	case p.managed:
		p.queue = append(p.queue, parcel)
		if d != nil {
			d.Hold(p)
		}
	case d != nil && parcel.Confirm:
		p.queue = append(p.queue, parcel)
		d.Hold(p)
	default:
		p.mu.Unlock()
		if id != "" && p.written != nil {
			p.written(id)
		}
		if d != nil {
			d.Written(p, t)
		}
		return true
	}
	p.mu.Unlock()
	return true
}

func (p *phone) Stored(d *Duty) {
	if p.stored != nil {
		p.stored(d)
	}
}

func (p *phone) Acks() bool { return p.managed }

func (p *phone) Slow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

func (p *phone) Duties(fn func(*Duty)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.queue {
		if q.Duty != nil {
			fn(q.Duty)
		}
	}
}

func (p *phone) Pledge() *Pledge {
	if !p.managed {
		return nil
	}
	if p.pledge == nil {
		p.pledge = NewPledge(p, p.seq, 0)
		p.pledges[p.seq] = p.pledge
	}
	return p.pledge
}

func (p *phone) Kept(g *Pledge, _ *stream.Turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[g.Seq] = true
	if p.told != nil {
		p.told()
	}
}

func (p *phone) Replaced(t *stream.Turn)                  { p.end(t) }
func (p *phone) Expelled(t *stream.Turn, _ *stream.Error) { p.end(t) }

// send lets the client send a stanza.
func (p *phone) send(stanza string) {
	p.f.t.Helper()
	f, err := frame.Parse([]byte(stanza), frame.NSClient, frame.AfterLogin())
	if err != nil {
		p.f.t.Fatalf("%s: %v", stanza, err)
	}
	t := stream.NewTurn()
	defer t.End()
	p.seq++
	p.pledge = nil
	switch f.Name {
	case frame.Message:
		err = p.f.Message(&p.res, &f, t)
	case frame.Presence:
		err = p.f.Presence(&p.res, &f, t)
	case frame.IQ:
		err = p.f.IQ(&p.res, &f, t)
	}
	if err != nil {
		p.f.t.Fatalf("%s: %v", stanza, err)
	}
	p.pledge.Done(t)
	p.pledge = nil
}

// ack acknowledges the first n stanzas of the queue.
func (p *phone) ack(n int) {
	p.mu.Lock()
	var duties []*Duty
	n = min(n, len(p.queue))
	for _, q := range p.queue[:n] {
		if q.Duty != nil {
			duties = append(duties, q.Duty)
		}
	}
	p.queue = p.queue[n:]
	p.mu.Unlock()
	t := stream.NewTurn()
	defer t.End()
	p.f.Settle(t, duties, nil)
}

// hibernate loses the connection.
func (p *phone) hibernate() {
	p.mu.Lock()
	p.gone = true
	queue := slices.Clone(p.queue)
	p.mu.Unlock()
	t := stream.NewTurn()
	defer t.End()
	for _, q := range queue {
		if q.Duty != nil {
			q.Duty.Store(t)
		}
	}
}

// resume comes back: what was not acknowledged comes again.
func (p *phone) resume() {
	p.mu.Lock()
	p.gone = false
	p.mu.Unlock()
	t := stream.NewTurn()
	defer t.End()
	p.f.Resumed(&p.res, false, t)
}

func (p *phone) end(t *stream.Turn) {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return
	}
	p.dead = true
	queue := p.queue
	p.queue = nil
	p.mu.Unlock()
	p.f.Leave(&p.res, t)
	var duties []*Duty
	for _, q := range queue {
		if q.Duty != nil {
			duties = append(duties, q.Duty)
		}
	}
	p.f.Return(t, duties)
}

func (p *phone) leave() {
	t := stream.NewTurn()
	defer t.End()
	p.end(t)
}

func (p *phone) isKept(seq uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept[seq] || p.pledges[seq] == nil
}

// letters counts what waits for an account, on disk.
func (f *fixture) letters(name string) int {
	owners, _ := keybook()
	facts, _ := f.log.Facts(owners[name].ID(), schemas.Family_OFFLINE_FACTS)
	return len(facts)
}

var testDir string

func TestMain(m *testing.M) { runIn(m) }

// settleLater waits until everything that waits for the later goroutine has run.
func (f *fixture) settleLater() {
	done := make(chan struct{})
	f.Later(func(*stream.Turn) { close(done) })
	<-done
}
