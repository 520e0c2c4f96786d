package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"protokoll/internal/durable"
)

// Pruned is what Prune removed.
type Pruned struct {
	Backups, Keys, Partial int
}

// Old returns the entries that are older than the period, and those that were never finished. A damaged one stays for its period:
// something may be saved out of it.
func Old(all []Entry, now time.Time, period time.Duration) (old []Entry) {
	for _, e := range all {
		if errors.Is(e.Fault, ErrPartial) || now.Sub(e.Made) > period {
			old = append(old, e)
		}
	}
	return old
}

// Prune removes backups that are older than the period, keys that are older than theirs, keys first, and what was never finished. It
// returns when they are gone from the disk's folders.
func Prune(dir, keysDir string, now time.Time, period, keysPeriod time.Duration) (p Pruned, err error) {
	release, err := lock(dir)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if keysDir == "" {
		keysDir = dir
	}
	keys, err := ListKeys(keysDir)
	if err != nil {
		return p, err
	}
	backups, err := List(dir)
	if err != nil {
		return p, err
	}
	for _, e := range Old(keys, now, keysPeriod) {
		if err := p.remove(e, &p.Keys); err != nil {
			return p, err
		}
	}
	for _, e := range Old(backups, now, period) {
		if err := p.remove(e, &p.Backups); err != nil {
			return p, err
		}
	}
	return p, nil
}

// remove takes the manifest away first, so that an interrupted removal leaves a partial backup and not one that lacks files.
// Keys are overwritten before they are unlinked: old copies of the log are noise without them.
func (p *Pruned) remove(e Entry, count *int) error {
	if err := os.Remove(filepath.Join(e.Path, manifestName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("prune: %w", err)
	}
	if err := durable.SyncFolder(e.Path); err != nil {
		return err
	}
	root := filepath.Join(e.Path, "root.key")
	if info, err := os.Stat(root); err == nil {
		if err := os.WriteFile(root, make([]byte, info.Size()), 0o600); err != nil {
			return fmt.Errorf("prune: %w", err)
		}
	}
	if err := os.RemoveAll(e.Path); err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	if e.Manifest == nil {
		p.Partial++
	} else {
		*count++
	}
	return durable.SyncFolder(filepath.Dir(e.Path))
}
