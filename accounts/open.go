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
// opens none, if an address or directory id is taken.
func (r *Registry) Open(ctx context.Context, cause schemas.Cause, batch ...NewAccount) error {
	r.opening.Lock()
	defer r.opening.Unlock()
	ids := make([]schemas.OwnerID, len(batch))
	for i, n := range batch {
		if err := r.free(n); err != nil {
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

func (r *Registry) free(n NewAccount) error {
	if _, ok, err := r.state.OwnerByHandle(r.keys.Handle(handleAddress, n.Domain, n.Localpart)); err != nil {
		return fmt.Errorf("look for an account: %w", err)
	} else if ok {
		return ErrExists
	}
	if n.DirectoryID == "" {
		return nil
	}
	if _, ok, err := r.state.OwnerByHandle(r.keys.Handle(handleDirectory, n.Domain, n.DirectoryID)); err != nil {
		return fmt.Errorf("look for a directory entry's account: %w", err)
	} else if ok {
		return ErrExists
	}
	return nil
}

func (r *Registry) opened(id schemas.OwnerID, cause schemas.Cause, n NewAccount) (eventlog.Command, error) {
	owner, err := r.keys.Owner(id)
	if err != nil {
		return eventlog.Command{}, fmt.Errorf("use a new account's key: %w", err)
	}
	account := eventlog.Set(entityAccount, &schemas.AccountOpened{
		Localpart: n.Localpart, Domain: n.Domain, DirectoryId: n.DirectoryID,
	})
	account.Handles = []schemas.Handle{r.keys.Handle(handleAddress, n.Domain, n.Localpart)}
	if n.DirectoryID != "" {
		account.Handles = append(account.Handles, r.keys.Handle(handleDirectory, n.Domain, n.DirectoryID))
	}
	c := eventlog.Command{Owner: owner, Cause: cause, Facts: []eventlog.Fact{account}}
	if len(n.Verifiers) > 0 {
		c.Facts = append(c.Facts, eventlog.Set(entityCredentials, credentials(n.Verifiers)))
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
