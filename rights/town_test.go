package rights_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/rights"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
)

const domain = "a.example"

// town is a data folder in use, without a session.
type town struct {
	t        testing.TB
	dir      string
	keys     *seal.Keybook
	log      *jetstream.Log
	state    *state.State
	accounts *accounts.Registry
	router   *router.Router
	rights   *rights.Rights
	audited  []string
	nudged   int
	now      time.Time
	close    func()
}

// found makes a new folder, open opens it again.
func found(t testing.TB, change ...func(*rights.Config)) *town {
	t.Helper()
	w := &town{t: t, dir: t.TempDir(), now: time.Now()}
	w.open(seal.Create, jetstream.Create, change...)
	t.Cleanup(func() { w.close() })
	return w
}

// again opens the folder anew, as a start does.
func (w *town) again(change ...func(*rights.Config)) {
	w.t.Helper()
	w.close()
	w.open(seal.OpenKeybook, jetstream.Open, change...)
}

func (w *town) open(keys func(string, seal.Root) (*seal.Keybook, error), log func(jetstream.Config) (*jetstream.Log, error),
	change ...func(*rights.Config)) {
	w.t.Helper()
	var err error
	w.keys, err = keys(filepath.Join(w.dir, "keys"), seal.FileRoot(filepath.Join(w.dir, "root.key")))
	w.check(err)
	w.log, err = log(jetstream.Config{Dir: filepath.Join(w.dir, "log"), Keys: w.keys, ReserveBytes: 1, Logger: slog.New(slog.DiscardHandler)})
	w.check(err)
	logger := slog.New(slog.DiscardHandler)
	w.state, err = state.Open(filepath.Join(w.dir, "state"), w.log, logger)
	w.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	var folded sync.WaitGroup
	folded.Go(func() { _ = w.state.Run(ctx) }) // the reason is what the test did
	w.check(w.state.Caught(ctx))
	w.accounts = accounts.New(w.log, w.state, w.keys)
	w.accounts.Clock = func() time.Time { return w.now }
	w.router = router.New(router.Config{Log: w.log, State: w.state, Accounts: w.accounts, Domains: []string{domain}, Logger: logger,
		Registry: features.NewRegistry(logger)})
	c := rights.Config{Log: w.log, State: unarchived{w.state}, Keys: w.keys, Accounts: w.accounts, Router: w.router, Logger: logger,
		Reserve: 24 * time.Hour, Clock: func() time.Time { return w.now }, Nudge: func() { w.nudged++ },
		Audited: func(_ context.Context, by rights.By, action, detail string, subjects ...schemas.OwnerID) error {
			w.audited = append(w.audited, fmt.Sprintf("%s %s %s %s %d", by.Actor, action, by.Reason, detail, len(subjects)))
			return nil
		}}
	for _, fn := range change {
		fn(&c)
	}
	w.rights = rights.New(c)
	w.close = func() {
		w.router.Close()
		err := w.log.Close()
		cancel()
		folded.Wait()
		w.check(errors.Join(err, w.state.Close()))
	}
}

func (w *town) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) add(all ...accounts.NewAccount) {
	w.t.Helper()
	for i := range all {
		all[i].Domain = domain
	}
	w.check(w.accounts.Open(w.t.Context(), schemas.Cause_STAFF, all...))
}

func (w *town) find(name string) accounts.Account {
	w.t.Helper()
	a, err := w.accounts.Find(domain, name)
	w.check(err)
	return a
}

// states appends facts of an account.
func (w *town) states(name string, facts ...eventlog.Fact) {
	w.t.Helper()
	rc := w.log.Append(eventlog.Command{Owner: w.find(name).Owner, Cause: schemas.Cause_CLIENT, Facts: facts})
	w.check(rc.Wait(w.t.Context()))
	w.check(w.state.Wait(w.t.Context(), rc.Positions()...))
}

func item(contact string, s schemas.Subscription, change ...func(*schemas.RosterItem)) eventlog.Fact {
	m := &schemas.RosterItem{Contact: contact, Name: "n", Subscription: s, Listed: true}
	for _, fn := range change {
		fn(m)
	}
	return eventlog.Set(contact, m)
}

// rosterOf returns an account's roster as it is on disk.
func (w *town) rosterOf(name string) map[string]*schemas.RosterItem {
	w.t.Helper()
	a := w.find(name)
	facts, err := w.state.Facts(a.Owner.ID(), schemas.Family_ROSTER_FACTS)
	w.check(err)
	all := map[string]*schemas.RosterItem{}
	for _, f := range facts {
		m, err := eventlog.Open(a.Owner, f.About, f.Sealed)
		w.check(err)
		all[m.(*schemas.RosterItem).GetContact()] = m.(*schemas.RosterItem)
	}
	return all
}

// events returns what a lane holds of an owner.
func (w *town) events(lane eventlog.Lane, owner schemas.OwnerID) (all []eventlog.Record) {
	w.t.Helper()
	mark := w.log.Mark(lane)
	if mark == 0 {
		return nil
	}
	w.check(w.log.Read(w.t.Context(), lane, 1, mark, func(records []eventlog.Record) error {
		for _, r := range records {
			if string(r.Envelope.GetOwner()) == string(owner[:]) {
				all = append(all, r)
			}
		}
		return nil
	}))
	return all
}

// orders returns what lane proof says was ordered.
func (w *town) orders() (all []*schemas.Ordered) {
	w.t.Helper()
	for _, r := range w.events(eventlog.Proof, w.keys.Server().ID()) {
		about, err := seal.AboutOf(r.Envelope)
		w.check(err)
		m, err := eventlog.Open(w.keys.Server(), about, r.Sealed)
		w.check(err)
		if o, ok := m.(*schemas.Ordered); ok {
			all = append(all, o)
		}
	}
	return all
}

// outbox returns the stanzas that wait for other servers.
func (w *town) outbox() (all []string) {
	w.t.Helper()
	facts, err := w.state.Facts(w.keys.Server().ID(), schemas.Family_OUTBOX_FACTS)
	w.check(err)
	for _, f := range facts {
		m, err := eventlog.Open(w.keys.Server(), f.About, f.Sealed)
		w.check(err)
		s := m.(*schemas.OutboxStanza)
		all = append(all, s.GetDomain()+" "+string(s.GetStanza()))
	}
	return all
}

// unarchived is the state of people who archive nothing.
type unarchived struct{ *state.State }

func (u unarchived) Facts(owner schemas.OwnerID, f schemas.Family) ([]state.Fact, error) {
	if eventlog.LaneOf(f) == eventlog.Archive {
		return nil, nil
	}
	return u.State.Facts(owner, f)
}
