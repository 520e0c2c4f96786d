package accounts

import (
	"context"
	"fmt"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

// New account: a local one has verifiers, one of a directory has that directory's id.
type NewAccount struct {
	Localpart, Domain string // prepared
	DirectoryID       string
	Verifiers         []sasl.Verifier
}

// Open opens accounts, all in one batch, and returns when they are on disk and found by Find. It returns ErrExists, and
// opens none, if an address or directory id is taken, and ErrReserved if an address is kept free after an erasure. Once it has begun it does not heed ctx: an account that was asked for and
// is not seen yet would be opened a second time.
func (r *Registry) Open(ctx context.Context, cause schemas.Cause, batch ...NewAccount) error {
	r.opening.Lock()
	defer r.opening.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("open accounts: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	ids := make([]schemas.OwnerID, len(batch))
	taken := map[schemas.Handle]bool{}
	for i, n := range batch {
		if err := r.free(n, taken); err != nil {
			return err
		}
		ids[i] = schemas.NewOwnerID()
	}
	if err := r.keys.Add(ids...); err != nil {
		return fmt.Errorf("make keys for new accounts: %w", err)
	}
	receipts := make([]*eventlog.Receipt, len(batch))
	for i, n := range batch {
		c, err := r.opened(ids[i], cause, n)
		if err != nil {
			return err
		}
		receipts[i] = r.log.Append(c)
	}
	for _, receipt := range receipts {
		if err := r.settled(ctx, receipt); err != nil {
			return fmt.Errorf("open accounts: %w", err)
		}
	}
	return nil
}

// free returns ErrExists if a handle of the account belongs to another one, or to one before it in its batch, and ErrReserved
// if its address is kept free and it is not the one that may come back.
func (r *Registry) free(n NewAccount, taken map[schemas.Handle]bool) error {
	for _, h := range r.handles(n) {
		if taken[h] {
			return ErrExists
		}
		taken[h] = true
		owner, ok, err := r.state.OwnerByHandle(h)
		switch {
		case err != nil:
			return fmt.Errorf("look for an account: %w", err)
		case ok && owner != r.keys.Server().ID():
			return ErrExists
		case ok:
			if err := r.mayTake(h, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// handles are how an account is found: by its address and by its directory entry, if it has one.
func (r *Registry) handles(n NewAccount) []schemas.Handle {
	all := []schemas.Handle{r.keys.Handle(handleAddress, n.Domain, n.Localpart)}
	if n.DirectoryID != "" {
		all = append(all, r.keys.Handle(handleDirectory, n.Domain, n.DirectoryID))
	}
	return all
}

func (r *Registry) opened(id schemas.OwnerID, cause schemas.Cause, n NewAccount) (eventlog.Command, error) {
	owner, err := r.keys.Owner(id)
	if err != nil {
		return eventlog.Command{}, fmt.Errorf("use a new account's key: %w", err)
	}
	account := eventlog.Set(entityAccount, &schemas.AccountOpened{
		Localpart: n.Localpart, Domain: n.Domain, DirectoryId: n.DirectoryID,
	})
	account.Handles = r.handles(n)
	c := eventlog.Command{Owner: owner, Cause: cause, Facts: []eventlog.Fact{account}}
	if len(n.Verifiers) > 0 {
		c.Facts = append(c.Facts, eventlog.Set(entityCredentials, Credentials(n.Verifiers)))
	}
	return c, nil
}

// settled waits until a command is on disk and state has folded it.
func (r *Registry) settled(ctx context.Context, receipt *eventlog.Receipt) error {
	if err := receipt.Wait(ctx); err != nil {
		return err
	}
	return r.state.Wait(ctx, receipt.Positions()...)
}
