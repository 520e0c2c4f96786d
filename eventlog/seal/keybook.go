package seal

import (
	"errors"
	"fmt"
	"sync"

	"protokoll/schemas"
)

var (
	// ErrMissing is returned when there is no keybook, or no root key for one, where there must be one.
	ErrMissing = errors.New("missing")
	// ErrDamaged is returned when neither copy of the keybook is whole.
	ErrDamaged = errors.New("damaged")
	// ErrExists is returned by Create when there is a keybook or a root key already.
	ErrExists = errors.New("exists already")
	// ErrForgotten is returned for an owner or segment without a key: it was forgotten, or never had one.
	ErrForgotten = errors.New("its key is forgotten")
	// ErrUnsure is returned when the root key could not be replaced: the next start finds out which generation is valid,
	// until then nothing can be added or forgotten.
	ErrUnsure = errors.New("the root key may have been replaced")
)

// serverID is the owner id of the server itself.
var serverID schemas.OwnerID

// ref names a key.
type ref struct {
	kind kind
	id   [16]byte
}

// Keybook keeps every key. It may be used by many goroutines. In memory a key takes less than 100 bytes; owners and segments
// are expanded anew at each call of Owner and Segment, so keep what they return.
type Keybook struct {
	disk   disk
	dir    string
	root   Root
	server *Owner
	index  [32]byte // key of handles
	alarms []error  // what OpenKeybook found

	queue   sync.Mutex
	waiting *batch // additions that the next commit takes; guarded by queue

	commits    sync.Mutex // one commit at a time; guards the following
	rootKey    [32]byte
	generation uint64 // newest that was begun
	stopped    error  // ErrUnsure, once it happened

	mu    sync.RWMutex // guards the following; taken after commits
	pages []*page      // by number; nil where a page was given up
	where map[ref]uint32
}

// Alarms returns what was found wrong and mended when the keybook was opened. Each error names a file.
func (k *Keybook) Alarms() []error { return k.alarms }

// Owner returns an owner's expanded key. It returns ErrForgotten when there is none.
func (k *Keybook) Owner(id schemas.OwnerID) (*Owner, error) {
	key, ok := k.find(ref{kindOwner, id})
	if !ok {
		return nil, fmt.Errorf("owner %s: %w", id, ErrForgotten)
	}
	return newOwner(id, &key)
}

// Segment returns a segment's expanded key. It returns ErrForgotten when there is none.
func (k *Keybook) Segment(id SegmentID) (*Segment, error) {
	key, ok := k.find(ref{kindSegment, id})
	if !ok {
		return nil, fmt.Errorf("segment %s: %w", id, ErrForgotten)
	}
	return newSegment(id, &key)
}

func (k *Keybook) find(r ref) (key [32]byte, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	number, ok := k.where[r]
	if !ok {
		return key, false
	}
	return *k.pages[number].find(&r.id), true
}

// Server returns the server's own owner. Its id is all zero and its key is never forgotten.
func (k *Keybook) Server() *Owner { return k.server }

// Handle hashes how an account or room is found (kind, domain, address or directory id) under the index key.
func (k *Keybook) Handle(kind, domain, value string) (h schemas.Handle) {
	var space [macShort]byte
	sum := mac(&k.index, appendPart(appendPart(appendPart(space[:0], kind), domain), value))
	copy(h[:], sum[:])
	return h
}

// Secret derives a secret of the server: the same for one label as long as the keybook lives, unrelated for another.
func (k *Keybook) Secret(label string) [32]byte {
	return k.server.MAC("server secret", []byte(label))
}
