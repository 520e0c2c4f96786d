package node

import (
	"context"
	"errors"
	"slices"

	"protokoll/accounts"
	"protokoll/xmpp/sasl"
	"protokoll/xmpp/stream"
)

// What sign-ins ask of the accounts beyond passwords: stream.Devices and stream.Upgrades. No directory is asked, so that who has a
// token signs in while it is away.

var (
	_ stream.Devices  = (*authenticator)(nil)
	_ stream.Upgrades = (*authenticator)(nil)
)

// saslSecret is the label of the secret of package sasl.
const saslSecret = "sasl"

// scramDomains are those with a directory that offer SCRAM.
func scramDomains(domains []Domain) map[string]bool {
	all := map[string]bool{}
	for _, d := range domains {
		all[d.Domain] = d.DevicePasswords
	}
	return all
}

// Redeem implements stream.Devices.
func (a *authenticator) Redeem(ctx context.Context, domain, localpart string, use stream.Redemption) (stream.Issued, error) {
	account, err := a.accounts.Find(domain, localpart)
	if errors.Is(err, accounts.ErrNoAccount) {
		return stream.Issued{}, sasl.ErrNotAuthorized
	} else if err != nil {
		return stream.Issued{}, err
	}
	issued, err := a.accounts.Redeem(ctx, account, accounts.Redemption{
		Agent: accounts.Agent(use.Agent), Mechanism: use.Mechanism, Count: use.Count, Invalidate: use.Invalidate,
		Wanted: use.Wanted, Try: use.Try,
	})
	switch {
	case errors.Is(err, accounts.ErrNoToken), errors.Is(err, accounts.ErrNoAccount):
		return stream.Issued{}, sasl.ErrNotAuthorized
	case errors.Is(err, accounts.ErrTokenExpired):
		return stream.Issued{}, sasl.ErrExpired
	case err != nil:
		return stream.Issued{}, err
	}
	return stream.Issued(issued), admitted(account)
}

// SignedIn implements stream.Devices.
func (a *authenticator) SignedIn(ctx context.Context, domain, localpart string, in stream.SignedIn) (stream.Issued, error) {
	account, err := a.accounts.Find(domain, localpart)
	if err != nil {
		return stream.Issued{}, err
	}
	issued, err := a.accounts.NoteDevice(ctx, account, accounts.Proved{Agent: accounts.Agent(in.Agent), Key: in.Key, Wanted: in.Wanted})
	return stream.Issued(issued), err
}

// Hashes implements stream.Upgrades: where every local account can be served by every mechanism. On a domain with a directory a
// client would be asked for keys of a password that is none of the server's.
func (a *authenticator) Hashes(domain string) []sasl.Hash {
	if ldap, ours := a.directories[domain]; !ours || ldap != nil {
		return nil
	}
	return []sasl.Hash{sasl.SHA512, sasl.SHA256}
}

// Lacks implements stream.Upgrades.
func (a *authenticator) Lacks(_ context.Context, domain, localpart string, h sasl.Hash) (bool, error) {
	account, err := a.accounts.Find(domain, localpart)
	if err != nil {
		return false, err
	}
	have, err := a.accounts.Verifiers(account)
	if err != nil || len(have) == 0 {
		return false, err
	}
	return !slices.ContainsFunc(have, func(v sasl.Verifier) bool { return v.Hash == h }), nil
}

// Add implements stream.Upgrades.
func (a *authenticator) Add(ctx context.Context, domain, localpart string, v sasl.Verifier) error {
	account, err := a.accounts.Find(domain, localpart)
	if err != nil {
		return err
	}
	return a.accounts.AddVerifier(ctx, account, v)
}

// deviceVerifier returns the keys of a directory account's device passwords. Its own are invented: nobody knows a password that
// belongs to them, and the salt is the one that a name without an account gets.
func (a *authenticator) deviceVerifier(account accounts.Account, h sasl.Hash) (sasl.Verifier, error) {
	if account.Local() {
		return sasl.Verifier{}, sasl.ErrNoAccount
	}
	keys, ok, err := a.accounts.DeviceVerifier(account, h)
	if err != nil {
		return sasl.Verifier{}, err
	}
	if !ok {
		return sasl.Verifier{}, sasl.ErrNoAccount
	}
	v := a.invented(account.Domain, account.Localpart, h)
	v.Salt, v.Iterations, v.Others = keys.Salt, keys.Iterations, keys.Others
	return v, admitted(account)
}

// invented is what a name without an account is asked to prove.
func (a *authenticator) invented(domain, localpart string, h sasl.Hash) sasl.Verifier {
	return sasl.Invented(a.secret, domain, localpart, h, sasl.DefaultIterations)
}

// devicePassword checks a text that looks like a device password. It never reaches a directory, where one that was revoked would count
// as a guess again and again.
func (a *authenticator) devicePassword(domain, localpart, password string) (key string, err error) {
	account, err := a.accounts.Find(domain, localpart)
	switch {
	case errors.Is(err, accounts.ErrNoAccount):
		return "", sasl.ErrNotAuthorized
	case err != nil:
		return "", err
	}
	key, err = a.accounts.CheckDevicePassword(account, password)
	switch {
	case errors.Is(err, accounts.ErrNoDevice):
		return "", sasl.ErrNotAuthorized
	case err != nil:
		return "", err
	}
	return key, admitted(account)
}
