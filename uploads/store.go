package uploads

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"protokoll/internal/durable"
	"protokoll/schemas"
)

var (
	// ErrDamaged is returned when a file does not hold what was put into it.
	ErrDamaged = errors.New("damaged file")
	// ErrMissing is returned for a file that is not there.
	ErrMissing = errors.New("no such file")
	// ErrSize is returned when a file gets more or less than was announced.
	ErrSize = errors.New("not as long as announced")
)

// Store is a folder of sealed files. Its methods may be used by many goroutines.
type Store struct{ dir string }

// aside is the folder of files that are not whole.
const aside = "new"

// Open takes a folder, makes it if it is missing, and removes what is not whole.
func Open(dir string) (*Store, error) {
	if err := os.RemoveAll(filepath.Join(dir, aside)); err != nil {
		return nil, fmt.Errorf("remove unfinished files: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, aside), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of files: %w", err)
	}
	return &Store{dir: dir}, errors.Join(durable.SyncFolder(dir), durable.SyncFolder(filepath.Dir(dir)))
}

func (s *Store) folder(o schemas.OwnerID) string { return filepath.Join(s.dir, o.String()) }

func (s *Store) path(o schemas.OwnerID, e schemas.EntityID) string {
	return filepath.Join(s.folder(o), hex.EncodeToString(e[:]))
}

// Remove unlinks a file. It is no error if it is gone.
func (s *Store) Remove(o schemas.OwnerID, e schemas.EntityID) error {
	err := os.Remove(s.path(o, e))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a file: %w", err)
	}
	if os.Remove(s.folder(o)) == nil { // the last one; a folder that holds files stays
		return durable.SyncFolder(s.dir)
	}
	if err := durable.SyncFolder(s.folder(o)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveOwner unlinks everything of an owner, and returns how many files there were.
func (s *Store) RemoveOwner(o schemas.OwnerID) (int, error) {
	files, err := os.ReadDir(s.folder(o))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		err = os.RemoveAll(s.folder(o))
	}
	if err != nil {
		return 0, fmt.Errorf("remove the files of an account: %w", err)
	}
	return len(files), durable.SyncFolder(s.dir)
}

// Has tells whether there is a file.
func (s *Store) Has(o schemas.OwnerID, e schemas.EntityID) bool {
	_, err := os.Stat(s.path(o, e))
	return err == nil
}

// Free returns how many bytes the disk has left.
func (s *Store) Free() (uint64, error) {
	var v unix.Statfs_t
	if err := unix.Statfs(s.dir, &v); err != nil {
		return 0, fmt.Errorf("ask for room on the disk: %w", err)
	}
	return v.Bavail * uint64(v.Bsize), nil
}

// Prune unlinks files that no event speaks of and that were not changed since before. live returns the entities of an owner's
// events. It returns how many it removed; what it cannot judge stays.
func (s *Store) Prune(before time.Time, live func(schemas.OwnerID) (map[schemas.EntityID]bool, error)) (removed int, err error) {
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("list the files: %w", err)
	}
	var errs []error
	for _, f := range folders {
		var o schemas.OwnerID
		if n, err := hex.Decode(o[:], hexOf(f.Name(), len(o))); err != nil || n != len(o) {
			continue // new/
		}
		n, err := s.pruneOwner(o, before, live)
		removed += n
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

func (s *Store) pruneOwner(o schemas.OwnerID, before time.Time, live func(schemas.OwnerID) (map[schemas.EntityID]bool, error)) (removed int, err error) {
	files, err := os.ReadDir(s.folder(o))
	if err != nil {
		return 0, fmt.Errorf("list the files of an account: %w", err)
	}
	known, err := live(o)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, f := range files {
		var e schemas.EntityID
		if n, err := hex.Decode(e[:], hexOf(f.Name(), len(e))); err == nil && n == len(e) && known[e] {
			continue
		}
		info, err := f.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue // gone, or its event is on its way
		}
		if err := os.Remove(filepath.Join(s.folder(o), f.Name())); err != nil {
			errs = append(errs, fmt.Errorf("remove a file that no event speaks of: %w", err))
			continue
		}
		removed++
	}
	_ = os.Remove(s.folder(o)) // fails where something is left, as it should
	return removed, errors.Join(errs...)
}

// hexOf returns a name that may be n bytes in hex, and nothing for others.
func hexOf(name string, n int) []byte {
	if len(name) != 2*n {
		return nil
	}
	return []byte(name)
}
