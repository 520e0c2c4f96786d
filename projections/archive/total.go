package archive

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	bolt "go.etcd.io/bbolt"

	"protokoll/schemas"
)

// Total is how much there is of an owner.
type Total struct {
	Rows  uint64
	Bytes uint64 // of sealed payloads
}

// totalSize is the size of a stored total in bytes: rows, bytes, checksum.
const totalSize = 8 + 8 + 4

func (t Total) encode(owner schemas.OwnerID) []byte {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, totalSize), t.Rows), t.Bytes)
	return binary.BigEndian.AppendUint32(b, totalSum(owner, b))
}

func decodeTotal(owner schemas.OwnerID, b []byte) (t Total, err error) {
	switch {
	case b == nil:
		return Total{}, nil
	case len(b) != totalSize || binary.BigEndian.Uint32(b[16:]) != totalSum(owner, b):
		return Total{}, errDamaged
	}
	return Total{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, nil
}

func totalSum(owner schemas.OwnerID, b []byte) uint32 {
	return crc32.Update(crc32.Checksum(owner[:], castagnoli), castagnoli, b[:16])
}

// change is what is added to a total.
type change struct{ rows, bytes int64 }

// count changes the total of an owner in one file.
func count(tx *bolt.Tx, owner schemas.OwnerID, by change) error {
	totals := tx.Bucket(bucketTotals)
	t, err := decodeTotal(owner, totals.Get(owner[:]))
	if err != nil {
		return err
	}
	rows, bytes := int64(t.Rows)+by.rows, int64(t.Bytes)+by.bytes
	if rows < 0 || bytes < 0 {
		return errDamaged
	}
	if rows == 0 {
		return totals.Delete(owner[:])
	}
	return totals.Put(owner[:], Total{uint64(rows), uint64(bytes)}.encode(owner))
}

// Total returns how much there is of an owner, in the time that one look into every file takes. While a sweep moves rows, those
// that have two copies count twice: Excess does not.
func (x *Index) Total(owner schemas.OwnerID) (sum Total, err error) {
	txs, err := x.begin()
	defer rollback(txs)
	if err != nil {
		return sum, fmt.Errorf("read the archive: %w", err)
	}
	err = guard(func() error {
		for _, tx := range txs {
			t, err := decodeTotal(owner, tx.Bucket(bucketTotals).Get(owner[:]))
			if err != nil {
				return err
			}
			sum.Rows, sum.Bytes = sum.Rows+t.Rows, sum.Bytes+t.Bytes
		}
		return nil
	})
	return sum, x.spoilt(err)
}

// Excess returns the rank of an owner's newest row for which there is no room if the newest rows get all of it, and 0 if there is
// room for all. It goes through what fits: at the limit, not at every message.
func (x *Index) Excess(owner schemas.OwnerID, room Total) (rank uint64, err error) {
	x.mu.RLock()
	m, err := x.merge(owner, Range{Newest: true, Before: 1<<64 - 1})
	x.mu.RUnlock()
	defer m.end()
	if err != nil {
		return 0, fmt.Errorf("read the archive: %w", err)
	}
	err = guard(func() error {
		var sum Total
		for {
			key, value, err := m.next()
			if err != nil || key == nil {
				return err
			}
			if len(value) < rowHead {
				return errDamaged
			}
			sum.Rows, sum.Bytes = sum.Rows+1, sum.Bytes+uint64(len(value)-rowHead)
			if sum.Rows > room.Rows || sum.Bytes > room.Bytes {
				rank = rankOf(key)
				return nil
			}
		}
	})
	return rank, x.spoilt(err)
}

// begin opens a transaction on every file, the newest first. They are ended with rollback, also after an error.
func (x *Index) begin() (txs []*bolt.Tx, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, f := range slices.Backward(x.files) {
		tx, err := f.db.Begin(false)
		if err != nil {
			return txs, err
		}
		txs = append(txs, tx)
	}
	return txs, nil
}

func rollback(txs []*bolt.Tx) {
	for _, tx := range txs {
		_ = tx.Rollback() // of a transaction that only reads
	}
}
