package node

import (
	"context"
	"errors"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/sasl"
)

// registrar changes accounts for their owners. It implements features.Registrar.
type registrar struct{ *Node }

func (n *Node) registrar() registrar { return registrar{n} }

func (r registrar) Local(bare string) (bool, error) {
	domain, localpart := parts(bare)
	account, err := r.Accounts.Find(domain, localpart)
	return err == nil && account.Local(), err
}

// SetPassword writes the new keys down before it says so.
func (r registrar) SetPassword(ctx context.Context, bare, password string) error {
	domain, localpart := parts(bare)
	account, err := r.Accounts.Find(domain, localpart)
	if err != nil {
		return err
	}
	verifiers, err := sasl.NewVerifiers(password, sasl.DefaultIterations)
	if errors.Is(err, sasl.ErrPassword) {
		return features.NotAcceptable("this text cannot be a password")
	}
	if err != nil {
		return err
	}
	return r.Accounts.SetVerifiers(ctx, schemas.Cause_CLIENT, account, verifiers)
}

func (r registrar) Erase(ctx context.Context, bare string) error {
	domain, localpart := parts(bare)
	if _, err := r.rights.Erase(ctx, themselves, domain, localpart); err != nil {
		return err
	}
	return r.awaitOrders(ctx)
}

func (r registrar) Elsewhere(bare string) string {
	domain, _ := parts(bare)
	for _, d := range r.cfg.Domains {
		if d.Domain == domain {
			return d.PasswordPage
		}
	}
	return ""
}
