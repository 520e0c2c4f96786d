package router

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// What services that do not speak XMPP (a web server) may do with an account's facts. They know it by its owner and hold nothing of
// it between calls.

// OwnerOf returns the owner behind a full or bare JID that has a session here.
func (r *Router) OwnerOf(jid string) (*seal.Owner, error) {
	to, err := ParseAddress([]byte(jid))
	if err != nil {
		return nil, err
	}
	a, err := r.Find(to)
	if err != nil {
		return nil, err
	}
	return a.owner, nil
}

// held locks the account of an owner. It returns accounts.ErrNoAccount for one that is being erased or whose processing is restricted:
// nothing of it is for others then. GDPR Art. 18. The caller unlocks it.
func (r *Router) held(owner schemas.OwnerID) (*Account, error) {
	who, err := r.Accounts.ByOwner(owner)
	if err != nil {
		return nil, fmt.Errorf("find an account by its owner: %w", err)
	}
	if !who.Closing.IsZero() || !who.Restricted.IsZero() {
		return nil, accounts.ErrNoAccount
	}
	a := r.hold(who)
	if a.barred || a.closed || a.shut.Load() {
		a.mu.Unlock()
		return nil, accounts.ErrNoAccount
	}
	return a, nil
}

// FactOf returns the value of one entity, nil if it has none, and the id under which it stands.
func (r *Router) FactOf(owner schemas.OwnerID, f schemas.Family, entity string) (proto.Message, schemas.EntityID, error) {
	a, err := r.held(owner)
	if err != nil {
		return nil, schemas.EntityID{}, err
	}
	defer a.mu.Unlock()
	m, err := a.get(f, entity)
	return m, a.owner.Entity(f, entity), err
}

// FactsOf returns the values of all entities of a family, in no particular order.
func (r *Router) FactsOf(owner schemas.OwnerID, f schemas.Family) ([]proto.Message, error) {
	a, err := r.held(owner)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	return a.all(f)
}

// ChangeOf decides under the account's lock, as features.Account.Change, and returns when what was decided is on disk.
func (r *Router) ChangeOf(ctx context.Context, owner schemas.OwnerID, cause schemas.Cause, decide func(features.Facts) ([]eventlog.Fact, error)) error {
	a, err := r.held(owner)
	if err != nil {
		return err
	}
	facts, err := decide(lockedFacts{a})
	if err != nil || len(facts) == 0 {
		a.mu.Unlock()
		return err
	}
	rc := a.write(cause, facts...)
	a.mu.Unlock()
	return rc.Wait(ctx)
}

// EachFact hands the current facts of one type of a family to fn, in no particular order; only these are opened.
func (r *Router) EachFact(f schemas.Family, typ string, fn func(schemas.OwnerID, proto.Message) error) error {
	err := r.State.Each(f, func(fact state.Fact) error {
		if fact.Type != typ {
			return nil
		}
		who, err := r.Accounts.ByOwner(fact.Owner)
		if errors.Is(err, accounts.ErrNoAccount) {
			return nil
		} else if err != nil {
			return err
		}
		m, err := eventlog.Open(who.Owner, fact.About, fact.Sealed)
		if err != nil {
			return err
		}
		return fn(fact.Owner, m)
	})
	if err != nil {
		return fmt.Errorf("read facts of one type: %w", err)
	}
	return nil
}
