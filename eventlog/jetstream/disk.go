package jetstream

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"protokoll/eventlog"
)

// syncFolder makes the names in a folder durable.
func (d disk) syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	defer f.Close()
	if err := d.sync(f); err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	return nil
}

// makeFolder makes a folder whose parent exists, durably.
func (d disk) makeFolder(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return d.syncFolder(filepath.Dir(dir))
}

// replace puts content under a name so that after a crash either the old or the new content stands there whole. After an
// error the old content stands, unless it is ErrUncertain.
func (d disk) replace(path string, content io.Reader) (err error) {
	aside := path + asideSuffix
	f, err := os.OpenFile(aside, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write aside: %w", err)
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = d.sync(f)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = d.rename(aside, path)
	}
	if err != nil {
		os.Remove(aside) // gives its room back; what it replaces still stands
		return fmt.Errorf("write aside: %w", err)
	}
	if err := d.syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w: %w", eventlog.ErrUncertain, err)
	}
	return nil
}

// asideSuffix ends the name of a file that is not whole yet. Left over from a crash it means nothing.
const asideSuffix = ".new"

// move renames a folder durably.
func (d disk) move(from, to string) error {
	if err := d.rename(from, to); err != nil {
		return err
	}
	return d.syncMove(from, to)
}

// syncMove makes a renaming durable.
func (d disk) syncMove(from, to string) error {
	if err := d.syncFolder(filepath.Dir(to)); err != nil {
		return err
	}
	return d.syncFolder(filepath.Dir(from))
}

// remove unlinks a folder with all it holds, durably.
func (d disk) remove(dir string) error {
	if err := d.unlink(dir); err != nil {
		return err
	}
	return d.syncFolder(filepath.Dir(dir))
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
