package backup

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	backupPrefix = "backup-"
	keysPrefix   = "keys-"
	timeForm     = "20060102T150405.000Z"
	lockName     = "lock"
)

// ErrBusy is returned when another process writes into the folder of backups.
var ErrBusy = errors.New("another backup is being written here")

// Entry is one backup, or the keys of one, in a folder of backups.
type Entry struct {
	Path     string
	Made     time.Time
	Manifest *Manifest // nil for a partial or damaged one
	Fault    error     // why it has none
}

// named tells whether a name is one that this package gives.
func named(name, prefix string) bool {
	_, ok := timeOf(name, prefix)
	return ok
}

func timeOf(name, prefix string) (time.Time, bool) {
	text, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(timeForm, text)
	return t, err == nil && t.Format(timeForm) == text
}

// List returns the backups in a folder, oldest first, finished or not.
func List(dir string) ([]Entry, error) { return list(dir, backupPrefix) }

// ListKeys returns the copies of the keybook in a folder, oldest first, finished or not.
func ListKeys(dir string) ([]Entry, error) { return list(dir, keysPrefix) }

func list(dir, prefix string) (all []Entry, err error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	for _, n := range names {
		made, ok := timeOf(n.Name(), prefix)
		if !ok || !n.IsDir() {
			continue
		}
		e := Entry{Path: filepath.Join(dir, n.Name()), Made: made}
		e.Manifest, e.Fault = readManifest(e.Path)
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	return all, nil
}

// Find returns the backup that a path names: one itself, or the newest finished one in a folder of backups.
func Find(path string) (Entry, error) {
	if made, ok := timeOf(filepath.Base(path), backupPrefix); ok {
		m, err := readManifest(path)
		return Entry{path, made, m, err}, err
	}
	all, err := List(path)
	if err != nil {
		return Entry{}, err
	}
	var faults []error
	for _, e := range slices.Backward(all) {
		if e.Manifest != nil {
			return e, nil
		}
		faults = append(faults, e.Fault)
	}
	return Entry{}, errors.Join(append(faults, fmt.Errorf("a finished backup in %s: %w", path, ErrMissing))...)
}

// FindKeys returns the folder with the keys of a backup: below path if that is given, else beside the backup.
func FindKeys(e Entry, path string) (string, error) {
	places := []string{filepath.Join(filepath.Dir(e.Path), e.Manifest.Keys)}
	if path != "" {
		places = []string{path, filepath.Join(path, e.Manifest.Keys)}
	}
	for _, p := range places {
		if named(filepath.Base(p), keysPrefix) || path != "" {
			if m, err := readManifest(p); err == nil && len(m.Segments) == 0 && m.Keys == "" {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("the keys of %s (%s): %w: they may lie elsewhere, or be pruned already", e.Path, e.Manifest.Keys, ErrMissing)
}

// lock keeps a second process from writing into the folder.
func lock(dir string) (release func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of backups: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, errors.Join(fmt.Errorf("lock the folder of backups: %w", err), f.Close())
	}
	return f.Close, nil
}
