package rights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/roster"
	"protokoll/xmpp/router"
)

// partings returns whom an erasure tells what: the contacts on the person's own roster, and every account here whose roster has
// a subscription with the person that theirs has not, or has otherwise, as an import or a restored backup may leave it. Such an
// item is found by computing its entity under each owner's key. DESIGN §7
//
// An erasure looks when the account is shut on disk: whatever was appended before that is at or below the mark that is waited for here, and
// what comes later finds no such account. What an import brings meanwhile is set right when its owner signs in.
func (r *Rights) partings(ctx context.Context, a accounts.Account) ([]router.Parting, error) {
	all, err := r.Router.Partings(a)
	if err != nil {
		return nil, err
	}
	if err := r.State.Wait(ctx, eventlog.Position{Lane: eventlog.Lasting, Number: r.Log.Mark(eventlog.Lasting)}); err != nil {
		return nil, fmt.Errorf("look for who lists the person: %w", err)
	}
	owners, err := r.owners()
	if err != nil {
		return nil, fmt.Errorf("look for who lists the person: %w", err)
	}
	at := map[string]int{}
	for i, p := range all {
		at[p.Contact] = i
	}
	for _, id := range owners {
		kinds, err := r.lists(id, a)
		if err != nil {
			return nil, fmt.Errorf("look for who lists the person: %w", err)
		}
		if len(kinds) == 0 {
			continue
		}
		contact, err := r.Accounts.ByOwner(id)
		if err != nil {
			return nil, fmt.Errorf("look for who lists the person: %w", err)
		}
		i, known := at[contact.Address()]
		if !known {
			i, all = len(all), append(all, router.Parting{Contact: contact.Address(), Here: true})
		}
		for _, kind := range kinds {
			if !slices.Contains(all[i].Kinds, kind) {
				all[i].Kinds = append(all[i].Kinds, kind)
			}
		}
	}
	slices.SortFunc(all, func(a, b router.Parting) int { return strings.Compare(a.Contact, b.Contact) })
	return all, nil
}

const typeOpened = "account.opened"

// owners lists whose accounts there are, without opening anything.
func (r *Rights) owners() (all []schemas.OwnerID, err error) {
	server := r.Keys.Server().ID()
	err = r.State.Each(schemas.Family_ACCOUNT_FACTS, func(f state.Fact) error {
		if f.Type == typeOpened && f.About.Owner != server {
			all = append(all, f.About.Owner)
		}
		return nil
	})
	return all, err
}

// lists says what an owner must be told because their roster has a subscription with the person.
func (r *Rights) lists(id schemas.OwnerID, a accounts.Account) (kinds []roster.Type, err error) {
	owner, err := r.Keys.Owner(id)
	if errors.Is(err, seal.ErrForgotten) || id == a.Owner.ID() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, ok, err := r.State.Get(id, schemas.Family_ROSTER_FACTS, owner.Entity(schemas.Family_ROSTER_FACTS, a.Address()))
	if err != nil || !ok {
		return nil, err
	}
	m, err := eventlog.Open(owner, f.About, f.Sealed)
	if err != nil {
		return nil, err
	}
	fact, ok := m.(*schemas.RosterItem)
	if !ok {
		return nil, nil
	}
	item := roster.FromFact(fact)
	if item.SubscribedFrom() || item.PendingIn() {
		kinds = append(kinds, roster.Unsubscribe)
	}
	if item.SubscribedTo() || item.Ask {
		kinds = append(kinds, roster.Unsubscribed)
	}
	return kinds, nil
}
