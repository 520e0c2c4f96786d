package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
)

// Root holds the root key: one value, which it can replace. Forgetting is as strong as the Root: when it has replaced the
// value, nothing may be able to bring the old one back.
type Root interface {
	// Load returns the key, or none if there never was one. If a replacement was interrupted it may return both, the newest
	// first: the new one is valid from the moment it is returned.
	Load() ([][]byte, error)
	// Replace makes key the only value. It is durable when it returns; if it fails, either value may be found by Load.
	Replace(key []byte) error
}

// rootSize is the size of a root key in bytes.
const rootSize = 32

// rootMagic begins a file that holds a root key, followed by the key and a CRC-32C of both.
const rootMagic = "PKR1"

// FileRoot returns the Root that is a file of mode 0600. It is as strong as what the disk forgets: put it on an enciphered
// one. While a key is replaced the new one lies beside it as path + ".new".
func FileRoot(path string) Root { return &fileRoot{disk: osDisk{}, path: path} }

type fileRoot struct {
	disk disk
	path string
}

func (r *fileRoot) aside() string { return r.path + ".new" }

func (r *fileRoot) Load() ([][]byte, error) {
	var keys [][]byte
	var damaged error
	for _, name := range []string{r.aside(), r.path} {
		key, err := r.read(name)
		switch {
		case err == nil:
			keys = append(keys, key)
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, ErrDamaged):
			damaged = err
		default:
			return nil, fmt.Errorf("read the root key: %w", err)
		}
	}
	if len(keys) == 0 && damaged != nil {
		return r.none(damaged)
	}
	return keys, nil
}

// none tells a first key that was never finished, which is no key yet, from a key that is damaged.
func (r *fileRoot) none(damaged error) ([][]byte, error) {
	if _, err := r.disk.Read(r.path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return nil, damaged
}

func (r *fileRoot) read(name string) ([]byte, error) {
	data, err := r.disk.Read(name)
	if err != nil {
		return nil, err
	}
	key, ok := bytes.CutPrefix(data, []byte(rootMagic))
	if !ok || len(key) != rootSize+4 || crc(data[:len(data)-4]) != binary.BigEndian.Uint32(data[len(data)-4:]) {
		return nil, fmt.Errorf("%s: %w", name, ErrDamaged)
	}
	return key[:rootSize], nil
}

// Replace writes the new key aside, overwrites the old one where it lies, and renames. A whole file aside is what an
// interrupted call left: it is put in its place first, because the old one may be half overwritten already.
func (r *fileRoot) Replace(key []byte) error {
	if len(key) != rootSize {
		return fmt.Errorf("root key of %d bytes", len(key))
	}
	aside, err := r.read(r.aside())
	if err == nil {
		if err := r.settle(); err != nil {
			return err
		}
		if bytes.Equal(aside, key) {
			return nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("read the root key: %w", err)
	}
	data := append([]byte(rootMagic), key...)
	data = binary.BigEndian.AppendUint32(data, crc(data))
	if err := r.disk.Write(r.aside(), data); err != nil {
		return fmt.Errorf("write the new root key: %w", err)
	}
	if err := r.disk.Sync(filepath.Dir(r.path)); err != nil {
		return fmt.Errorf("write the new root key: %w", err)
	}
	return r.settle()
}

// settle destroys the old key and puts the one aside, which is durable, in its place.
func (r *fileRoot) settle() error {
	if _, err := r.disk.Read(r.path); err == nil {
		noise := make([]byte, len(rootMagic)+rootSize+4)
		rand.Read(noise)
		if err := r.disk.Write(r.path, noise); err != nil {
			return fmt.Errorf("overwrite the old root key: %w", err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("overwrite the old root key: %w", err)
	}
	if err := r.disk.Rename(r.aside(), r.path); err != nil {
		return fmt.Errorf("replace the root key: %w", err)
	}
	if err := r.disk.Sync(filepath.Dir(r.path)); err != nil {
		return fmt.Errorf("replace the root key: %w", err)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc(data []byte) uint32 { return crc32.Checksum(data, castagnoli) }
