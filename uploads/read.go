package uploads

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"protokoll/schemas"
)

// Reader reads one file, at any place. It is used by one goroutine.
type Reader struct {
	file   *os.File
	sealer *sealer
	at     int64 // where the next byte is read
	chunk  int64 // the one that is open, -1 if none
	plain  []byte
	sealed []byte
}

// Read opens a file with what its event says. It returns ErrMissing if there is none, and ErrDamaged if it has another length.
func (s *Store) Read(o schemas.OwnerID, e schemas.EntityID, k Key, size int64) (*Reader, error) {
	f, err := os.Open(s.path(o, e))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	} else if err != nil {
		return nil, fmt.Errorf("open a file: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != SizeOnDisk(size) {
		err = ErrDamaged
	}
	r := &Reader{file: f, chunk: -1}
	if err == nil {
		r.sealer, err = newSealer(k, size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open a file: %w", err), f.Close())
	}
	return r, nil
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.sealer.size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	r.at = offset
	return offset, nil
}

// Read implements io.Reader. It returns ErrDamaged rather than a byte that was not put in.
func (r *Reader) Read(p []byte) (int, error) {
	if r.at >= r.sealer.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.load(r.at / ChunkSize); err != nil {
		return 0, err
	}
	n := copy(p, r.plain[r.at%ChunkSize:])
	r.at += int64(n)
	return n, nil
}

// load opens a chunk.
func (r *Reader) load(chunk int64) (err error) {
	if r.chunk == chunk {
		return nil
	}
	r.chunk = -1
	length := min(ChunkSize, r.sealer.size-chunk*ChunkSize)
	if r.sealed == nil {
		most := min(ChunkSize, r.sealer.size)
		r.sealed, r.plain = make([]byte, 0, most+overhead), make([]byte, 0, most)
	}
	r.sealed = r.sealed[:length+overhead]
	if _, err := r.file.ReadAt(r.sealed, chunk*sealedSize); err != nil {
		return fmt.Errorf("read a file: %w", err)
	}
	if r.plain, err = r.sealer.open(r.plain[:0], chunk, r.sealed); err != nil {
		return err
	}
	r.chunk = chunk
	return nil
}

// Close implements io.Closer. Content that was read does not stay in memory.
func (r *Reader) Close() error {
	clear(r.plain[:cap(r.plain)])
	if err := r.file.Close(); err != nil {
		return fmt.Errorf("close a file: %w", err)
	}
	return nil
}
