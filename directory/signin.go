package directory

import (
	"context"
	"errors"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// nobody is bound in place of a person who is not found, below the base DN.
const nobody = "cn=nobody,"

// Authenticate checks a password: it searches the person as the service account
// and binds with the DN found, on another connection. Errors: ErrWrongPassword,
// also for names that do not exist; ErrLocked, ErrExpired; ErrAmbiguous,
// ErrNoPrimary, ErrNoID, for which no password is right; ErrUnavailable, ErrClosed.
//
// It takes at most Config.SignInTimeout, and a refusal at least
// Config.RefusalFloor. The password is kept nowhere.
func (l *LDAP) Authenticate(ctx context.Context, localpart, password string) (Entry, error) {
	if err := acceptable(password); err != nil {
		return Entry{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SignInTimeout)
	defer cancel()
	floor := time.NewTimer(l.cfg.RefusalFloor)
	defer floor.Stop()
	entry, err := l.signIn(ctx, localpart, password)
	if err == nil || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed) {
		return entry, err
	}
	// Some directories hash for 50 ms when the name exists and answer in 0.2 ms
	// when it does not. The wait holds no connection.
	select {
	case <-floor.C:
	case <-ctx.Done():
	}
	return Entry{}, err
}

func (l *LDAP) signIn(ctx context.Context, localpart, password string) (Entry, error) {
	entry, oddity := l.find(ctx, localpart)
	if errors.Is(oddity, ErrUnavailable) || errors.Is(oddity, ErrClosed) {
		return Entry{}, oddity
	}
	dn := entry.dn
	if oddity != nil {
		dn = nobody + l.cfg.BaseDN
	}
	err := l.bindAny(ctx, dn, spellings(password))
	switch {
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrClosed):
		return Entry{}, err
	case errors.Is(oddity, ErrNoSuchEntry):
		return Entry{}, ErrWrongPassword
	case oddity != nil:
		l.health.odd(oddity)
		return Entry{}, oddity
	case err != nil:
		return Entry{}, err
	case entry.Locked:
		// A directory that marks the account but lets it bind.
		return Entry{}, ErrLocked
	}
	return entry, nil
}

// bindAny binds with the first spelling of the password that is right.
func (l *LDAP) bindAny(ctx context.Context, dn string, passwords []string) error {
	err := ErrWrongPassword
	for _, p := range passwords {
		if err = l.bind(ctx, dn, p); !errors.Is(err, ErrWrongPassword) {
			return err
		}
	}
	return err
}

func (l *LDAP) bind(ctx context.Context, dn, password string) error {
	// An empty name is an anonymous bind, whatever the password (RFC 4513 §5.1.2).
	if dn == "" || password == "" {
		return ErrWrongPassword
	}
	// Asked for on every bind: without it a locked account looks like a wrong password.
	controls := []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}
	var policy *ldap.ControlBeheraPasswordPolicy
	err := l.binds.run(ctx, l.cfg.OpTimeout, signInBudget, func(c *ldap.Conn) error {
		answer, err := c.SimpleBind(ldap.NewSimpleBindRequest(dn, password, controls))
		policy = policyOf(answer)
		return err
	})
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed) {
		return err
	}
	return bindError(err, policy)
}

func policyOf(answer *ldap.SimpleBindResult) *ldap.ControlBeheraPasswordPolicy {
	if answer == nil {
		return nil
	}
	control, _ := ldap.FindControl(answer.Controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy)
	return control
}
