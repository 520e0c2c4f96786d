package state

import (
	"bytes"
	"encoding/binary"

	bolt "go.etcd.io/bbolt"

	"protokoll/schemas"
)

// eachRows is how many rows are read from a file at once, so that no transaction is open while the caller's function runs.
const eachRows = 512

// Each calls fn with the facts of one family of all owners until fn fails, in no particular order, each as it was at the call
// or later. fn may call the State.
func (s *State) Each(f schemas.Family, fn func(Fact) error) error {
	l, err := s.lane(f)
	if err != nil {
		return err
	}
	l.mu.RLock()
	above, inFile := l.family(uint16(f)), l.file != nil
	l.mu.RUnlock()
	if inFile {
		if err := l.eachStored(uint16(f), above, fn); err != nil {
			return err
		}
	}
	for g, r := range above.groups {
		for _, row := range r.list {
			if row.value == nil {
				continue
			}
			if err := fn(decodeValue(l.id, g, row.entity, row.value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// family copies what the layers say about one family. The caller holds mu.
func (l *lane) family(family uint16) *layer {
	all := newLayer()
	for _, from := range [...]*layer{l.writing, l.pending} {
		if from == nil {
			continue
		}
		for g, r := range from.groups {
			if g.family != family {
				continue
			}
			for _, row := range r.list {
				all.put(g, row.entity, row.value)
			}
		}
	}
	return all
}

// eachStored calls fn with the rows of the file that the layers did not cover.
func (l *lane) eachStored(family uint16, above *layer, fn func(Fact) error) error {
	next := binary.BigEndian.AppendUint16(nil, family)
	for next != nil {
		var batch []stored
		var err error
		if batch, next, err = l.batch(next); err != nil {
			return l.read(err)
		}
		for _, s := range batch {
			g, entity := splitKey(s.key[:])
			if _, covered := above.get(g, entity); covered {
				continue
			}
			if err := fn(decodeValue(l.id, g, entity, s.value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// batch copies up to eachRows rows of one family from a key on. next is where to go on, nil at the end.
func (l *lane) batch(from []byte) (all []stored, next []byte, err error) {
	l.mu.RLock()
	tx, err := l.file.begin()
	l.mu.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	defer tx.Rollback()
	err = guard(func() error {
		all, next, err = readBatch(tx, from)
		return err
	})
	return all, next, err
}

func readBatch(tx *bolt.Tx, from []byte) (all []stored, next []byte, err error) {
	c := tx.Bucket(bucketFacts).Cursor()
	for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, from[:2]); k, v = c.Next() {
		if len(k) != keySize || checkValue((*[keySize]byte)(k), v) != nil {
			return nil, nil, errDamaged
		}
		if len(all) == eachRows {
			return all, bytes.Clone(k), nil
		}
		all = append(all, stored{[keySize]byte(k), bytes.Clone(v)})
	}
	return all, nil, nil
}
