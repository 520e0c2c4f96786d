package router

import (
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// What handlers of package features may do with an account: features.Account.

// lockedFacts reads while the account's lock is held.
type lockedFacts struct{ a *Account }

func (l lockedFacts) Get(f schemas.Family, entity string) (proto.Message, error) {
	return l.a.get(f, entity)
}

func (l lockedFacts) All(f schemas.Family) ([]proto.Message, error) { return l.a.all(f) }

// Get implements features.Facts.
func (a *Account) Get(f schemas.Family, entity string) (proto.Message, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.get(f, entity)
}

// All implements features.Facts.
func (a *Account) All(f schemas.Family) ([]proto.Message, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all(f)
}

// Change implements features.Account. Rosters and messages are not changed through it.
func (a *Account) Change(cause schemas.Cause, decide func(features.Facts) ([]eventlog.Fact, error)) (*eventlog.Receipt, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.touched = a.r.Clock()
	facts, err := decide(lockedFacts{a})
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	return a.changed(cause, facts)
}

// changed appends facts that were decided, and lets the live state follow. The caller holds the lock.
func (a *Account) changed(cause schemas.Cause, facts []eventlog.Fact) (*eventlog.Receipt, error) {
	rc := a.write(cause, facts...)
	for _, f := range facts {
		if f.Family == schemas.Family_BLOCK_FACTS {
			a.blocksLoaded = false
		}
		if f.Family == schemas.Family_ARCHIVE_PREFERENCES || f.Value != nil && isPreferences(f.Value) {
			a.prefsLoaded = false
		}
		if f.Family == schemas.Family_PUSH_FACTS {
			a.pushLoaded = false
		}
	}
	if err := errorsOf(a.loadBlocks, a.loadPrefs, a.loadPush); err != nil {
		return rc, err
	}
	a.publish()
	return rc, nil
}

// loadBlocks compiles the block list. The caller holds the lock.
func (a *Account) loadBlocks() (err error) {
	if a.blocksLoaded {
		return nil
	}
	blocks, err := features.BlocksOf(lockedFacts{a}, a.bare)
	if err != nil {
		return err
	}
	a.blocks, a.subscribers = blocks, nil
	if blocks.Looks() {
		if err := a.loadRoster(); err != nil {
			return err
		}
		a.knowContacts()
	}
	a.blocksLoaded = true
	return nil
}

// Subscribed implements features.Account.
func (a *Account) Subscribed(bare string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bare == a.bare {
		return true
	}
	if a.loadRoster() != nil || a.loadBlocks() != nil {
		return false
	}
	return a.contact(bare).SubscribedFrom() && !a.blocks.Denies("", features.PresenceOut, bare) && !a.blocks.Denies("", features.IQIn, bare)
}

// lastSeen is the last sign-in and the last presence of an account.
type lastSeen struct {
	loaded   bool
	in, out  int64
	presence *schemas.PresenceUpdated // the newest
}

// loadLast reads when the owner was last here. The caller holds the lock.
func (a *Account) loadLast() error {
	if a.last.loaded {
		return nil
	}
	m, err := a.get(schemas.Family_SESSION_FACTS, entityLast)
	if err != nil {
		return err
	}
	if l, ok := m.(*schemas.LastLogin); ok {
		a.last.in, a.last.out = l.GetSignedIn(), l.GetSignedOut()
	}
	all, err := a.all(schemas.Family_PRESENCE_FACTS)
	if err != nil {
		return err
	}
	for _, m := range all {
		if p, ok := m.(*schemas.PresenceUpdated); ok && p.GetAt() >= a.last.presence.GetAt() {
			a.last.presence = p
		}
	}
	a.last.loaded = true
	return nil
}

// LastSeen implements features.Account. XEP-0012 §3
func (a *Account) LastSeen() (features.LastSeen, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.snap.Load().presenceOf() != Away {
		return features.LastSeen{Online: true}, nil
	}
	if err := a.loadLast(); err != nil {
		return features.LastSeen{}, err
	}
	at := max(a.last.out, a.last.in)
	if at == 0 {
		return features.LastSeen{}, nil
	}
	return features.LastSeen{At: time.UnixMilli(at), Status: a.last.presence.GetStatus()}, nil
}
