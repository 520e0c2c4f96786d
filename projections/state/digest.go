package state

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	bolt "go.etcd.io/bbolt"

	"protokoll/eventlog"
)

// Digest says what a state is, and where. Two states that folded the same log up to the same numbers have one SHA256.
type Digest struct {
	SHA256 [sha256.Size]byte
	Events uint64                   // how many events were folded
	Marks  map[eventlog.Lane]uint64 // the last number folded in each lane
}

// Events returns how many events were folded.
func (s *State) Events() (events uint64) {
	for _, l := range s.lanes {
		l.mu.RLock()
		events += l.events
		l.mu.RUnlock()
	}
	return events
}

// Digest hashes every fact and handle, lane by lane in the order of keys, each lane at one moment that Marks names.
func (s *State) Digest(ctx context.Context) (Digest, error) {
	d := Digest{Marks: map[eventlog.Lane]uint64{}}
	h := sha256.New()
	for _, id := range eventlog.Lanes {
		l, ok := s.lanes[id]
		if !ok {
			continue
		}
		number, events, err := l.digest(ctx, h)
		if err != nil {
			return Digest{}, l.read(err)
		}
		d.Marks[id] = number
		d.Events += events
	}
	h.Sum(d.SHA256[:0])
	return d, nil
}

func (l *lane) digest(ctx context.Context, h hash.Hash) (number, events uint64, err error) {
	l.mu.RLock()
	above := l.layers()
	var tx *bolt.Tx
	if l.file != nil {
		tx, err = l.file.begin()
	}
	number, events = l.number, l.events
	l.mu.RUnlock()
	if err != nil {
		return 0, 0, err
	}
	sortRows(above)
	head := binary.BigEndian.AppendUint64([]byte{byte(l.id)}, number)
	h.Write(head)
	if tx == nil {
		return number, events, hashRows(ctx, h, above, nil)
	}
	defer tx.Rollback()
	return number, events, guard(func() error { return hashRows(ctx, h, above, tx.Bucket(bucketFacts).Cursor()) })
}

// layers copies all that the layers say, in no order. The caller holds mu.
func (l *lane) layers() []stored {
	if l.writing == nil {
		return l.pending.rows()
	}
	both := newLayer()
	both.cover(l.writing)
	both.cover(l.pending)
	return both.rows()
}

// hashRows hashes the rows above and those below that they do not cover, merged in the order of keys.
func hashRows(ctx context.Context, h hash.Hash, above []stored, below *bolt.Cursor) error {
	var k, v []byte
	if below != nil {
		k, v = below.First()
	}
	for n := 0; len(above) > 0 || k != nil; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		order := -1
		if len(above) == 0 {
			order = 1
		} else if k != nil {
			order = bytes.Compare(above[0].key[:], k)
		}
		if order <= 0 {
			hashRow(h, above[0].key[:], above[0].value)
			above = above[1:]
		} else {
			if len(k) != keySize || checkValue((*[keySize]byte)(k), v) != nil {
				return errDamaged
			}
			hashRow(h, k, v)
		}
		if order >= 0 {
			k, v = below.Next()
		}
	}
	return nil
}

func hashRow(h hash.Hash, key, value []byte) {
	if value == nil {
		return
	}
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(value)))
	h.Write(key)
	h.Write(size[:])
	h.Write(value)
}

// String is the digest as it is compared and printed.
func (d Digest) String() string { return fmt.Sprintf("%x", d.SHA256) }
