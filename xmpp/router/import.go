package router

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/roster"
)

// Facts from another server. They are decided under the account's lock like everything else, so that an import and a running
// server do not meet; but no session hears of them, which is why there must be none.

// ErrSignedIn is returned when an account has a session, which may also be one that waits to be resumed.
var ErrSignedIn = errors.New("somebody is signed in, or may come back to a session")

// SignedIn tells whether an account has a session, which may be one that waits to be resumed.
func (r *Router) SignedIn(who accounts.Account) bool {
	a := r.peekString(who.Address())
	return a != nil && len(a.snap.Load().views) > 0
}

// Import appends what decide returns for the account's current facts, as one command. A message needs no natural key, it gets
// one here; one that waits already is left out. Nothing may be ended. The receipt is nil if nothing changes.
func (r *Router) Import(who accounts.Account, decide func(features.Facts) ([]eventlog.Fact, error)) (*eventlog.Receipt, error) {
	a := r.hold(who)
	defer a.mu.Unlock()
	if a.shut.Load() {
		return nil, accounts.ErrNoAccount // it is being erased
	}
	if len(a.resources) > 0 {
		return nil, ErrSignedIn
	}
	if err := errorsOf(a.loadRoster, a.loadBlocks, a.loadBox, a.openLetters); err != nil {
		return nil, err
	}
	facts, err := decide(liveFacts{lockedFacts{a}})
	if err != nil {
		return nil, err
	}
	var letters []*letter
	kept := facts[:0]
	for _, f := range facts {
		m, ok := f.Value.(*schemas.OfflineMessage)
		if !ok {
			kept = append(kept, f)
			continue
		}
		l, err := a.imported(m)
		if err != nil {
			return nil, err
		}
		if l != nil {
			letters = append(letters, l)
			kept = append(kept, eventlog.Set(l.key, m))
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return a.takeOver(kept, letters), nil
}

// liveFacts are locked facts with the roster and the messages as the live account has them.
type liveFacts struct{ lockedFacts }

func (l liveFacts) All(f schemas.Family) (all []proto.Message, err error) {
	switch f {
	case schemas.Family_ROSTER_FACTS:
		for _, item := range l.a.roster {
			all = append(all, item.Fact())
		}
	case schemas.Family_OFFLINE_FACTS:
		for _, letter := range l.a.box.letters {
			all = append(all, letter.message)
		}
	default:
		return l.lockedFacts.All(f)
	}
	return all, nil
}

// imported returns the letter of a message, nil if it waits already.
func (a *Account) imported(m *schemas.OfflineMessage) (*letter, error) {
	key, err := a.letterKey(m.GetStanza())
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	l := &letter{entity: a.owner.Entity(schemas.Family_OFFLINE_FACTS, key), key: key, size: len(m.GetStanza()), message: m}
	if a.box.known[l.entity] != nil {
		return nil, nil
	}
	a.box.add(l)
	return l, nil
}

// takeOver appends the facts and lets the live account say the same. The caller holds the lock.
func (a *Account) takeOver(facts []eventlog.Fact, letters []*letter) *eventlog.Receipt {
	for _, f := range facts {
		switch m := f.Value.(type) {
		case *schemas.RosterItem:
			a.replace(roster.FromFact(m))
		case *schemas.AccountRestricted:
			a.barred = true
		}
	}
	rc := a.write(schemas.Cause_IMPORT, facts...)
	a.lastRoster, a.rosterAt = rc, a.r.Clock()
	a.blocksLoaded, a.last, a.photoLoaded, a.prefsLoaded = false, lastSeen{}, false, false
	for _, l := range letters {
		l.rc = rc
	}
	a.r.known(rc, func(err error) {
		if err != nil {
			a.r.work(func() { a.dropLetters(letters) })
		}
	})
	a.ready()
	a.publish()
	return rc
}

// dropLetters takes back letters that did not reach the disk.
func (a *Account) dropLetters(letters []*letter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range letters {
		a.box.remove(l)
	}
	a.publish()
}
