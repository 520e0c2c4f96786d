package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"protokoll/schemas"
)

// The table's layout: a header, records of sessions, marks of letters. Everything is 64 bytes, so that no field lies across
// two pages.
const (
	tableVersion = 2
	cell         = 64
	maxRecords   = 1 << 17
	maxMarks     = 1 << 20
	marksAt      = (1 + maxRecords) * cell
	tableSize    = marksAt + maxMarks*cell

	// The header.
	headVersion = 0
	headRecords = 4 // the highest number of a record that was ever used; scans end there
	headMarks   = 8
	headBoot    = 16

	// A record.
	recordState   = 0 // written last
	recordIn      = 4
	recordOut     = 8
	recordAcked   = 12
	recordHash    = 16
	recordSession = 48

	// A mark.
	markState    = 0 // written last
	markOutbound = 4
	markRecord   = 8
	markOwner    = 16
	markEntity   = 32
)

// States of records and marks.
const (
	unused = 0
	used   = 1
	taken  = 2 // of a mark: the client has the letter, whose end is on its way to the disk
)

// Table is the file of counters that outlives the process. See the package comment.
type Table struct {
	data   []byte
	closed atomic.Bool

	mu      sync.Mutex
	records numbers
	marks   numbers
	kept    map[[32]byte]counters // of before the restart, by the hash of the resume id
	letters map[int][]letterMark  // of before the restart, by record
	ended   []letterMark          // of before the restart: taken
}

// numbers hands out the cells of one kind.
type numbers struct {
	free []int
	next int // the lowest that was never used
}

// counters are what a record held when the table was opened.
type counters struct {
	number         int // of the record
	in, out, acked uint32
}

// letterMark says that a letter was sent to a session under a number.
type letterMark struct {
	number   int
	outbound uint32
	owner    schemas.OwnerID
	entity   schemas.EntityID
}

// openTable maps the table at path, and makes it if there is none. What it held before a restart of the machine is void:
// pages that were never written back may be old.
func openTable(path string) (*Table, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the table of sessions: %w", pathless(err))
	}
	defer f.Close()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("read the boot id: %w", pathless(err))
	}
	var head [cell]byte
	binary.LittleEndian.PutUint32(head[headVersion:], tableVersion)
	copy(head[headBoot:], strings.TrimSpace(string(boot)))
	if err := prepare(f, head); err != nil {
		return nil, fmt.Errorf("prepare the table of sessions: %w", pathless(err))
	}
	data, err := unix.Mmap(int(f.Fd()), 0, tableSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the table of sessions: %w", err)
	}
	t := &Table{data: data, kept: map[[32]byte]counters{}, letters: map[int][]letterMark{}}
	t.collect()
	return t, nil
}

// prepare empties a table that is not of this version and this boot. A new one is all holes.
func prepare(f *os.File, head [cell]byte) error {
	var was [cell]byte
	if n, err := f.ReadAt(was[:], 0); n == cell && err == nil && string(was[:headRecords]) == string(head[:headRecords]) &&
		string(was[headBoot:]) == string(head[headBoot:]) {
		return f.Truncate(tableSize)
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.WriteAt(head[:], 0); err != nil {
		return err
	}
	return f.Truncate(tableSize)
}

// pathless drops what else an error of package os says.
func pathless(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (t *Table) load(at int) uint32     { return atomic.LoadUint32(t.word(at)) }
func (t *Table) store(at int, v uint32) { atomic.StoreUint32(t.word(at), v) }

// word is four bytes that are written at once, so that a kill leaves the old or the new value. The mapping begins at a page
// and at is a multiple of four.
func (t *Table) word(at int) *uint32 { return (*uint32)(unsafe.Pointer(&t.data[at])) }

func recordAt(n int) int { return (1 + n) * cell }
func markAt(n int) int   { return marksAt + n*cell }

// collect reads what sessions of before the restart left. Everything stays where it is until it is taken over or discarded,
// so that a kill during the start loses nothing.
func (t *Table) collect() {
	t.records.next = min(int(t.load(headRecords)), maxRecords)
	for n := range t.records.next {
		at := recordAt(n)
		if t.load(at+recordState) != used {
			t.records.free = append(t.records.free, n)
			continue
		}
		t.kept[[32]byte(t.data[at+recordHash:])] = counters{n, t.load(at + recordIn), t.load(at + recordOut), t.load(at + recordAcked)}
	}
	t.marks.next = min(int(t.load(headMarks)), maxMarks)
	for n := range t.marks.next {
		at := markAt(n)
		m := letterMark{n, t.load(at + markOutbound), schemas.OwnerID(t.data[at+markOwner:]), schemas.EntityID(t.data[at+markEntity:])}
		switch record := int(t.load(at + markRecord)); t.load(at + markState) {
		case used:
			t.letters[record] = append(t.letters[record], m)
		case taken:
			t.ended = append(t.ended, m)
		default:
			t.marks.free = append(t.marks.free, n)
		}
	}
}

// get hands out a number below limit; head is where the highest one ever used is noted.
func (t *Table) get(n *numbers, limit, head int) (int, bool) {
	if last := len(n.free) - 1; last >= 0 {
		number := n.free[last]
		n.free = n.free[:last]
		return number, true
	}
	if n.next == limit {
		return 0, false
	}
	n.next++
	t.store(head, uint32(n.next)) // before the cell is used
	return n.next - 1, true
}

// Close ends writing, and hands what was written to the disk. The mapping stays until the process ends, because a session
// may be in the middle of a write.
func (t *Table) Close() error {
	if t == nil || t.closed.Swap(true) {
		return nil
	}
	if err := unix.Msync(t.data, unix.MS_SYNC); err != nil {
		return fmt.Errorf("write the table of sessions: %w", err)
	}
	return nil
}
