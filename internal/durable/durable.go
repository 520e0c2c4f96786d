package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Aside ends the name of a file that is not whole yet. Left over from a crash it means nothing, and is written over.
const Aside = ".new"

// Replace puts content under a name, with mode 0600: written aside, synced, renamed, and the folder synced. One goroutine at a
// time for each name.
func Replace(path string, content []byte) error {
	err := write(path+Aside, content)
	if err == nil {
		err = os.Rename(path+Aside, path)
	}
	if err != nil {
		if gone := os.Remove(path + Aside); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	return SyncFolder(filepath.Dir(path))
}

func write(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncFolder makes the names in a folder durable: files that were made, renamed or removed in it.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync a folder: %w", err)
	}
	return nil
}
