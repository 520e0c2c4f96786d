package accounts

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

var hashes = map[sasl.Hash]schemas.Hash{
	sasl.SHA1: schemas.Hash_SHA1, sasl.SHA256: schemas.Hash_SHA256, sasl.SHA512: schemas.Hash_SHA512,
}

// Credentials is the fact that states verifiers.
func Credentials(vs []sasl.Verifier) *schemas.AccountCredentials {
	c := &schemas.AccountCredentials{}
	for _, v := range vs {
		c.Verifiers = append(c.Verifiers, &schemas.Verifier{
			Hash: hashes[v.Hash], Salt: v.Salt, Iterations: v.Iterations, StoredKey: v.StoredKey, ServerKey: v.ServerKey,
		})
	}
	return c
}

// Verifiers returns the stored keys of a local account's password; none for an account of a directory.
func (r *Registry) Verifiers(a Account) ([]sasl.Verifier, error) {
	entity := a.Owner.Entity(schemas.Family_ACCOUNT_FACTS, entityCredentials)
	f, ok, err := r.state.Get(a.Owner.ID(), schemas.Family_ACCOUNT_FACTS, entity)
	if err != nil || !ok {
		return nil, err
	}
	m, err := eventlog.Open(a.Owner, f.About, f.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open credentials: %w", err)
	}
	c, ok := m.(*schemas.AccountCredentials)
	if !ok {
		return nil, fmt.Errorf("open credentials: %w", schemas.ErrUnknownType)
	}
	return VerifiersOf(c), nil
}

// VerifiersOf are the verifiers that a fact states.
func VerifiersOf(c *schemas.AccountCredentials) (vs []sasl.Verifier) {
	for _, v := range c.GetVerifiers() {
		for mine, theirs := range hashes {
			if theirs == v.GetHash() {
				vs = append(vs, sasl.Verifier{
					Hash: mine, Salt: v.GetSalt(), Iterations: v.GetIterations(), StoredKey: v.GetStoredKey(), ServerKey: v.GetServerKey(),
				})
			}
		}
	}
	return vs
}

// SetVerifiers replaces the stored keys of a local account, forgets the devices that had proven the old password, and returns when
// that is on disk. It returns ErrNoAccount for an
// account that is being erased.
func (r *Registry) SetVerifiers(ctx context.Context, cause schemas.Cause, a Account, vs []sasl.Verifier) error {
	r.opening.Lock() // nothing may follow the close of the account's facts
	defer r.opening.Unlock()
	if now, err := r.ByOwner(a.Owner.ID()); err != nil || !now.Closing.IsZero() {
		return cmp.Or(err, ErrNoAccount)
	}
	facts, err := r.forgetDevices(a)
	if err != nil {
		return err
	}
	receipt := r.log.Append(eventlog.Command{
		Owner: a.Owner, Cause: cause, Facts: append(facts, eventlog.Set(entityCredentials, Credentials(vs))),
	})
	if err := r.settled(ctx, receipt); err != nil {
		return fmt.Errorf("set credentials: %w", err)
	}
	return nil
}

// AddVerifier adds the keys of a family that a local account lacks, and returns when that is on disk. Keys that are there stay. It
// returns ErrNoAccount for an account that is being erased or has no keys at all. XEP-0480 §4
func (r *Registry) AddVerifier(ctx context.Context, a Account, v sasl.Verifier) error {
	r.opening.Lock()
	defer r.opening.Unlock()
	if now, err := r.ByOwner(a.Owner.ID()); err != nil || !now.Closing.IsZero() {
		return cmp.Or(err, ErrNoAccount)
	}
	all, err := r.Verifiers(a)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return ErrNoAccount
	}
	if slices.ContainsFunc(all, func(have sasl.Verifier) bool { return have.Hash == v.Hash }) {
		return nil
	}
	receipt := r.log.Append(eventlog.Command{
		Owner: a.Owner, Cause: schemas.Cause_CLIENT, Facts: []eventlog.Fact{eventlog.Set(entityCredentials, Credentials(append(all, v)))},
	})
	if err := r.settled(ctx, receipt); err != nil {
		return fmt.Errorf("add credentials: %w", err)
	}
	return nil
}
