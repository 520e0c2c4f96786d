package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
)

var (
	// ErrNoAccount is returned when no account has this address or directory id.
	ErrNoAccount = errors.New("no such account")
	// ErrExists is returned when the address or the directory id already belongs to an account.
	ErrExists = errors.New("the account exists already")
)

// The natural keys of the facts of family account, and the kinds of handles.
const (
	entityAccount     = "account"
	entityCredentials = "credentials"
	entityReserved    = "reserved:" // then the handle in hex; a fact of the server's own

	handleAddress   = "address"
	handleDirectory = "directory"
)

// Account is who owns facts, and under which address.
type Account struct {
	Owner       *seal.Owner
	Localpart   string // prepared by RFC 8265
	Domain      string
	DirectoryID string // entryUUID; empty for a local account

	Closing    time.Time // since when it is being erased: nobody signs in, nothing is accepted for it; zero: it is not
	Restricted time.Time // since when its processing is restricted: nobody signs in; zero: it is not
}

// Address is the account's bare JID.
func (a Account) Address() string { return a.Localpart + "@" + a.Domain }

// Local tells whether the account's password is checked here and not by a directory.
func (a Account) Local() bool { return a.DirectoryID == "" }

// State is what the registry reads of projections/state.
type State interface {
	OwnerByHandle(schemas.Handle) (schemas.OwnerID, bool, error)
	Get(schemas.OwnerID, schemas.Family, schemas.EntityID) (state.Fact, bool, error)
	Facts(schemas.OwnerID, schemas.Family) ([]state.Fact, error)
	Each(schemas.Family, func(state.Fact) error) error
	Wait(ctx context.Context, positions ...eventlog.Position) error
}

// Registry finds and opens accounts. Its methods may be used by many goroutines.
type Registry struct {
	log   eventlog.Log
	state State
	keys  *seal.Keybook
	Clock func() time.Time // until when an address is reserved, and a token lives
	// Tokens says how long tokens live; set before the first use.
	Tokens TokenLife

	// opening is held by one batch at a time, so that an address is not opened twice, and shared by those who change devices.
	opening sync.RWMutex
	shelves locks // below opening
}

// New returns the registry of the accounts that the log tells of.
func New(log eventlog.Log, s State, keys *seal.Keybook) *Registry {
	return &Registry{log: log, state: s, keys: keys, Clock: time.Now}
}

// Find returns the account with this address; both parts are prepared. It returns ErrNoAccount if there is none.
func (r *Registry) Find(domain, localpart string) (Account, error) {
	return r.byHandle(r.keys.Handle(handleAddress, domain, localpart))
}

// FindByDirectory returns the account of a directory entry. It returns ErrNoAccount if there is none.
func (r *Registry) FindByDirectory(domain, id string) (Account, error) {
	return r.byHandle(r.keys.Handle(handleDirectory, domain, id))
}

func (r *Registry) byHandle(h schemas.Handle) (Account, error) {
	id, ok, err := r.state.OwnerByHandle(h)
	if err != nil {
		return Account{}, fmt.Errorf("find an account: %w", err)
	}
	if !ok {
		return Account{}, ErrNoAccount
	}
	return r.ByOwner(id)
}

// ByOwner returns the account with this owner id. It returns ErrNoAccount if there is none.
func (r *Registry) ByOwner(id schemas.OwnerID) (Account, error) {
	owner, err := r.keys.Owner(id)
	if errors.Is(err, seal.ErrForgotten) {
		return Account{}, ErrNoAccount
	} else if err != nil {
		return Account{}, fmt.Errorf("find an account's key: %w", err)
	}
	facts, err := r.state.Facts(id, schemas.Family_ACCOUNT_FACTS)
	if err != nil {
		return Account{}, fmt.Errorf("read an account: %w", err)
	}
	return assemble(owner, facts)
}

// assemble makes an account of its facts.
func assemble(owner *seal.Owner, facts []state.Fact) (a Account, err error) {
	entity := owner.Entity(schemas.Family_ACCOUNT_FACTS, entityAccount)
	at := slices.IndexFunc(facts, func(f state.Fact) bool { return f.Entity == entity })
	if at < 0 {
		return Account{}, ErrNoAccount
	}
	if a, err = open(owner, facts[at]); err != nil {
		return Account{}, err
	}
	for _, f := range facts {
		a.note(f)
	}
	return a, nil
}

func open(owner *seal.Owner, f state.Fact) (Account, error) {
	m, err := eventlog.Open(owner, f.About, f.Sealed)
	if err != nil {
		return Account{}, fmt.Errorf("open an account: %w", err)
	}
	a, ok := m.(*schemas.AccountOpened)
	if !ok {
		return Account{}, fmt.Errorf("open an account: %w", schemas.ErrUnknownType)
	}
	return Account{Owner: owner, Localpart: a.GetLocalpart(), Domain: a.GetDomain(), DirectoryID: a.GetDirectoryId()}, nil
}

// List calls fn with every account, in no particular order, until fn fails.
func (r *Registry) List(fn func(Account) error) error {
	standings, err := r.standings()
	if err != nil {
		return err
	}
	return r.state.Each(schemas.Family_ACCOUNT_FACTS, func(f state.Fact) error {
		owner, err := r.keys.Owner(f.Owner)
		if errors.Is(err, seal.ErrForgotten) {
			return nil // erased: its last events go with their segments
		} else if err != nil {
			return fmt.Errorf("list accounts: %w", err)
		}
		if f.Entity != owner.Entity(schemas.Family_ACCOUNT_FACTS, entityAccount) {
			return nil
		}
		a, err := open(owner, f)
		if err != nil {
			return err
		}
		if s := standings[f.Owner]; s != nil {
			a.Closing, a.Restricted = s.Closing, s.Restricted
		}
		return fn(a)
	})
}
