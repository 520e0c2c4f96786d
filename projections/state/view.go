package state

import (
	"bytes"

	bolt "go.etcd.io/bbolt"
)

// view is one group as the layers and the file show it. The caller holds the lane's mu while it makes and uses one, at least
// for reading; snapshot frees it of that.
type view struct {
	lane  *lane
	group group
}

func (l *lane) view(g group) view { return view{l, g} }

// get returns the encoded value of an entity, checked, or nil.
func (v view) get(entity [16]byte) ([]byte, error) {
	for _, layer := range [...]*layer{v.lane.pending, v.lane.writing} {
		if value, ok := layer.get(v.group, entity); ok {
			return value, nil
		}
	}
	if v.lane.file == nil {
		return nil, nil
	}
	return v.lane.file.get(v.group, entity)
}

// collect returns all rows of the group, in no particular order.
func (v view) collect() ([]row, error) {
	above, tx, err := v.snapshot()
	if err != nil {
		return nil, err
	}
	return above.collect(tx, v.group)
}

// snapshot takes what the layers say and opens a transaction on the file, nil if there is none. Both together stay
// consistent when the lock is given back: what is committed in between is in the layers too.
func (v view) snapshot() (above rowsAbove, tx *bolt.Tx, err error) {
	above = append(above, v.lane.pending.group(v.group)...)
	for _, r := range v.lane.writing.group(v.group) {
		if above.find(r.entity) < 0 {
			above = append(above, r)
		}
	}
	if v.lane.file != nil {
		tx, err = v.lane.file.begin()
	}
	return above, tx, err
}

// rowsAbove is what the layers say about a group.
type rowsAbove []row

func (a rowsAbove) find(entity [16]byte) int {
	for i := range a {
		if a[i].entity == entity {
			return i
		}
	}
	return -1
}

// collect adds what the file says and ends the transaction. Values from the file are copied.
func (a rowsAbove) collect(tx *bolt.Tx, g group) (all []row, err error) {
	if tx != nil {
		defer tx.Rollback()
		if all, err = a.scan(tx, g); err != nil {
			return nil, err
		}
	}
	for _, r := range a {
		if r.value != nil {
			all = append(all, r)
		}
	}
	return all, nil
}

// usualRows is the size of most rosters.
const usualRows = 32

// scan returns the rows of a group in the file that the layers do not cover.
func (a rowsAbove) scan(tx *bolt.Tx, g group) (found []row, err error) {
	covered := rows{list: a}
	if len(a) > manyRows {
		covered.index()
	}
	size := 0
	err = guard(func() error {
		prefix := g.key([16]byte{})
		c := tx.Bucket(bucketFacts).Cursor()
		for k, v := c.Seek(prefix[:]); k != nil && bytes.HasPrefix(k, prefix[:18]); k, v = c.Next() {
			if len(k) != keySize || checkValue((*[keySize]byte)(k), v) != nil {
				return errDamaged
			}
			if entity := [16]byte(k[18:]); len(a) == 0 || covered.find(entity) < 0 {
				if found == nil {
					found = make([]row, 0, usualRows)
				}
				found = append(found, row{entity, v})
				size += len(v)
			}
		}
		copied := make([]byte, 0, size)
		for i := range found {
			copied = append(copied, found[i].value...)
			found[i].value = copied[len(copied)-len(found[i].value) : len(copied) : len(copied)]
		}
		return nil
	})
	return found, err
}

func (f *file) begin() (tx *bolt.Tx, err error) { return f.db.Begin(false) }

// get returns a copy of the encoded value of an entity, checked, or nil.
func (f *file) get(g group, entity [16]byte) (value []byte, err error) {
	key := g.key(entity)
	tx, err := f.begin()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	err = guard(func() error {
		v := tx.Bucket(bucketFacts).Get(key[:])
		if v == nil {
			return nil
		}
		if err := checkValue(&key, v); err != nil {
			return err
		}
		value = bytes.Clone(v)
		return nil
	})
	return value, err
}
