package uploads

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"protokoll/internal/durable"
	"protokoll/schemas"
)

// Writer takes the content of one file. It is used by one goroutine, and ends with Commit or Abort.
type Writer struct {
	store  *Store
	file   *os.File
	key    Key
	sealer *sealer
	chunk  int64
	left   int64  // content that is still to come
	plain  []byte // content of the chunk that is not full yet
	sealed []byte
}

// Create begins a file of a size, in bytes, under a fresh key. Its room on the disk is taken at once where the disk can do that.
func (s *Store) Create(size int64) (*Writer, error) {
	f, err := os.CreateTemp(filepath.Join(s.dir, aside), "")
	if err != nil {
		return nil, fmt.Errorf("begin a file: %w", err)
	}
	w := &Writer{store: s, file: f, left: size, plain: make([]byte, 0, min(size, ChunkSize)), sealed: make([]byte, 0, min(size, ChunkSize)+overhead)}
	rand.Read(w.key[:]) // never fails
	if w.sealer, err = newSealer(w.key, size); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, SizeOnDisk(size))
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return nil, errors.Join(fmt.Errorf("take room for a file: %w", err), w.Abort())
	}
	return w, nil
}

// Key is the key of the file, for its event.
func (w *Writer) Key() Key { return w.key }

// Write implements io.Writer. It returns ErrSize for more than was announced, and takes nothing of it.
func (w *Writer) Write(p []byte) (n int, err error) {
	if int64(len(p)) > w.left {
		return 0, ErrSize
	}
	for len(p) > 0 {
		take := min(len(p), ChunkSize-len(w.plain))
		w.plain = append(w.plain, p[:take]...)
		p, n, w.left = p[take:], n+take, w.left-int64(take)
		if len(w.plain) == ChunkSize || w.left == 0 {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (w *Writer) flush() error {
	w.sealed = w.sealer.seal(w.sealed[:0], w.chunk, w.plain)
	if _, err := w.file.Write(w.sealed); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	clear(w.plain)
	w.chunk, w.plain = w.chunk+1, w.plain[:0]
	return nil
}

// Commit puts the file in its place and returns when it is on disk. It returns ErrSize if content is missing. After an error nothing
// of the file is left in place.
func (w *Writer) Commit(o schemas.OwnerID, e schemas.EntityID) error {
	if w.left != 0 {
		return errors.Join(ErrSize, w.Abort())
	}
	if err := w.commit(o, e); err != nil {
		return errors.Join(fmt.Errorf("store a file: %w", err), w.Abort())
	}
	return nil
}

func (w *Writer) commit(o schemas.OwnerID, e schemas.EntityID) error {
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	for range 2 { // once more if the last other file of the owner has just gone, and the folder with it
		if err := os.Mkdir(w.store.folder(o), 0o700); err == nil {
			if err := durable.SyncFolder(w.store.dir); err != nil {
				return err
			}
		} else if !errors.Is(err, os.ErrExist) {
			return err
		}
		err := os.Rename(w.file.Name(), w.store.path(o, e))
		if err == nil {
			return durable.SyncFolder(w.store.folder(o))
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.ErrNotExist
}

// Abort gives the file up. After Commit it does nothing.
func (w *Writer) Abort() error {
	errs := []error{w.file.Close(), os.Remove(w.file.Name())}
	for i, err := range errs {
		if errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrNotExist) {
			errs[i] = nil
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("give up a file: %w", err)
	}
	return nil
}
