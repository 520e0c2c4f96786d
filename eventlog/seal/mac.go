package seal

import (
	"crypto/sha256"
	"encoding/binary"
)

const (
	macBlock = 64  // block size of SHA-256 in bytes
	macShort = 256 // messages up to this many bytes are hashed without touching the heap
)

// mac is HMAC-SHA-256 of msg. RFC 2104 §2. It stands here because crypto/hmac allocates five times per message, and rosters
// hash one per contact; a test compares the two.
func mac(key *[32]byte, msg []byte) [32]byte {
	var space [macBlock + macShort]byte
	inner := space[:macBlock]
	for i := range inner {
		inner[i] = 0x36
	}
	for i, b := range key {
		inner[i] ^= b
	}
	digest := sha256.Sum256(append(inner, msg...))
	var outer [macBlock + sha256.Size]byte
	for i := range outer[:macBlock] {
		outer[i] = 0x5c
	}
	for i, b := range key {
		outer[i] ^= b
	}
	copy(outer[macBlock:], digest[:])
	return sha256.Sum256(outer[:])
}

// appendPart appends a part with its length before it, so that parts cannot run into each other.
func appendPart[P ~[]byte | ~string](b []byte, part P) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
	return append(b, part...)
}
