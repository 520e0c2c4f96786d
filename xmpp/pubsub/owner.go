package pubsub

import (
	"errors"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Owner is an account whose nodes are read or changed, while its lock is held. The router's Facts are one.
type Owner interface {
	features.Facts
	// Bare returns the bare JID.
	Bare() string
	// Nodes returns the catalogue of the account's nodes. It is read only while the lock is held, and never changed.
	Nodes() (*Catalogue, error)
	// Audience lists the contacts who see the presence, without those that the owner blocks. It is not changed any more.
	Audience() ([]string, error)
	// Shows tells whether the bare JID is the owner's, or may see the owner's presence and is not blocked.
	Shows(bare string) bool
	// InGroup tells whether the owner has the bare JID in one of these groups of the roster.
	InGroup(bare string, groups []string) bool
	// Blocks tells whether the owner blocks an address.
	Blocks(jid string) bool
}

// Owners finds accounts and locks them. Implemented by the router. Both return ErrNoOwner where there is none.
type Owners interface {
	// Change decides under the lock of the account of a bare JID, and appends the facts that decide returns; none: a nil
	// receipt.
	Change(bare string, cause schemas.Cause, decide func(Owner) ([]eventlog.Fact, error)) (*eventlog.Receipt, error)
	// Read calls read under the lock.
	Read(bare string, read func(Owner) error) error
	// Hosted calls fn with each node that an account has on a service. It is called once, before anything is served.
	Hosted(fn func(owner string, hosted *schemas.NodeHosted)) error
}

// errFacts is returned when nodes are to be changed through facts that are no owner's.
var errFacts = errors.New("facts without an owner")

// OwnerOf returns the owner behind the facts that a handler's Change hands to its decide.
func OwnerOf(f features.Facts) (Owner, error) {
	if o, ok := f.(Owner); ok {
		return o, nil
	}
	return nil, errFacts
}
