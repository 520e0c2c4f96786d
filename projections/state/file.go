package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"protokoll/eventlog"
)

const (
	// mappedSize is how much address space a file is given at once, in bytes, because growing it waits for every reader.
	mappedSize = 1 << 30
	// growth is by how much a file grows at least, in bytes.
	growth = 256 << 10
	// lockWait is how long to wait for another process to let go of a file.
	lockWait = time.Second
	// fillPercent leaves little room in pages: keys come in random order but in large sorted batches.
	fillPercent = 0.7
)

var (
	bucketFacts = []byte("facts")
	bucketMeta  = []byte("meta")
	keyMeta     = []byte("folded")
)

// meta is what a file says about itself.
type meta struct {
	number uint64 // folded up to here
	events uint64 // how many it took
	count  uint64 // stored facts and handles
	sum    uint64 // of their checksums, modulo 2^64
}

// metaFormat is the version of the layout; another one is made anew.
const metaFormat = 1

const metaSize = 1 + 1 + 4*8 + 4

func (m meta) encode(l eventlog.Lane) []byte {
	b := []byte{metaFormat, byte(l)}
	for _, n := range [...]uint64{m.number, m.events, m.count, m.sum} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return binary.BigEndian.AppendUint32(b, crc(b))
}

func decodeMeta(l eventlog.Lane, b []byte) (m meta, err error) {
	if len(b) != metaSize || b[0] != metaFormat || b[1] != byte(l) || binary.BigEndian.Uint32(b[metaSize-4:]) != crc(b[:metaSize-4]) {
		return m, errDamaged
	}
	for i, n := range [...]*uint64{&m.number, &m.events, &m.count, &m.sum} {
		*n = binary.BigEndian.Uint64(b[2+8*i:])
	}
	return m, nil
}

// file is the durable part of a lane's facts.
type file struct {
	lane eventlog.Lane
	path string
	db   *bolt.DB
}

// openFile opens a lane's file and reads all of it once. It returns errDamaged if the file does not hold what was stored, and
// fs.ErrNotExist if there is none.
func openFile(path string, l eventlog.Lane) (f *file, m meta, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, m, err
	}
	f = &file{lane: l, path: path}
	err = guard(func() error {
		if err := f.open(); err != nil {
			return err
		}
		m, err = f.verify()
		return err
	})
	if err != nil && f.db != nil {
		err = errors.Join(err, guard(f.db.Close))
	}
	return f, m, err
}

// createFile makes an empty file in place of whatever lies there.
func createFile(path string, l eventlog.Lane) (*file, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the old state file: %w", err)
	}
	f := &file{lane: l, path: path}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("create a state file: %w", err)
	}
	err := f.db.Update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket(bucketFacts); err != nil {
			return err
		}
		b, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		return b.Put(keyMeta, meta{}.encode(l))
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create a state file: %w", err), f.db.Close())
	}
	return f, nil
}

func (f *file) open() (err error) {
	f.db, err = bolt.Open(f.path, 0o600, &bolt.Options{
		Timeout: lockWait, FreelistType: bolt.FreelistMapType, InitialMmapSize: mappedSize, NoStatistics: true,
	})
	switch {
	case err == nil:
		f.db.AllocSize = growth
		return nil
	case errors.Is(err, bolterrors.ErrTimeout), errors.Is(err, fs.ErrPermission):
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// guard runs what touches pages of a file. bbolt panics on pages that make no sense, and the kernel faults on pages beyond
// the file's end; both mean that the file is damaged.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	return fn()
}

// verify compares every stored value with its checksum, and all of them with what meta says. It returns
// schemas.ErrUnknownType for a fact that a newer program has folded.
func (f *file) verify() (m meta, err error) {
	err = f.db.View(func(tx *bolt.Tx) error {
		facts, about := tx.Bucket(bucketFacts), tx.Bucket(bucketMeta)
		if facts == nil || about == nil {
			return errDamaged
		}
		if m, err = decodeMeta(f.lane, about.Get(keyMeta)); err != nil {
			return err
		}
		var found meta
		c := facts.Cursor()
		var before []byte
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if len(k) != keySize || bytes.Compare(before, k) >= 0 || checkValue((*[keySize]byte)(k), v) != nil {
				return errDamaged
			}
			if err := understood(f.lane, k, v); err != nil {
				return err
			}
			before = k
			found.add(v)
		}
		if found.count != m.count || found.sum != m.sum {
			return errDamaged
		}
		return nil
	})
	return m, err
}

func (m *meta) add(v []byte) {
	m.count++
	m.sum += uint64(binary.BigEndian.Uint32(v))
}

func (m *meta) take(v []byte) {
	m.count--
	m.sum -= uint64(binary.BigEndian.Uint32(v))
}

// stored is a row with its key, as commit sorts them.
type stored struct {
	key   [keySize]byte
	value []byte
}

func (l *layer) rows() []stored {
	all := make([]stored, 0, l.count)
	for g, r := range l.groups {
		for i := range r.list {
			all = append(all, stored{g.key(r.list[i].entity), r.list[i].value})
		}
	}
	return all
}

func sortRows(all []stored) {
	slices.SortFunc(all, func(a, b stored) int { return bytes.Compare(a.key[:], b.key[:]) })
}

// commit writes a layer and the number it reaches in one synced transaction.
func (f *file) commit(l *layer, number, events uint64) error {
	all := l.rows()
	sortRows(all)
	return guard(func() error {
		return f.db.Update(func(tx *bolt.Tx) error {
			facts, about := tx.Bucket(bucketFacts), tx.Bucket(bucketMeta)
			m, err := decodeMeta(f.lane, about.Get(keyMeta))
			if err != nil {
				return err
			}
			m.number, m.events = number, events
			facts.FillPercent = fillPercent
			for i := range all {
				if err := put(facts, &m, &all[i]); err != nil {
					return err
				}
			}
			return about.Put(keyMeta, m.encode(f.lane))
		})
	})
}

func put(facts *bolt.Bucket, m *meta, s *stored) error {
	if old := facts.Get(s.key[:]); old != nil {
		if len(old) < valueHead {
			return errDamaged
		}
		m.take(old)
		if s.value == nil {
			return facts.Delete(s.key[:])
		}
	}
	if s.value == nil {
		return nil
	}
	m.add(s.value)
	return facts.Put(s.key[:], s.value)
}

// close lets go of the file.
func (f *file) close() error {
	if err := guard(f.db.Close); err != nil {
		return fmt.Errorf("close a state file: %w", err)
	}
	return nil
}
