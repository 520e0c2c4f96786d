package ledger

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"protokoll/internal/durable"
)

// makeFolder makes a folder and those above it, durably.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return durable.SyncFolder(parent)
}

// createFile opens a file for writing. A new one is durable by name when this returns.
func createFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err := durable.SyncFolder(filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// zero makes a range of a file read as zeroes, and gives its room back where the file system can.
func zero(path string, offset, length int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil // forgotten already
	}
	if err != nil {
		return err
	}
	defer f.Close()
	// Written over first: a hole alone leaves the old bytes in a block that is free.
	if _, err := f.WriteAt(make([]byte, length), offset); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, offset, length)
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = nil
	}
	return err
}
