package router

import (
	"context"
	"errors"
	"fmt"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/schemas"
)

// Unresume makes sessions impossible to resume that nobody holds now: those of contacts whose rosters an erasure changed, and of
// whoever got directed presence, on a folder that no server runs on. Their clients sign in anew and get what is so. On a running
// server every session is held by somebody, and gets its pushes. docs/decisions/0011
func (r *Router) Unresume(ctx context.Context, who accounts.Account, all []Parting) error {
	seen, err := r.sawDirected(who)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Here {
			seen[p.Contact] = true
		}
	}
	var receipts []*eventlog.Receipt
	for contact := range seen {
		rc, err := r.unresume(contact)
		if err != nil {
			return fmt.Errorf("end a session of a contact: %w", err)
		}
		if rc != nil {
			receipts = append(receipts, rc)
		}
	}
	for _, rc := range receipts {
		if err := rc.Wait(ctx); err != nil {
			return fmt.Errorf("end a session of a contact: %w", err)
		}
	}
	return nil
}

// sawDirected lists who got directed presence of sessions that nobody holds.
func (r *Router) sawDirected(who accounts.Account) (map[string]bool, error) {
	a := r.hold(who)
	defer a.mu.Unlock()
	sessions, err := a.stranded()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, s := range sessions {
		for _, to := range s.GetDirected() {
			seen[string(split([]byte(to)).Bare())] = true
		}
	}
	return seen, nil
}

// stranded returns the facts of sessions that nobody holds. The caller holds the lock.
func (a *Account) stranded() (all []*schemas.SessionOpened, err error) {
	if len(a.resources) > 0 {
		return nil, nil
	}
	facts, err := a.all(schemas.Family_SESSION_FACTS)
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		if s, ok := f.(*schemas.SessionOpened); ok {
			all = append(all, s)
		}
	}
	return all, nil
}

// unresume states the sessions of an account without what they could be resumed by. The next start gives them a window, at
// whose end everybody who saw them hears that they are gone. The receipt is nil if there are none.
func (r *Router) unresume(bare string) (*eventlog.Receipt, error) {
	addr := split([]byte(bare))
	if !r.Ours(addr.Domain()) {
		return nil, nil
	}
	a, err := r.locked(addr)
	if errors.Is(err, accounts.ErrNoAccount) || isUnopened(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	sessions, err := a.stranded()
	if err != nil {
		return nil, err
	}
	var facts []eventlog.Fact
	for _, s := range sessions {
		if len(s.GetResumeHash()) > 0 {
			s.ResumeHash, s.ResumeSeconds = nil, 0
			facts = append(facts, eventlog.Set(entitySession+s.GetResource(), s))
		}
	}
	if len(facts) == 0 {
		return nil, nil
	}
	return a.write(schemas.Cause_STAFF, facts...), nil
}
