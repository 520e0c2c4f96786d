package roster

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
)

// Version names a state of a roster: the sum of the hashes of its listed items modulo 2^128. It does not depend on the
// order of changes, costs the same for any size, and a client that holds one learns nothing from it. RFC 6121 §2.6.1
type Version struct{ high, low uint64 }

// String is the value of the ver attribute. It is never empty, which would mean that the client has nothing yet.
func (v Version) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], v.high)
	binary.BigEndian.PutUint64(b[8:], v.low)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (v Version) add(w Version) Version {
	low, carry := bits.Add64(v.low, w.low, 0)
	high, _ := bits.Add64(v.high, w.high, carry)
	return Version{high, low}
}

func (v Version) subtract(w Version) Version {
	low, borrow := bits.Sub64(v.low, w.low, 0)
	high, _ := bits.Sub64(v.high, w.high, borrow)
	return Version{high, low}
}

// Hasher computes versions under one owner's key, so that nobody can make two rosters with one version.
type Hasher struct{ key []byte }

// NewHasher returns a Hasher. The key must be the owner's own and stay the same over restarts.
func NewHasher(key []byte) Hasher { return Hasher{key} }

// Of returns the version of a whole roster.
func (h Hasher) Of(items ...Item) Version {
	var v Version
	for _, i := range items {
		v = h.Change(v, Item{}, i)
	}
	return v
}

// Change returns the version of a roster after one item of it changed. Use Item{} for an item that was or is not there.
func (h Hasher) Change(v Version, before, after Item) Version {
	if before.Listed {
		v = v.subtract(h.item(before))
	}
	if after.Listed {
		v = v.add(h.item(after))
	}
	return v
}

// item hashes what clients see of an item: its XML, which says each thing in one way.
func (h Hasher) item(i Item) Version {
	var room [512]byte
	mac := hmac.New(sha256.New, h.key)
	mac.Write(AppendItem(room[:0], i))
	sum := mac.Sum(room[:0])
	return Version{binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])}
}
