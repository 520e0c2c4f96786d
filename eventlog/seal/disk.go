package seal

import (
	"fmt"
	"io"
	"os"
)

// maxFile is the largest file read, in bytes: a table of 350,000 pages, far above any keybook.
const maxFile = 16 << 20

// disk is the few file calls that the keybook is made of, so that a test can end the world at each of them.
type disk interface {
	// List returns the names in a folder.
	List(dir string) ([]string, error)
	Read(name string) ([]byte, error)
	// Write makes the content of name data, in place, and returns when it is synced. A new name is not durable before Sync.
	Write(name string, data []byte) error
	Rename(old, name string) error
	Remove(name string) error
	// Mkdir makes a folder and those above it.
	Mkdir(dir string) error
	// Sync makes what was created, renamed and removed in a folder durable.
	Sync(dir string) error
}

type osDisk struct{}

func (osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (osDisk) Read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes: %w", name, maxFile, ErrDamaged)
	}
	return data, err
}

// Write never truncates before it writes, so that old bytes are overwritten where they lie.
func (osDisk) Write(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Truncate(int64(len(data)))
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func (osDisk) Rename(old, name string) error { return os.Rename(old, name) }
func (osDisk) Remove(name string) error      { return os.Remove(name) }
func (osDisk) Mkdir(dir string) error        { return os.MkdirAll(dir, 0o700) }

func (osDisk) Sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
