package node

import (
	"context"
	"errors"
	"fmt"

	"protokoll/accounts"
	"protokoll/backup"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/rights"
	"protokoll/schemas"
)

// obey carries out what was ordered after a backup was made, in the order in which it was ordered, and writes the orders down
// again. It may be repeated.
func (s *Store) obey(ctx context.Context, by rights.By, known backup.Orders, missing []backup.Order) error {
	erased := map[schemas.OwnerID]bool{}
	for _, o := range append(known.Orders, missing...) {
		if o.Kind == schemas.OrderKind_ERASURE.String() {
			erased[ownerOf(o)] = true
		}
	}
	var last *eventlog.Receipt
	for _, o := range missing {
		if !erased[ownerOf(o)] {
			if err := s.obeyOne(ctx, o); err != nil {
				return err
			}
		}
		f, err := o.Fact()
		if err != nil {
			return err
		}
		last = s.Log.Append(eventlog.Command{Owner: s.Keys.Server(), Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{
			eventlog.Set(rights.OrderEntity(f), f),
		}})
	}
	if last != nil {
		if err := last.Wait(ctx); err != nil {
			return err
		}
	}
	if err := s.eraseAccounts(ctx, by, erased); err != nil {
		return err
	}
	return s.eraseAgain(ctx, erased)
}

// eraseAccounts erases accounts that the backup brought back as it was done before: contacts are told, the address stays free.
func (s *Store) eraseAccounts(ctx context.Context, by rights.By, erased map[schemas.OwnerID]bool) error {
	r, err := s.stoppedRouter()
	if err != nil {
		return err
	}
	defer r.Close()
	all := s.newRights(r)
	if _, err := all.Finish(ctx); err != nil {
		return err
	}
	for id := range erased {
		a, err := s.Accounts.ByOwner(id)
		if errors.Is(err, accounts.ErrNoAccount) {
			continue
		}
		if err == nil {
			_, err = all.Erase(ctx, by, a.Domain, a.Localpart)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// obeyOne states an account's restriction or objection, or ends it.
func (s *Store) obeyOne(ctx context.Context, o backup.Order) error {
	owner, err := s.Keys.Owner(ownerOf(o))
	if errors.Is(err, seal.ErrForgotten) {
		return nil // opened after the backup: there is nothing to restrict
	}
	if err != nil {
		return err
	}
	kind := schemas.ObjectionKind(schemas.ObjectionKind_value[o.Objection])
	objection := "objection:" + kind.String()
	var f eventlog.Fact
	switch schemas.OrderKind(schemas.OrderKind_value[o.Kind]) {
	case schemas.OrderKind_RESTRICTION:
		f = eventlog.Set("restriction", &schemas.AccountRestricted{Since: o.At, Reason: "ordered before a restore"})
	case schemas.OrderKind_RESTRICTION_LIFTED:
		f = eventlog.End(schemas.Family_ACCOUNT_FACTS, "restriction")
	case schemas.OrderKind_OBJECTION:
		f = eventlog.Set(objection, &schemas.AccountObjection{Kind: kind, Since: o.At, Reason: "ordered before a restore"})
	case schemas.OrderKind_OBJECTION_WITHDRAWN:
		f = eventlog.End(schemas.Family_ACCOUNT_FACTS, objection)
	default:
		return nil
	}
	return s.append(ctx, owner, f)
}

func (s *Store) append(ctx context.Context, owner *seal.Owner, facts ...eventlog.Fact) error {
	receipt := s.Log.Append(eventlog.Command{Owner: owner, Cause: schemas.Cause_STAFF, Facts: facts})
	if err := receipt.Wait(ctx); err != nil {
		return err
	}
	return s.facts().Wait(ctx, receipt.Positions()...)
}

// eraseAgain closes every lane for people who were erased, and forgets their keys. An owner whose key the backup lacks gets one for that
// moment: closing a lane says nothing that needs it.
func (s *Store) eraseAgain(ctx context.Context, erased map[schemas.OwnerID]bool) error {
	var gone []schemas.OwnerID
	for id := range erased {
		if _, err := s.Keys.Owner(id); errors.Is(err, seal.ErrForgotten) && !s.holds(id) {
			continue
		}
		gone = append(gone, id)
	}
	if len(gone) == 0 {
		return nil
	}
	if err := s.Keys.Add(gone...); err != nil {
		return err
	}
	for _, id := range gone {
		owner, err := s.Keys.Owner(id)
		if err != nil {
			return err
		}
		var facts []eventlog.Fact
		for _, f := range []schemas.Family{schemas.Family_SESSION_FACTS, schemas.Family_OFFLINE_FACTS, schemas.Family_ARCHIVE_FACTS, schemas.Family_ACCOUNT_FACTS} {
			facts = append(facts, eventlog.Fact{Op: schemas.Op_CLOSE, Family: f})
		}
		if err := s.append(ctx, owner, facts...); err != nil {
			return fmt.Errorf("close the lanes of an erased account: %w", err)
		}
	}
	return s.Keys.Forget(gone...)
}

// holds tells whether the state has facts of an owner.
func (s *Store) holds(id schemas.OwnerID) bool {
	for family := range schemas.Family_name {
		if facts, err := s.facts().Facts(id, schemas.Family(family)); err == nil && len(facts) > 0 {
			return true
		}
	}
	return false
}

// endTokens ends every token: whoever had one signs in with the password again.
func (s *Store) endTokens(ctx context.Context) error {
	var all []state.Fact
	err := s.State.Each(schemas.Family_TOKEN_FACTS, func(f state.Fact) error {
		all = append(all, f)
		return nil
	})
	if err != nil {
		return fmt.Errorf("end the tokens: %w", err)
	}
	for _, f := range all {
		owner, err := s.Keys.Owner(f.Owner)
		if errors.Is(err, seal.ErrForgotten) {
			continue
		}
		if err == nil {
			err = s.append(ctx, owner, eventlog.Fact{Op: schemas.Op_END, Family: f.Family, ID: f.Entity})
		}
		if err != nil {
			return fmt.Errorf("end the tokens: %w", err)
		}
	}
	return nil
}
