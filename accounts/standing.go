package accounts

import (
	"fmt"
	"time"

	"protokoll/projections/state"
	"protokoll/schemas"
)

// The types of facts that say how an account stands. Envelopes tell them, so that nothing has to be opened.
const (
	typeClosing    = "account.closing"
	typeRestricted = "account.restricted"
	typeReserved   = "account.reserved"
)

// note takes over what a fact of family account says about how the account stands.
func (a *Account) note(f state.Fact) {
	switch at := time.UnixMilli(f.Time); f.Type {
	case typeClosing:
		a.Closing = at
	case typeRestricted:
		a.Restricted = at
	}
}

// standings finds the accounts that are not just open, from one pass over their facts.
func (r *Registry) standings() (map[schemas.OwnerID]*Account, error) {
	all := map[schemas.OwnerID]*Account{}
	err := r.state.Each(schemas.Family_ACCOUNT_FACTS, func(f state.Fact) error {
		if f.Type == typeClosing || f.Type == typeRestricted {
			if all[f.Owner] == nil {
				all[f.Owner] = &Account{}
			}
			all[f.Owner].note(f)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list how accounts stand: %w", err)
	}
	return all, nil
}

// Closing returns the accounts whose erasure has begun and is not finished.
func (r *Registry) Closing() (all []Account, err error) {
	standings, err := r.standings()
	if err != nil {
		return nil, err
	}
	for id, s := range standings {
		if s.Closing.IsZero() {
			continue
		}
		a, err := r.ByOwner(id)
		if err != nil {
			return nil, fmt.Errorf("find an account that is being erased: %w", err)
		}
		all = append(all, a)
	}
	return all, nil
}
