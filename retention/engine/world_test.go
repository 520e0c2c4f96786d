package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/retention"
	"protokoll/schemas"
)

// clock is set by the test.
type clock struct {
	mu      sync.Mutex
	at      time.Time
	elapsed time.Duration
}

func newClock() *clock { return &clock{at: time.UnixMilli(1_800_000_000_000)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) monotonic() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// pass lets time pass; jump sets the clock only.
func (c *clock) pass(d time.Duration) {
	c.jump(d)
	c.mu.Lock()
	c.elapsed += d
	c.mu.Unlock()
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.mu.Unlock()
}

// world is a store without a server: keys, log, state and engine on one folder.
type world struct {
	t      testing.TB
	folder string
	clock  *clock
	policy *retention.Policy
	step   func(string) error

	keys   *seal.Keybook
	log    *jetstream.Log
	state  *state.State
	engine *Engine
	ledger *fakeLedger
	cancel context.CancelFunc
	done   chan error
}

// fakeLedger remembers what it was told to forget.
type fakeLedger struct{ forgot [][2]uint64 }

func (f *fakeLedger) Forget(_ context.Context, _ eventlog.Lane, first, last uint64) error {
	f.forgot = append(f.forgot, [2]uint64{first, last})
	return nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir(), clock: newClock(), policy: retention.Default(), ledger: &fakeLedger{}}
	w.open(true)
	t.Cleanup(w.close)
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.folder, name) }

func (w *world) open(fresh bool) {
	w.t.Helper()
	openKeys, openLog := seal.OpenKeybook, jetstream.Open
	if fresh {
		openKeys, openLog = seal.Create, jetstream.Create
	}
	var err error
	if w.keys, err = openKeys(w.path("keys"), seal.FileRoot(w.path("root.key"))); err != nil {
		w.t.Fatal(err)
	}
	if w.log, err = openLog(jetstream.Config{Dir: w.path("log"), Keys: w.keys, Clock: w.clock.now, ReserveBytes: 1}); err != nil {
		w.t.Fatal(err)
	}
	if w.state, err = state.Open(w.path("state"), w.log, slog.New(slog.DiscardHandler)); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel, w.done = cancel, make(chan error, 1)
	go func() { w.done <- w.state.Run(ctx) }()
	if err := w.state.Caught(ctx); err != nil {
		w.t.Fatal(err)
	}
	w.engine, err = New(Config{
		Log: w.log, State: w.state, Keys: w.keys, Ledger: w.ledger, Policy: w.policy, Folder: w.path("retention"),
		Clock: w.clock.now, Elapsed: w.clock.monotonic, Share: 1, Bytes: 1 << 40,
		Step: func(s string) error {
			if w.step == nil {
				return nil
			}
			return w.step(s)
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.t.Helper()
	err := w.log.Close()
	w.cancel()
	<-w.done
	if err := errors.Join(err, w.state.Close()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) reopen() {
	w.t.Helper()
	w.close()
	w.open(false)
}

// account makes an owner with an account.
func (w *world) account() *seal.Owner {
	w.t.Helper()
	o := w.owner()
	w.put(o, eventlog.Set("account", &schemas.AccountOpened{Localpart: o.ID().String(), Domain: "a.example"}))
	return o
}

// owner makes one that has a key and nothing else.
func (w *world) owner() *seal.Owner {
	w.t.Helper()
	id := schemas.NewOwnerID()
	if err := w.keys.Add(id); err != nil {
		w.t.Fatal(err)
	}
	o, err := w.keys.Owner(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

func (w *world) put(o *seal.Owner, facts ...eventlog.Fact) []eventlog.Position {
	w.t.Helper()
	r := w.log.Append(eventlog.Command{Owner: o, Cause: schemas.Cause_CLIENT, Facts: facts})
	if err := r.Wait(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return r.Positions()
}

// presence, message and item are facts of the three lanes with state.
func presence(resource, status string) eventlog.Fact {
	return eventlog.Set("presence:"+resource, &schemas.PresenceUpdated{Resource: resource, Status: status})
}

func message(n int) eventlog.Fact {
	return eventlog.Set(fmt.Sprint("m", n), &schemas.OfflineMessage{Stanza: fmt.Appendf(nil, "<message id='%d'/>", n)})
}

func item(contact, name string) eventlog.Fact {
	return eventlog.Set(contact, &schemas.RosterItem{Contact: contact, Name: name, Listed: true})
}

func (w *world) sweep(l eventlog.Lane) Result {
	w.t.Helper()
	r, err := w.engine.Sweep(context.Background(), l, false, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// read returns what a lane holds.
func (w *world) read(l eventlog.Lane) (all []eventlog.Record) {
	w.t.Helper()
	err := w.log.Read(context.Background(), l, 1, w.log.Mark(l), func(r []eventlog.Record) error {
		all = append(all, r...)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// checkRebuilt compares the live state with what the log says.
func (w *world) checkRebuilt() {
	w.t.Helper()
	for _, l := range eventlog.Lanes {
		if err := w.state.Wait(context.Background(), eventlog.Position{Lane: l, Number: w.log.Mark(l)}); err != nil {
			w.t.Fatal(err)
		}
	}
	live, rebuilt, err := state.Check(context.Background(), w.state, w.log, w.t.TempDir(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if live.SHA256 != rebuilt.SHA256 {
		w.t.Error("the live state is not what the log says")
	}
}

// accounted returns the fate of every number of a lane that proof tells of. No number may have two.
func (w *world) accounted(l eventlog.Lane) map[uint64]string {
	w.t.Helper()
	parts := map[string]*schemas.SegmentErased{}
	for _, r := range w.read(eventlog.Proof) {
		p, err := w.engine.erasedOf(r)
		if err != nil {
			w.t.Fatal(err)
		}
		if p != nil && p.GetLane() == uint32(l) {
			parts[fmt.Sprintf("%x/%d", p.GetSegment(), p.GetPart())] = p
		}
	}
	fates := map[uint64]string{}
	for _, p := range parts {
		for n, fate := range unroll(w.t, p) {
			if fates[n] != "" {
				w.t.Errorf("%s/%d has two fates: %q and %q", l, n, fates[n], fate)
			}
			fates[n] = fate
		}
	}
	return fates
}

// checkAccounted expects each number up to the mark to hold its event, or to have exactly one fate.
func (w *world) checkAccounted(l eventlog.Lane) map[uint64]string {
	w.t.Helper()
	fates, held := w.accounted(l), map[uint64]bool{}
	for _, r := range w.read(l) {
		held[r.Position.Number] = true
	}
	for n := uint64(1); n <= w.log.Mark(l); n++ {
		if held[n] == (fates[n] != "") {
			w.t.Errorf("%s/%d: held %v, fate %q", l, n, held[n], fates[n])
		}
	}
	return fates
}
