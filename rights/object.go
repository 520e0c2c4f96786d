package rights

import (
	"context"
	"fmt"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
)

// Objection is a use of their data that a person objects to.
type Objection struct {
	Kind  schemas.ObjectionKind
	Since time.Time
}

const (
	typeObjection   = "account.objection"
	entityObjection = "objection:" // then the kind's name
)

// Objections returns what the owner of an account objects to. Whatever uses data in such a way asks before.
func (r *Rights) Objections(a accounts.Account) (all []Objection, err error) {
	facts, err := r.State.Facts(a.Owner.ID(), schemas.Family_ACCOUNT_FACTS)
	if err != nil {
		return nil, fmt.Errorf("read objections: %w", err)
	}
	for _, f := range facts {
		if f.Type != typeObjection {
			continue
		}
		m, err := eventlog.Open(a.Owner, f.About, f.Sealed)
		if err != nil {
			return nil, fmt.Errorf("read objections: %w", err)
		}
		if o, ok := m.(*schemas.AccountObjection); ok {
			all = append(all, Objection{o.GetKind(), time.UnixMilli(o.GetSince())})
		}
	}
	return all, nil
}

// Object records that the owner of an account objects to a use of their data (GDPR Art. 21), or takes that back.
func (r *Rights) Object(ctx context.Context, by By, domain, localpart string, kind schemas.ObjectionKind, withdraw bool) (Change, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	a, err := r.open(domain, localpart)
	if err != nil {
		return Change{}, err
	}
	before, err := r.Objections(a)
	if err != nil {
		return Change{}, err
	}
	since := time.Time{}
	for _, o := range before {
		if o.Kind == kind {
			since = o.Since
		}
	}
	id, same := a.Owner.ID(), since.IsZero() == withdraw
	detail := kind.String()
	if withdraw {
		detail += " withdrawn"
	}
	if same {
		detail += ", as it was already"
	}
	if err := r.Audited(ctx, by, "object", detail, id); err != nil || same {
		return Change{Since: since}, err
	}
	o := &schemas.Ordered{Kind: schemas.OrderKind_OBJECTION, Owner: id[:], Objection: kind}
	if withdraw {
		o.Kind = schemas.OrderKind_OBJECTION_WITHDRAWN
	}
	if err := r.order(ctx, o); err != nil {
		return Change{}, err
	}
	return r.object(ctx, a, by, kind, withdraw)
}

func (r *Rights) object(ctx context.Context, a accounts.Account, by By, kind schemas.ObjectionKind, withdraw bool) (Change, error) {
	now, entity := r.Clock(), entityObjection+kind.String()
	var receipt *eventlog.Receipt
	var err error
	if withdraw {
		receipt, err = r.Router.Retract(a, entity)
	} else {
		receipt, err = r.Router.Declare(a, entity, &schemas.AccountObjection{Kind: kind, Since: now.UnixMilli(), Reason: by.Reason})
	}
	if err == nil {
		err = r.settled(ctx, receipt)
	}
	if err == nil && r.Shown != nil {
		r.Shown(a.Address())
	}
	return Change{Changed: err == nil, Since: now}, err
}
