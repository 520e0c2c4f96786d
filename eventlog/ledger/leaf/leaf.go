// Package leaf hashes events into leaves of the ledger's trees. It is the only thing that the ledger and its verifier share.
//
// It does not: know trees, files or what an event means.
package leaf

import "crypto/sha256"

// Hash is the hash of a leaf.
type Hash = [sha256.Size]byte

// prefix tells leaves from inner nodes. RFC 9162 §2.1.1
const prefix = 0x00

// voidText is what a void number's leaf is made of. It is shorter than any event's, which ends in 32 bytes of hash.
const voidText = "protokoll void number"

var void = sha256.Sum256(append([]byte{prefix}, voidText...))

// Void is the leaf of a number that holds no event and never will.
func Void() Hash { return void }

// Of is the leaf of an event: SHA-256 of 0x00, its envelope as stored, and the SHA-256 of its sealed payload, which may be
// empty. scratch is memory to work in, handed back for the next call.
func Of(scratch, envelope, sealed []byte) (h Hash, after []byte) {
	content := sha256.Sum256(sealed)
	scratch = append(scratch[:0], prefix)
	scratch = append(scratch, envelope...)
	scratch = append(scratch, content[:]...)
	return sha256.Sum256(scratch), scratch
}
