package router

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/pubsub"
	"protokoll/xmpp/roster"
)

// What package pubsub may do with accounts: pubsub.Owner and pubsub.Owners.

// Bare implements pubsub.Owner.
func (l lockedFacts) Bare() string { return l.a.bare }

// Nodes implements pubsub.Owner.
func (l lockedFacts) Nodes() (*pubsub.Catalogue, error) { return l.a.loadNodes() }

// Audience implements pubsub.Owner.
func (l lockedFacts) Audience() ([]string, error) {
	if err := errorsOf(l.a.loadRoster, l.a.loadBlocks); err != nil {
		return nil, err
	}
	return l.a.audience(), nil
}

// Shows implements pubsub.Owner. For who sleeps, one item of the roster is read instead of all.
func (l lockedFacts) Shows(bare string) bool {
	a := l.a
	if bare == a.bare {
		return true
	}
	if a.loadBlocks() != nil || a.blocks.Match(bare) {
		return false
	}
	if a.rosterLoaded {
		return a.contact(bare).SubscribedFrom()
	}
	if a.groups.Item(a.bare, bare).SubscribedFrom() {
		return true
	}
	m, err := a.get(schemas.Family_ROSTER_FACTS, bare)
	item, ok := m.(*schemas.RosterItem)
	return err == nil && ok && roster.FromFact(item).SubscribedFrom()
}

// InGroup implements pubsub.Owner.
func (l lockedFacts) InGroup(bare string, groups []string) bool {
	if l.a.loadRoster() != nil {
		return false
	}
	return slices.ContainsFunc(l.a.contact(bare).Groups, func(g string) bool { return slices.Contains(groups, g) })
}

// Blocks implements pubsub.Owner.
func (l lockedFacts) Blocks(jid string) bool {
	return l.a.loadBlocks() != nil || l.a.blocks.Match(jid)
}

// loadNodes makes the catalogue of the account's nodes, and notes for everybody what there is to send. The caller holds the lock.
func (a *Account) loadNodes() (*pubsub.Catalogue, error) {
	if a.nodes == nil {
		c, err := pubsub.Load(lockedFacts{a})
		if err != nil {
			return nil, fmt.Errorf("load nodes: %w", err)
		}
		a.nodes = c
		a.r.newest.set(a.bare, c.Newest())
	}
	return a.nodes, nil
}

// foldNodes lets the catalogue follow facts that were written. The caller holds the lock.
func (a *Account) foldNodes(facts []eventlog.Fact) {
	touched := false
	for _, f := range facts {
		if f.Family != schemas.Family_NODE_FACTS && f.Family != schemas.Family_PEP_FACTS {
			continue
		}
		touched = true
		if a.nodes != nil && !a.nodes.Apply(f) {
			a.nodes = nil
		}
	}
	switch {
	case !touched:
	case a.nodes == nil:
		a.r.newest.drop(a.bare)
	default:
		a.r.newest.set(a.bare, a.nodes.Newest())
	}
}

// forgetNodes drops what was made of facts. The caller holds the lock.
func (a *Account) forgetNodes() {
	a.nodes = nil
	a.r.newest.drop(a.bare)
}

// owners implements pubsub.Owners.
type owners struct{ r *Router }

// Owners returns the accounts as package pubsub uses them.
func (r *Router) Owners() pubsub.Owners { return owners{r} }

// lock locks the account of a bare JID. The caller unlocks it.
func (o owners) lock(bare string) (*Account, error) {
	a, err := o.r.locked(split([]byte(bare)))
	if errors.Is(err, accounts.ErrNoAccount) || errors.Is(err, ErrNotOurs) || isUnopened(err) {
		return nil, pubsub.ErrNoOwner // who never signed in has no nodes
	}
	return a, err
}

// Change implements pubsub.Owners.
func (o owners) Change(bare string, cause schemas.Cause, decide func(pubsub.Owner) ([]eventlog.Fact, error)) (*eventlog.Receipt, error) {
	a, err := o.lock(bare)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	facts, err := decide(lockedFacts{a})
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	return a.changed(cause, facts)
}

// Read implements pubsub.Owners.
func (o owners) Read(bare string, read func(pubsub.Owner) error) error {
	a, err := o.lock(bare)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	return read(lockedFacts{a})
}

// Hosted implements pubsub.Owners. Only what says that a node is hosted is opened.
func (o owners) Hosted(fn func(owner string, hosted *schemas.NodeHosted)) error {
	t, err := schemas.TypeOf((*schemas.NodeHosted)(nil))
	if err != nil {
		return err
	}
	var found []state.Fact
	err = o.r.State.Each(schemas.Family_NODE_FACTS, func(f state.Fact) error {
		if f.Type == t.Name {
			f.Sealed = bytes.Clone(f.Sealed)
			found = append(found, f)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("find the nodes of services: %w", err)
	}
	for _, f := range found {
		if err := o.hosted(f, fn); err != nil {
			return err
		}
	}
	return nil
}

func (o owners) hosted(f state.Fact, fn func(string, *schemas.NodeHosted)) error {
	who, err := o.r.Accounts.ByOwner(f.Owner)
	if errors.Is(err, accounts.ErrNoAccount) {
		return nil // erased just now
	}
	if err != nil {
		return fmt.Errorf("find the owner of a node: %w", err)
	}
	payload, err := who.Owner.Open(nil, f.About, f.Sealed)
	if err != nil {
		return fmt.Errorf("open a fact: %w", err)
	}
	m, err := schemas.Decode(f.Type, f.Version, payload)
	if err != nil {
		return err
	}
	if h, ok := m.(*schemas.NodeHosted); ok {
		fn(who.Address(), h)
	}
	return nil
}
