package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"protokoll/accounts"
	"protokoll/directory"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

// authenticator decides who may log in: by the verifiers of a local account, or by a bind at the domain's directory.
type authenticator struct {
	accounts    *accounts.Registry
	directories map[string]*directory.LDAP // by domain; nil for a domain with local accounts only
	devices     map[string]bool            // domains with a directory that offer SCRAM, for device passwords
	secret      []byte                     // of package sasl
	logger      *slog.Logger
}

// Mechanisms is a property of the domain, because clients choose before anybody knows the name. DESIGN §9 “Signing in”.
func (a *authenticator) Mechanisms(domain string) []string {
	ldap, ours := a.directories[domain]
	if !ours {
		return nil
	}
	return sasl.Mechanisms(ldap == nil || a.devices[domain], true)
}

// What is said to who may not sign in, after the right password.
var (
	errClosing = &sasl.Disabled{
		English: "This account is being erased.",
		German:  "Dieses Konto wird gelöscht.",
	}
	errRestricted = &sasl.Disabled{
		English: "The processing of this account's data is restricted (GDPR Art. 18). Nobody can sign in until that is lifted.",
		German:  "Die Verarbeitung der Daten dieses Kontos ist eingeschränkt (Art. 18 DSGVO). Bis das aufgehoben wird, kann sich niemand anmelden.",
	}
	errKeptFree = &sasl.Disabled{
		English: "This address belonged to an account that was erased and is kept free for a while. Ask whoever runs this server.",
		German:  "Diese Adresse gehörte zu einem gelöschten Konto und wird eine Zeit lang freigehalten. Fragen Sie die Betreiber.",
	}
)

// admitted tells whether the owner of an account may sign in.
func admitted(account accounts.Account) error {
	switch {
	case !account.Closing.IsZero():
		return errClosing
	case !account.Restricted.IsZero():
		return errRestricted
	}
	return nil
}

// Verifier returns a local account's stored keys, and with them an error if its owner may not sign in.
func (a *authenticator) Verifier(_ context.Context, domain, localpart string, h sasl.Hash) (sasl.Verifier, error) {
	account, err := a.accounts.Find(domain, localpart)
	if errors.Is(err, accounts.ErrNoAccount) {
		return sasl.Verifier{}, sasl.ErrNoAccount
	} else if err != nil {
		return sasl.Verifier{}, err
	}
	verifiers, err := a.accounts.Verifiers(account)
	if err != nil {
		return sasl.Verifier{}, err
	}
	for _, v := range verifiers {
		if v.Hash == h {
			return v, admitted(account)
		}
	}
	return a.deviceVerifier(account, h)
}

// anyVerifier returns keys that a password in clear can be checked with: accounts from another server may not have those of
// every hash.
func (a *authenticator) anyVerifier(ctx context.Context, domain, localpart string) (v sasl.Verifier, err error) {
	account, err := a.accounts.Find(domain, localpart)
	if errors.Is(err, accounts.ErrNoAccount) || err == nil && !account.Local() {
		return v, sasl.ErrNoAccount
	} else if err != nil {
		return v, err
	}
	for _, h := range sasl.Hashes() {
		if v, err = a.Verifier(ctx, domain, localpart, h); !errors.Is(err, sasl.ErrNoAccount) {
			break
		}
	}
	return v, err
}

// Password checks a password that came by PLAIN. It is not kept.
func (a *authenticator) Password(ctx context.Context, domain, localpart, password string) (key string, err error) {
	floor := time.Now().Add(directory.DefaultRefusalFloor)
	v, err := a.anyVerifier(ctx, domain, localpart)
	switch {
	case (err == nil || errors.Is(err, sasl.ErrDisabled)) && v.CheckPassword(password):
		return "", err
	case err == nil, errors.Is(err, sasl.ErrDisabled):
		return "", a.wrongLocal(ctx, domain, floor)
	case !errors.Is(err, sasl.ErrNoAccount):
		return "", err
	}
	ldap := a.directories[domain]
	if ldap == nil {
		return "", sasl.ErrNoAccount
	}
	if accounts.IsDevicePassword(password) {
		if key, err = a.devicePassword(domain, localpart, password); errors.Is(err, sasl.ErrNotAuthorized) {
			err = a.wrongLocal(ctx, domain, floor)
		}
		return key, err
	}
	return "", a.askDirectory(ctx, ldap, domain, localpart, password)
}

// askDirectory checks a password by a bind, and ties the entry to its account.
func (a *authenticator) askDirectory(ctx context.Context, ldap *directory.LDAP, domain, localpart, password string) error {
	entry, err := ldap.Authenticate(ctx, localpart, password)
	if err != nil {
		return refusal(err)
	}
	if entry.Localpart != localpart { // the stream goes on as localpart: nobody else's password may open it
		return sasl.ErrNotAuthorized
	}
	account, err := a.bind(ctx, domain, entry)
	if err != nil {
		return err
	}
	return admitted(account)
}

// refusal turns a directory's answer into what SASL may say. Locked and wrong look the same from outside.
func refusal(err error) error {
	if errors.Is(err, directory.ErrUnavailable) || errors.Is(err, directory.ErrClosed) {
		return sasl.ErrTemporary
	}
	return sasl.ErrNotAuthorized
}

// wrongLocal refuses a local account's password. On a domain with a directory that takes until floor, as long as the
// directory's own refusals, so that the time does not tell which accounts are local.
func (a *authenticator) wrongLocal(ctx context.Context, domain string, floor time.Time) error {
	if a.directories[domain] != nil {
		select {
		case <-time.After(time.Until(floor)):
		case <-ctx.Done():
		}
	}
	return sasl.ErrNotAuthorized
}

// bind ties a directory entry to its account, opening it at the first sign-in. A namesake never inherits: another entry id
// than the owner's is refused. DESIGN §10.
func (a *authenticator) bind(ctx context.Context, domain string, entry directory.Entry) (accounts.Account, error) {
	account, err := a.accounts.Find(domain, entry.Localpart)
	switch {
	case errors.Is(err, accounts.ErrNoAccount):
		return a.open(ctx, domain, entry)
	case err != nil:
		return accounts.Account{}, err
	case account.DirectoryID != entry.ID:
		a.logger.Warn("sign-in refused: the address belongs to another directory entry's account", "owner", account.Owner.ID())
		return accounts.Account{}, sasl.ErrNotAuthorized
	}
	return account, nil
}

func (a *authenticator) open(ctx context.Context, domain string, entry directory.Entry) (accounts.Account, error) {
	n := accounts.NewAccount{Localpart: entry.Localpart, Domain: domain, DirectoryID: entry.ID}
	err := a.accounts.Open(ctx, schemas.Cause_DIRECTORY, n)
	switch {
	case errors.Is(err, accounts.ErrExists):
		return a.existing(domain, entry)
	case errors.Is(err, accounts.ErrReserved):
		a.logger.Warn("sign-in refused: the address is kept free after an erasure, and this is another directory entry")
		return accounts.Account{}, errKeptFree
	case err != nil:
		return accounts.Account{}, fmt.Errorf("open a directory person's account: %w", err)
	}
	return a.accounts.Find(domain, entry.Localpart)
}

// existing sorts out an account that could not be opened: a parallel sign-in was faster, or the entry has an account under
// its former address.
func (a *authenticator) existing(domain string, entry directory.Entry) (accounts.Account, error) {
	account, err := a.accounts.Find(domain, entry.Localpart)
	if err == nil && account.DirectoryID == entry.ID {
		return account, nil
	}
	if former, err := a.accounts.FindByDirectory(domain, entry.ID); err == nil {
		a.logger.Warn("sign-in refused: the directory entry has another address than its account", "owner", former.Owner.ID())
	}
	return accounts.Account{}, sasl.ErrNotAuthorized
}

// Resolve finds an account, opening that of a directory person who never signed in, so that others can write to them.
// It returns accounts.ErrNoAccount if there is nobody.
func (a *authenticator) Resolve(ctx context.Context, domain, localpart string) (accounts.Account, error) {
	account, err := a.accounts.Find(domain, localpart)
	ldap := a.directories[domain]
	if !errors.Is(err, accounts.ErrNoAccount) || ldap == nil {
		return account, err
	}
	// Who was erased begins anew by signing in, not because somebody writes to them.
	if until, err := a.accounts.Reserved(domain, localpart); err != nil {
		return accounts.Account{}, err
	} else if !until.IsZero() {
		return accounts.Account{}, accounts.ErrNoAccount
	}
	entry, err := ldap.Lookup(ctx, localpart)
	switch {
	case errors.Is(err, directory.ErrUnavailable):
		return accounts.Account{}, fmt.Errorf("look for a directory person: %w", err)
	case err != nil || entry.Localpart != localpart:
		return accounts.Account{}, accounts.ErrNoAccount
	}
	account, err = a.bind(ctx, domain, entry)
	if errors.Is(err, sasl.ErrNotAuthorized) || errors.Is(err, sasl.ErrDisabled) {
		return accounts.Account{}, accounts.ErrNoAccount
	}
	return account, err
}
