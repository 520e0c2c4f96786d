package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// errDamaged is returned when stored bytes are not what was stored.
var errDamaged = errors.New("damaged index of the archive")

const (
	// lockWait is how long to wait for another process to let go of a file.
	lockWait = time.Second
	// growth is by how much a file grows at least, in bytes.
	growth = 256 << 10
	// fillPercent leaves room in pages, because owners write in turns.
	fillPercent = 0.7
	// metaFormat is the version of the layout; another one is folded anew.
	metaFormat = 2
)

var (
	bucketRows   = []byte("rows")
	bucketIDs    = []byte("ids")
	bucketTotals = []byte("totals")
	bucketMeta   = []byte("meta")
	keyMeta      = []byte("folded")
)

// meta is what a file says about itself. Ranks and times are bounds: they do not shrink when rows are deleted.
type meta struct {
	number         uint64 // folded up to here
	rows           uint64
	oldest, newest int64  // times of its rows, milliseconds since 1970 UTC
	low, high      uint64 // ranks of its rows
}

const metaSize = 1 + 6*8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (m *meta) encode() []byte {
	b := []byte{metaFormat}
	for _, n := range [...]uint64{m.number, m.rows, uint64(m.oldest), uint64(m.newest), m.low, m.high} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeMeta(b []byte) (m meta, err error) {
	if len(b) != metaSize || b[0] != metaFormat || binary.BigEndian.Uint32(b[metaSize-4:]) != crc32.Checksum(b[:metaSize-4], castagnoli) {
		return m, errDamaged
	}
	at := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	return meta{at(0), at(1), int64(at(2)), int64(at(3)), at(4), at(5)}, nil
}

// holds notes a row.
func (m *meta) holds(rank uint64, at int64) {
	if m.low == 0 {
		m.low, m.oldest, m.newest = rank, at, at
	}
	m.low, m.high = min(m.low, rank), max(m.high, rank)
	m.oldest, m.newest = min(m.oldest, at), max(m.newest, at)
}

// file is the part of the index that belongs to one segment.
type file struct {
	first uint64 // of the segment
	path  string
	db    *bolt.DB
	meta  meta // as committed; guarded by the index's mu
}

// openFile opens a file, or makes it. It returns errDamaged if it does not hold what was stored.
func openFile(path string, first uint64) (*file, error) {
	f := &file{first: first, path: path}
	err := guard(func() (err error) {
		f.db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, FreelistType: bolt.FreelistMapType, NoStatistics: true})
		switch {
		case errors.Is(err, bolterrors.ErrTimeout), errors.Is(err, fs.ErrPermission):
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		f.db.AllocSize = growth
		return f.begin()
	})
	if err == nil {
		return f, nil
	}
	if f.db != nil {
		err = errors.Join(err, guard(f.db.Close))
	}
	return nil, fmt.Errorf("open an index of the archive: %w", err)
}

// begin reads what the file says about itself; a new one gets its buckets.
func (f *file) begin() error {
	fresh := false
	err := f.db.View(func(tx *bolt.Tx) (err error) {
		about := tx.Bucket(bucketMeta)
		if fresh = about == nil; fresh {
			return nil
		}
		if tx.Bucket(bucketRows) == nil || tx.Bucket(bucketIDs) == nil || tx.Bucket(bucketTotals) == nil {
			return errDamaged
		}
		f.meta, err = decodeMeta(about.Get(keyMeta))
		return err
	})
	if err != nil || !fresh {
		return err
	}
	return f.db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketRows, bucketIDs, bucketTotals, bucketMeta} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keyMeta, f.meta.encode())
	})
}

func (f *file) close() error {
	if err := guard(f.db.Close); err != nil {
		return fmt.Errorf("close an index of the archive: %w", err)
	}
	return nil
}

// remove closes the file, waiting for who reads it, and unlinks it.
func (f *file) remove() error {
	if err := f.close(); err != nil {
		return err
	}
	if err := os.Remove(f.path); err != nil {
		return fmt.Errorf("remove an index of the archive: %w", err)
	}
	return nil
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
