package rights

import (
	"context"
	"time"

	"protokoll/schemas"
)

// Change is what became of an order.
type Change struct {
	Changed bool      `json:"changed"` // false: it was so already
	Since   time.Time `json:"since"`   // of the state that holds now; zero if it is not known
}

// Restrict restricts the processing of an account (GDPR Art. 18): its sessions and tokens end, nobody signs in, its data are touched by
// nothing but erasure and export, and contacts see what they see of everybody who is offline.
func (r *Rights) Restrict(ctx context.Context, by By, domain, localpart string) (Change, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	a, err := r.open(domain, localpart)
	if err != nil {
		return Change{}, err
	}
	id := a.Owner.ID()
	if !a.Restricted.IsZero() {
		return Change{Since: a.Restricted}, r.Audited(ctx, by, "restrict", "it was restricted already", id)
	}
	if err := r.Audited(ctx, by, "restrict", "", id); err != nil {
		return Change{}, err
	}
	if err := r.order(ctx, &schemas.Ordered{Kind: schemas.OrderKind_RESTRICTION, Owner: id[:]}); err != nil {
		return Change{}, err
	}
	now := r.Clock()
	rc, err := r.Router.Restrict(a, &schemas.AccountRestricted{Since: now.UnixMilli(), Reason: by.Reason})
	if err == nil {
		err = r.settled(ctx, rc)
	}
	if err == nil { // who had a device in hand when this was ordered must not go on when it is lifted
		err = r.Accounts.EndTokens(ctx, schemas.Cause_STAFF, a)
	}
	return Change{Changed: err == nil, Since: now}, err
}

// Unrestrict lifts a restriction: the person can sign in again.
func (r *Rights) Unrestrict(ctx context.Context, by By, domain, localpart string) (Change, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	a, err := r.open(domain, localpart)
	if err != nil {
		return Change{}, err
	}
	id := a.Owner.ID()
	if a.Restricted.IsZero() {
		return Change{}, r.Audited(ctx, by, "unrestrict", "it was not restricted", id)
	}
	if err := r.Audited(ctx, by, "unrestrict", "", id); err != nil {
		return Change{}, err
	}
	if err := r.order(ctx, &schemas.Ordered{Kind: schemas.OrderKind_RESTRICTION_LIFTED, Owner: id[:]}); err != nil {
		return Change{}, err
	}
	rc, err := r.Router.Unrestrict(a)
	if err == nil {
		err = r.settled(ctx, rc)
	}
	return Change{Changed: err == nil, Since: r.Clock()}, err
}
