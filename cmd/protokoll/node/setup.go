package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"protokoll/eventlog"
	"protokoll/internal/durable"
)

// creating marks a folder whose first set-up is not finished: no event in it was ever acknowledged.
const creating = "creating"

// prepare decides whether this is the day of creation. A folder that holds a part of a store is refused: a missing log or
// keybook must never be replaced by an empty one. DESIGN §5.
func (s *Store) prepare(mustExist bool) (fresh bool, err error) {
	has := map[string]bool{}
	for _, name := range []string{creating, "root.key", "keys", "log", "state"} {
		_, err := os.Stat(filepath.Join(s.Folder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("look at the data folder: %w", err)
		}
		has[name] = err == nil
	}
	switch {
	case has[creating]:
		return true, s.beginAgain()
	case has["keys"] && has["log"] && has["root.key"]:
		return false, nil
	case !has["keys"] && !has["log"] && !has["root.key"] && !has["state"]:
		if mustExist {
			return false, fmt.Errorf("%s holds no store", s.Folder)
		}
		return true, writeSynced(s.Folder, creating)
	}
	for _, name := range []string{"root.key", "keys", "log"} {
		if !has[name] {
			return false, fmt.Errorf("%s is missing beside the rest of the store: %w",
				filepath.Join(s.Folder, name), eventlog.ErrMissing)
		}
	}
	return false, eventlog.ErrMissing
}

// beginAgain removes what an interrupted set-up left.
func (s *Store) beginAgain() error {
	for _, name := range []string{"ledger", "state", "log", "keys", "root.key", "root.key.new"} {
		if err := os.RemoveAll(filepath.Join(s.Folder, name)); err != nil {
			return fmt.Errorf("remove an unfinished set-up: %w", err)
		}
	}
	return durable.SyncFolder(s.Folder)
}

func finishSetUp(folder string) error {
	if err := durable.SyncFolder(folder); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(folder, creating)); err != nil {
		return fmt.Errorf("finish the set-up: %w", err)
	}
	return durable.SyncFolder(folder)
}

func writeSynced(folder, name string) error {
	f, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("begin the set-up: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("begin the set-up: %w", err)
	}
	return durable.SyncFolder(folder)
}
