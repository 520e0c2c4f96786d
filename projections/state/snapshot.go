package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"protokoll/eventlog"
	"protokoll/internal/durable"
)

// A lane that is held in memory leaves a file only while nothing runs: a clean Close writes what is current, Open takes that
// over and removes it before anything is folded. Presences are overwritten all day, and a file that lay there meanwhile would
// keep values that were replaced long ago. After a kill there is no file, and the lane is folded from its beginning.

// takeOver reads what the last clean Close left of the lane. It changes nothing on disk, so that a state that is refused stays
// as it is. Without a file, or with a damaged one, the lane begins empty and the log fills it.
func (l *lane) takeOver(path string, mark uint64) error {
	f, m, err := openFile(path, l.id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	above := newLayer()
	if err == nil {
		err = errors.Join(f.load(above), f.close())
	}
	if errors.Is(err, errDamaged) {
		l.logger.Warn("a state file is damaged and folded anew", "lane", l.id.String(), "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("state of lane %s: %w", l.id, err)
	}
	if m.number > mark {
		return l.ahead(m.number, mark)
	}
	l.pending, l.number, l.stored, l.events = above, m.number, m.number, m.events
	return nil
}

// load copies every row of a file that was verified into a layer.
func (f *file) load(into *layer) error {
	return guard(func() error {
		return f.db.View(func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketFacts).Cursor()
			for k, v := c.First(); k != nil; k, v = c.Next() {
				g, entity := splitKey(k)
				into.put(g, entity, bytes.Clone(v))
			}
			return nil
		})
	})
}

// discard removes the files that were taken over, for good before anything is folded, and has Close write new ones.
func (s *State) discard(dir string) error {
	for id, inFile := range lanesKept {
		if inFile {
			continue
		}
		if err := removeFile(dir, id); err != nil {
			return fmt.Errorf("remove the state file that was taken over: %w", err)
		}
	}
	if err := durable.SyncFolder(dir); err != nil {
		return fmt.Errorf("sync the folder of the state: %w", err)
	}
	for id, inFile := range lanesKept {
		if !inFile {
			s.lanes[id].snapshot = pathOf(dir, id)
		}
	}
	return nil
}

func pathOf(dir string, id eventlog.Lane) string { return filepath.Join(dir, id.String()+".db") }

// removeFile removes a lane's file if there is one.
func removeFile(dir string, id eventlog.Lane) error {
	if err := os.Remove(pathOf(dir, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// leave ends the lane and, if it is held in memory and nothing went wrong, writes what it holds for the next start. If that
// cannot be written, the next start folds it again: a warning, not an error.
func (l *lane) leave() {
	l.mu.RLock()
	clean := endedCleanly(l.failed)
	l.mu.RUnlock()
	_ = l.fail(errClosed) // from here on nothing is folded
	if !clean || l.snapshot == "" {
		return
	}
	if err := l.writeSnapshot(); err != nil {
		err = errors.Join(err, os.Remove(l.snapshot))
		l.logger.Warn("the state was not kept; the next start folds it from the log", "lane", l.id.String(), "error", err)
	}
}

// endedCleanly tells whether a fold went on until somebody stopped it, or the log under it.
func endedCleanly(failed error) bool {
	return failed == nil || errors.Is(failed, context.Canceled) || errors.Is(failed, eventlog.ErrStopped)
}

// writeSnapshot writes the layer, the number it reaches and how many events that took. A crash meanwhile leaves an empty file
// that stands at 0, or none: both are folded from the beginning.
func (l *lane) writeSnapshot() error {
	l.mu.RLock()
	all, number, events := l.pending, l.number, l.events
	l.mu.RUnlock()
	f, err := createFile(l.snapshot, l.id)
	if err != nil {
		return err
	}
	if err := errors.Join(l.write(f, all, number, events), f.close()); err != nil {
		return err
	}
	return durable.SyncFolder(filepath.Dir(l.snapshot))
}
