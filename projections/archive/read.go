package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"protokoll/eventlog"
	"protokoll/schemas"
)

func rankOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[16:]) }

// Range is a piece of an owner's archive.
type Range struct {
	After, Before uint64 // ranks, not themselves in it; Before 0: to the end
	Newest        bool   // begins at the end, in falling order
	Max           int    // rows
	Bytes         int    // of payloads; one row is given in any case
}

// Rows returns the rows of an owner in a range, and whether there are more of it.
func (x *Index) Rows(owner schemas.OwnerID, r Range) (rows []Row, more bool, err error) {
	if r.Before == 0 {
		r.Before = 1<<64 - 1
	}
	x.mu.RLock()
	m, err := x.merge(owner, r)
	x.mu.RUnlock()
	defer m.end()
	if err != nil {
		return nil, false, fmt.Errorf("read the archive: %w", err)
	}
	err = guard(func() error {
		size := 0
		for {
			key, value, err := m.next()
			if err != nil || key == nil {
				return err
			}
			if size += len(value); len(rows) == r.Max || size > r.Bytes && len(rows) > 0 {
				more = true
				return nil
			}
			row, err := decodeRow(key, value)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	})
	if err != nil {
		return nil, false, x.spoilt(err)
	}
	return rows, more, nil
}

// source is one file of a merge. It is opened when its turn comes.
type source struct {
	tx        *bolt.Tx
	low, high uint64
	cursor    *bolt.Cursor
	key, val  []byte
	begun     bool
}

// merge goes through the rows of an owner in all files in the order of ranks.
type merge struct {
	owner   schemas.OwnerID
	r       Range
	sources []*source // in the order in which they may begin
	last    uint64    // rank that was given last
	given   bool
}

// merge opens a transaction on every file that may hold rows of the range. The caller holds mu for reading.
func (x *Index) merge(owner schemas.OwnerID, r Range) (m *merge, err error) {
	m = &merge{owner: owner, r: r}
	for _, f := range x.files {
		if f.meta.rows == 0 || f.meta.high <= r.After || f.meta.low >= r.Before {
			continue
		}
		tx, err := f.db.Begin(false)
		if err != nil {
			return m, err
		}
		m.sources = append(m.sources, &source{tx: tx, low: f.meta.low, high: f.meta.high})
	}
	slices.SortFunc(m.sources, func(a, b *source) int {
		if r.Newest {
			return cmp.Compare(b.high, a.high)
		}
		return cmp.Compare(a.low, b.low)
	})
	return m, nil
}

func (m *merge) end() {
	for _, s := range m.sources {
		_ = s.tx.Rollback()
	}
}

// next returns the next row, nil at the end.
func (m *merge) next() (key, value []byte, err error) {
	for {
		best := m.best()
		if best == nil {
			return nil, nil, nil
		}
		key, value = best.key, best.val
		rank := rankOf(key)
		m.step(best)
		if m.given && rank == m.last {
			continue // moved: the same row from the segment before
		}
		m.last, m.given = rank, true
		return key, value, nil
	}
}

// best returns the source whose turn it is. One that can only hold later ranks is not touched yet.
func (m *merge) best() (best *source) {
	for _, s := range m.sources {
		if !s.begun {
			if best != nil && m.later(s, rankOf(best.key)) {
				return best
			}
			m.begin(s)
		}
		if s.key != nil && (best == nil || m.before(rankOf(s.key), rankOf(best.key))) {
			best = s
		}
	}
	return best
}

func (m *merge) before(a, b uint64) bool {
	if m.r.Newest {
		return a > b
	}
	return a < b
}

// later tells whether a source that was not begun can hold only what comes after a rank.
func (m *merge) later(s *source, rank uint64) bool {
	if m.r.Newest {
		return s.high < rank
	}
	return s.low > rank
}

func (m *merge) begin(s *source) {
	s.begun, s.cursor = true, s.tx.Bucket(bucketRows).Cursor()
	if !m.r.Newest {
		from := rowKey(m.owner, m.r.After+1)
		s.key, s.val = s.cursor.Seek(from[:])
		m.bound(s)
		return
	}
	upTo := rowKey(m.owner, m.r.Before)
	if k, _ := s.cursor.Seek(upTo[:]); k == nil {
		s.key, s.val = s.cursor.Last()
	} else {
		s.key, s.val = s.cursor.Prev()
	}
	m.bound(s)
}

func (m *merge) step(s *source) {
	if m.r.Newest {
		s.key, s.val = s.cursor.Prev()
	} else {
		s.key, s.val = s.cursor.Next()
	}
	m.bound(s)
}

// bound ends a source that has left the range.
func (m *merge) bound(s *source) {
	if s.key == nil {
		return
	}
	if len(s.key) != rowKeySize || !bytes.Equal(s.key[:16], m.owner[:]) || rankOf(s.key) <= m.r.After || rankOf(s.key) >= m.r.Before {
		s.key = nil
	}
}

// Find returns the rank of an owner's fact, and whether it is there.
func (x *Index) Find(owner schemas.OwnerID, entity schemas.EntityID) (rank uint64, ok bool, err error) {
	txs, err := x.begin()
	defer rollback(txs)
	if err != nil {
		return 0, false, fmt.Errorf("read the archive: %w", err)
	}
	err = guard(func() error {
		for _, tx := range txs {
			key := tx.Bucket(bucketIDs).Get(entity[:])
			switch {
			case key == nil:
			case len(key) != rowKeySize:
				return errDamaged
			case schemas.OwnerID(key[:16]) == owner:
				rank, ok = rankOf(key), true
				return nil
			}
		}
		return nil
	})
	return rank, ok, x.spoilt(err)
}

// Holds tells whether the row of a rank stands at exactly this number: whether the event there is still true.
func (x *Index) Holds(owner schemas.OwnerID, rank, number uint64) (ok bool, err error) {
	x.mu.RLock()
	var tx *bolt.Tx
	for _, f := range slices.Backward(x.files) {
		if f.first <= number {
			tx, err = f.db.Begin(false)
			break
		}
	}
	x.mu.RUnlock()
	if tx == nil || err != nil {
		return false, err
	}
	defer tx.Rollback()
	key := rowKey(owner, rank)
	err = guard(func() error {
		v := tx.Bucket(bucketRows).Get(key[:])
		if v != nil && len(v) < rowHead {
			return errDamaged
		}
		ok = v != nil && numberOf(v) == number
		return nil
	})
	return ok, x.spoilt(err)
}

// Part is what a segment holds that is still true.
type Part struct {
	Rows           uint64
	Oldest, Newest int64 // bounds of their times, milliseconds since 1970 UTC
}

// Part says what is still true of the segment that begins with a number.
func (x *Index) Part(first uint64) Part {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, f := range x.files {
		if f.first == first {
			return Part{f.meta.rows, f.meta.oldest, f.meta.newest}
		}
	}
	return Part{}
}

// Forget drops the file of a segment that is about to be dropped. It may be repeated, and is nothing for other lanes.
func (x *Index) Forget(ctx context.Context, l eventlog.Lane, first, last uint64) error {
	if l != eventlog.Archive {
		return nil
	}
	if err := x.Wait(ctx, eventlog.Position{Lane: l, Number: last}); err != nil {
		return err
	}
	x.committing.Lock()
	defer x.committing.Unlock()
	x.mu.Lock()
	var gone []*file
	x.files = slices.DeleteFunc(x.files, func(f *file) bool {
		if f.first != first {
			return false
		}
		gone = append(gone, f)
		return true
	})
	x.mu.Unlock()
	for _, f := range gone {
		if err := f.remove(); err != nil {
			return err
		}
	}
	return nil
}
