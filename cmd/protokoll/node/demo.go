package node

import (
	"context"
	"errors"
	"fmt"

	"protokoll/accounts"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

// EnsureDemoAccounts makes user1 … userN where they are missing, all with one password and, so that thousands take no time,
// one salt. With set it also changes the password where the accounts have another one. It tells whether it made the first.
func (s *Store) EnsureDemoAccounts(ctx context.Context, domain string, n int, password string, set bool) (made bool, err error) {
	first, err := s.Accounts.Find(domain, "user1")
	made = errors.Is(err, accounts.ErrNoAccount)
	if err != nil && !made {
		return false, err
	}
	verifiers, same, err := s.demoVerifiers(first, made, password)
	if err != nil {
		return false, err
	}
	var missing []accounts.NewAccount
	for i := 1; i <= n; i++ {
		name := fmt.Sprintf("user%d", i)
		a, err := s.Accounts.Find(domain, name)
		switch {
		case errors.Is(err, accounts.ErrNoAccount):
			if until, err := s.Accounts.Reserved(domain, name); err != nil || !until.IsZero() {
				if err != nil {
					return false, err
				}
				continue // erased
			}
			missing = append(missing, accounts.NewAccount{Localpart: name, Domain: domain, Verifiers: verifiers})
		case err != nil:
			return false, err
		case set && !same:
			if err := s.Accounts.SetVerifiers(ctx, schemas.Cause_STAFF, a, verifiers); err != nil {
				return false, err
			}
		}
	}
	if len(missing) == 0 {
		return made, nil
	}
	return made, s.Accounts.Open(ctx, schemas.Cause_STAFF, missing...)
}

// demoVerifiers returns the first account's verifiers if the password is theirs, else new ones.
func (s *Store) demoVerifiers(first accounts.Account, made bool, password string) (vs []sasl.Verifier, same bool, err error) {
	if !made {
		if vs, err = s.Accounts.Verifiers(first); err != nil {
			return nil, false, err
		}
		if len(vs) > 0 && vs[0].CheckPassword(password) {
			return vs, true, nil
		}
	}
	vs, err = sasl.NewVerifiers(password, sasl.DefaultIterations)
	return vs, false, err
}

// Figures is what may be shown of a server to anybody: sums.
type Figures struct {
	Events      uint64 // folded into the state
	Sessions    int    // bound, hibernating ones included
	Connections int
	Accounts    int // in memory
	Timers      int // that are set
}

// Figures counts.
func (n *Node) Figures() Figures {
	return Figures{
		Events: n.State.Events(), Sessions: n.Sessions.Len(), Connections: n.Streams.Len(),
		Accounts: n.Router.Len(), Timers: n.wheel.Len(),
	}
}
