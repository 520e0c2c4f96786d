package rights

import (
	"context"
	"fmt"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
)

const (
	typeConsent   = "account.consent"
	entityConsent = "consent:" // then the kind's name
)

// MayBeFound tells whether the search may show a person: who objects never, who allowed it always, others where that is
// usual. Nobody whose processing is restricted or whose account is being erased is found. XEP-0055
func (r *Rights) MayBeFound(a accounts.Account, usual bool) (bool, error) {
	if !a.Closing.IsZero() || !a.Restricted.IsZero() {
		return false, nil
	}
	objections, err := r.Objections(a)
	if err != nil {
		return false, err
	}
	for _, o := range objections {
		if o.Kind == schemas.ObjectionKind_SEARCH {
			return false, nil
		}
	}
	since, err := r.Allowed(a, schemas.ConsentKind_FOUND)
	return usual || !since.IsZero(), err
}

// Allowed returns since when the owner of an account allows a use of their data; zero: they do not.
func (r *Rights) Allowed(a accounts.Account, kind schemas.ConsentKind) (time.Time, error) {
	facts, err := r.State.Facts(a.Owner.ID(), schemas.Family_ACCOUNT_FACTS)
	if err != nil {
		return time.Time{}, fmt.Errorf("read consents: %w", err)
	}
	for _, f := range facts {
		if f.Type != typeConsent {
			continue
		}
		m, err := eventlog.Open(a.Owner, f.About, f.Sealed)
		if err != nil {
			return time.Time{}, fmt.Errorf("read consents: %w", err)
		}
		if c, ok := m.(*schemas.AccountConsent); ok && c.GetKind() == kind {
			return time.UnixMilli(c.GetSince()), nil
		}
	}
	return time.Time{}, nil
}

// BeFound lets the owner of an account be found by the search, or not. Saying no is an objection (GDPR Art. 21), which a restored backup
// obeys too and which holds whatever is usual here; saying yes takes it back. by is the person, or who acts for them.
func (r *Rights) BeFound(ctx context.Context, by By, domain, localpart string, yes bool) error {
	if _, err := r.Object(ctx, by, domain, localpart, schemas.ObjectionKind_SEARCH, yes); err != nil {
		return err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	a, err := r.open(domain, localpart)
	if err != nil {
		return err
	}
	var receipt *eventlog.Receipt
	entity := entityConsent + schemas.ConsentKind_FOUND.String()
	if yes {
		receipt, err = r.Router.Declare(a, entity, &schemas.AccountConsent{Kind: schemas.ConsentKind_FOUND, Since: r.Clock().UnixMilli()})
	} else {
		receipt, err = r.Router.Retract(a, entity)
	}
	if err != nil {
		return err
	}
	return r.settled(ctx, receipt)
}
