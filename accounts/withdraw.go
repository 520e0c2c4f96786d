package accounts

import (
	"context"
	"fmt"
	"time"

	"protokoll/schemas"
)

// Withdrawal is the part of an erasure that must not meet the opening of an account: the address changes from one owner to
// none. DESIGN §7 “Erasing an account”, steps 3 and 4.
type Withdrawal struct {
	Account Account
	Until   time.Time // how long the address is kept free
	// Close appends the end of all the account's facts, lane lasting last, and returns when that is on disk and folded; nobody
	// appends a fact of its owner afterwards.
	Close func(context.Context) error
	// Before is called before each step, with its number from 0; an error ends it there, as a kill would. May be nil.
	Before func(step int) error
}

// The steps of a withdrawal.
const (
	StepReserve = iota // the address is kept free
	StepClose          // all facts end
	StepForget         // the key is forgotten: everything is unreadable
	StepRelease        // the reservation no longer says who had the address
	withdrawalSteps
)

// Withdraw carries out a withdrawal and returns when all of it is on disk. Each step may be repeated; a start after StepClose
// goes on with Forgotten. Once it has begun it does not heed ctx.
func (r *Registry) Withdraw(ctx context.Context, w Withdrawal) error {
	r.opening.Lock()
	defer r.opening.Unlock()
	ctx = context.WithoutCancel(ctx)
	a, id := w.Account, w.Account.Owner.ID()
	h := r.keys.Handle(handleAddress, a.Domain, a.Localpart)
	v := &schemas.AddressReserved{Until: w.Until.UnixMilli(), Handle: h[:], Erasing: id[:]}
	if a.DirectoryID != "" {
		entry := r.keys.Handle(handleDirectory, a.Domain, a.DirectoryID)
		v.DirectoryHandle = entry[:]
	}
	steps := [withdrawalSteps]func() error{
		StepReserve: func() error { return r.appendOwn(ctx, schemas.Cause_SERVER, reserve(h, v)) },
		StepClose:   func() error { return w.Close(ctx) },
		StepForget:  func() error { return r.keys.Forget(id) },
		StepRelease: func() error { return r.release(ctx, h, v) },
	}
	for n, step := range steps {
		if w.Before != nil {
			if err := w.Before(n); err != nil {
				return err
			}
		}
		if err := step(); err != nil {
			return fmt.Errorf("withdraw an account, step %d of %d: %w", n+1, withdrawalSteps, err)
		}
	}
	return nil
}

// release takes out of a reservation who had the address.
func (r *Registry) release(ctx context.Context, h schemas.Handle, v *schemas.AddressReserved) error {
	return r.appendOwn(ctx, schemas.Cause_SERVER, reserve(h, &schemas.AddressReserved{
		Until: v.GetUntil(), DirectoryHandle: v.GetDirectoryHandle(), Handle: h[:],
	}))
}

// Forgotten finishes withdrawals that a kill interrupted after the facts were closed: their keys are forgotten. Accounts that
// are still closing are not its business. It is called before the first account is opened.
func (r *Registry) Forgotten(ctx context.Context) (finished int, err error) {
	r.opening.Lock()
	defer r.opening.Unlock()
	all, err := r.reservations()
	if err != nil {
		return 0, err
	}
	for _, v := range all {
		if len(v.GetErasing()) != len(schemas.OwnerID{}) || len(v.GetHandle()) != len(schemas.Handle{}) {
			continue
		}
		id := schemas.OwnerID(v.GetErasing())
		facts, err := r.state.Facts(id, schemas.Family_ACCOUNT_FACTS)
		if err != nil {
			return finished, fmt.Errorf("look for an account that is being erased: %w", err)
		}
		if len(facts) > 0 {
			continue
		}
		if err := r.keys.Forget(id); err != nil {
			return finished, fmt.Errorf("forget the key of an erased account: %w", err)
		}
		if err := r.release(ctx, schemas.Handle(v.GetHandle()), v); err != nil {
			return finished, err
		}
		finished++
	}
	return finished, nil
}
