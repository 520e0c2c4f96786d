package jetstream

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"protokoll/eventlog"
)

const (
	marksFile = "marks"
	markSlot  = 16 // number, checksum, padding
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// marks remembers each lane's durable mark after every sync, without syncing itself: after kill -9 it is exact, after a power
// cut it may be old. It is never ahead, so it can only turn a crash tail into damage that is named, never lose anything.
type marks struct{ f *os.File }

func openMarks(dir string) (*marks, error) {
	f, err := os.OpenFile(filepath.Join(dir, marksFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the marks: %w", err)
	}
	m := &marks{f}
	if err := m.takeRoom(); err != nil {
		f.Close()
		return nil, fmt.Errorf("open the marks: %w", err)
	}
	return m, nil
}

// takeRoom makes the file as long as it will ever be, so that a full disk cannot keep a mark out.
func (m *marks) takeRoom() error {
	info, err := m.f.Stat()
	if err != nil || info.Size() >= laneCount*markSlot {
		return err
	}
	_, err = m.f.WriteAt(make([]byte, laneCount*markSlot-info.Size()), info.Size())
	return err
}

func (m *marks) put(l eventlog.Lane, mark uint64) error {
	_, err := m.f.WriteAt(encodeMark(l, mark), int64(l)*markSlot)
	return err
}

func encodeMark(l eventlog.Lane, mark uint64) []byte {
	b := make([]byte, markSlot)
	binary.BigEndian.PutUint64(b, mark)
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli)^uint32(l))
	return b
}

// get returns 0 for a slot that is missing or torn: the marks in the records still hold.
func (m *marks) get(l eventlog.Lane) uint64 {
	b := make([]byte, markSlot)
	if n, _ := m.f.ReadAt(b, int64(l)*markSlot); n < markSlot {
		return 0
	}
	if binary.BigEndian.Uint32(b[8:]) != crc32.Checksum(b[:8], castagnoli)^uint32(l) {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
