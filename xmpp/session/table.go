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
)

const (
	recordSize    = 64
	tableRecords  = 1 << 17
	tableVersion  = 1
	recordUsed    = 1
	offsetState   = 0
	offsetIn      = 4
	offsetOut     = 8
	offsetAcked   = 12
	offsetHash    = 16
	offsetSession = 48
)

// Table is the file of counters that outlives the process. See the package comment.
type Table struct {
	data   []byte
	closed atomic.Bool

	mu sync.Mutex
	// Guarded by mu, but for records in use, each of which belongs to its session.
	free []int // numbers of records
	next int   // the first that was never used
	kept map[[32]byte]counters
}

// counters are what a record held when the table was opened.
type counters struct {
	number         int // of the record
	in, out, acked uint32
}

// record is one session's place in the table. nil records nothing.
type record struct {
	table  *Table
	number int
}

// openTable maps the table at path, and makes it if there is none. What it held before a restart of the machine is void:
// pages that were never written back may be old.
func openTable(path string) (*Table, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the table of sessions: %w", pathless(err))
	}
	defer f.Close()
	if err := f.Truncate((tableRecords + 1) * recordSize); err != nil {
		return nil, fmt.Errorf("size the table of sessions: %w", pathless(err))
	}
	data, err := unix.Mmap(int(f.Fd()), 0, (tableRecords+1)*recordSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the table of sessions: %w", err)
	}
	t := &Table{data: data, next: 1, kept: map[[32]byte]counters{}}
	t.begin()
	return t, nil
}

// pathless drops what else an error of package os says.
func pathless(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// begin takes over what is valid of the table. Records stay where they are until take or discard, so that a kill during
// the start loses nothing.
func (t *Table) begin() {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	header := append(binary.LittleEndian.AppendUint32(nil, tableVersion), strings.TrimSpace(string(boot))...)
	if err == nil && string(t.data[:len(header)]) == string(header) {
		t.collect()
		return
	}
	clear(t.data)
	copy(t.data, header)
}

func (t *Table) collect() {
	for n := 1; n <= tableRecords; n++ {
		b := t.data[n*recordSize : (n+1)*recordSize]
		if binary.LittleEndian.Uint32(b[offsetState:]) != recordUsed {
			continue
		}
		t.next = n + 1
		t.kept[[32]byte(b[offsetHash:offsetSession])] = counters{n, binary.LittleEndian.Uint32(b[offsetIn:]),
			binary.LittleEndian.Uint32(b[offsetOut:]), binary.LittleEndian.Uint32(b[offsetAcked:])}
	}
}

// take returns what a session's record held before the restart, and the record, once.
func (t *Table) take(hash [32]byte) (counters, *record, bool) {
	if t == nil {
		return counters{}, nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.kept[hash]
	delete(t.kept, hash)
	return c, &record{t, c.number}, ok
}

// discard frees the records that nobody took.
func (t *Table) discard() {
	if t == nil {
		return
	}
	t.mu.Lock()
	kept := t.kept
	t.kept = nil
	t.mu.Unlock()
	for _, c := range kept {
		(&record{t, c.number}).erase()
	}
}

// add makes a record; nil if the table is full.
func (t *Table) add(hash [32]byte, session [16]byte) *record {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.next
	if len(t.free) > 0 {
		n = t.free[len(t.free)-1]
		t.free = t.free[:len(t.free)-1]
	} else if n > tableRecords {
		return nil
	} else {
		t.next++
	}
	r := &record{t, n}
	b := t.data[n*recordSize : (n+1)*recordSize]
	clear(b)
	copy(b[offsetHash:], hash[:])
	copy(b[offsetSession:], session[:])
	r.store(offsetState, recordUsed)
	return r
}

// store writes four bytes at once, so that a kill leaves the old or the new value.
func (r *record) store(offset int, v uint32) {
	if r == nil || r.table.closed.Load() {
		return
	}
	// The mapping begins at a page, records at multiples of 64, offsets at multiples of 4.
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&r.table.data[r.number*recordSize+offset])), v)
}

func (r *record) received(h uint32)     { r.store(offsetIn, h) }
func (r *record) sent(n uint32)         { r.store(offsetOut, n) }
func (r *record) acknowledged(h uint32) { r.store(offsetAcked, h) }

// erase gives the record back.
func (r *record) erase() {
	if r == nil || r.table.closed.Load() {
		return
	}
	r.store(offsetState, 0)
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	clear(r.table.data[r.number*recordSize : (r.number+1)*recordSize])
	r.table.free = append(r.table.free, r.number)
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
