package schemas

import (
	"crypto/rand"
	"encoding/hex"
)

// OwnerID names whose fact an event is: an account, a room or the server itself. 128 random bits, never derived from a
// name, so that an envelope says nothing about who it is.
type OwnerID [16]byte

// EntityID names which fact of its owner an event is about: an HMAC under the owner's key, so that without the key two
// owners' facts about the same contact cannot be linked.
type EntityID [16]byte

// Handle is how an account or room is found: an HMAC of (kind, domain, address or directory id) under the index key.
type Handle [16]byte

// NewOwnerID returns a fresh random id.
func NewOwnerID() OwnerID {
	var id OwnerID
	rand.Read(id[:]) // never fails: crypto/rand crashes the program instead
	return id
}

// String is the id in hex, fit for logs: it is random.
func (id OwnerID) String() string { return hex.EncodeToString(id[:]) }
