package blocks

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// chunk is how much is read from a block at once, in bytes.
const chunk = 256 << 10

// Opener opens the block file of an index. It returns an error that is os.ErrNotExist where there is none.
type Opener func(index int) (*os.File, error)

// Stream says which stream is read and how its blocks are opened.
type Stream struct {
	Name    string // keys the checksums
	Subject string // every record has it
	Open    Opener
}

// Reader walks the records of one stream. It is used by one goroutine.
type Reader struct {
	stream Stream
	next   uint64 // number that must come
	index  int
	file   *os.File
	check  *checker
	offset int64 // of buf[0] in the file
	buf    []byte
	used   int
	failed error
}

// NewReader starts at the block of that index, whose first record must have the number first.
func NewReader(s Stream, index int, first uint64) *Reader {
	return &Reader{stream: s, index: index, next: first}
}

// Next returns the next record, io.EOF behind the last one, and *Damage for one that is not right; after an error it
// returns the same for ever.
func (r *Reader) Next() (Record, error) {
	if r.failed != nil {
		return Record{}, r.failed
	}
	for {
		rec, tombstone, err := r.read()
		if err == io.EOF {
			err = r.advance()
			if err == nil {
				continue
			}
		}
		if err != nil {
			r.failed = err
			return Record{}, err
		}
		if !tombstone {
			r.next = rec.Number + 1
			return rec, nil
		}
	}
}

// advance goes to the next block file. It returns io.EOF when there is none.
func (r *Reader) advance() error {
	index := r.index
	if r.file != nil {
		index++
	}
	f, err := r.stream.Open(index)
	if errors.Is(err, os.ErrNotExist) {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("open block %d of %s: %w", index, r.stream.Name, err)
	}
	check, err := newChecker(r.stream.Name, r.stream.Subject, index)
	if err != nil {
		f.Close()
		return err
	}
	r.Close()
	r.file, r.index, r.check = f, index, check
	r.offset, r.buf, r.used = 0, r.buf[:0], 0
	return nil
}

func (r *Reader) read() (rec Record, tombstone bool, err error) {
	if r.file == nil {
		return rec, false, io.EOF
	}
	at := r.offset + int64(r.used)
	n, err := r.fill(headerSize)
	if err != nil {
		return rec, false, err
	}
	if n == 0 {
		return rec, false, io.EOF
	}
	if n < headerSize {
		return rec, false, r.damage(at, "torn record")
	}
	length, reason := size(r.buf[r.used:])
	if reason != "" {
		return rec, false, r.damage(at, reason)
	}
	if n, err = r.fill(length); err != nil {
		return rec, false, err
	}
	if n < length {
		return rec, false, r.damage(at, "torn record")
	}
	raw := r.buf[r.used : r.used+length]
	number, payload, tombstone, reason := r.check.check(raw)
	if reason == "" && !tombstone && number != r.next {
		reason = fmt.Sprintf("number %d stands there", number)
	}
	if reason != "" {
		return rec, false, r.damage(at, reason)
	}
	r.used += length
	return Record{
		Number: number, Payload: payload, Block: r.index, Offset: at, Size: int64(length), Checksum: [checksumSize]byte(raw[length-checksumSize:]),
	}, tombstone, nil
}

// fill sees to it that n unread bytes are in the buffer, or as many as the file still has, and returns how many there are.
func (r *Reader) fill(n int) (int, error) {
	have := len(r.buf) - r.used
	if have >= n {
		return have, nil
	}
	if n > chunk { // a length that nothing has checked yet: take no memory for what the file does not hold
		info, err := r.file.Stat()
		if err != nil {
			return 0, fmt.Errorf("measure block %d of %s: %w", r.index, r.stream.Name, err)
		}
		if left := info.Size() - r.offset - int64(r.used); left < int64(n) {
			return int(left), nil
		}
	}
	want := max(n, chunk)
	if cap(r.buf) < want {
		r.buf = append(make([]byte, 0, want), r.buf[r.used:]...)
	} else {
		r.buf = r.buf[:copy(r.buf[:have], r.buf[r.used:])]
	}
	r.offset += int64(r.used)
	r.used = 0
	for len(r.buf) < n {
		got, err := r.file.ReadAt(r.buf[len(r.buf):cap(r.buf)], r.offset+int64(len(r.buf)))
		r.buf = r.buf[:len(r.buf)+got]
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("read block %d of %s at byte %d: %w", r.index, r.stream.Name, r.offset, err)
		}
	}
	return len(r.buf) - r.used, nil
}

func (r *Reader) damage(at int64, reason string) error {
	return &Damage{File: r.file.Name(), Offset: at, Number: r.next, Reason: reason}
}

// Position is where the next record will be read: block index and offset.
func (r *Reader) Position() (index int, offset int64) { return r.index, r.offset + int64(r.used) }

// Close lets go of the open file. Reading on is allowed only through Next's stored error.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
