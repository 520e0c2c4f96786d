package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
)

// skipped is how many numbers of each lane a restored store leaves out above the highest that is known to have been used:
// nobody can have seen a number above. At 1,000 events a second in one lane it is four and a half hours.
const skipped = 1 << 24

// Unpacked is a store that was unpacked and not used yet.
type Unpacked struct {
	Dir  string
	Made int64                    // of the backup, milliseconds since 1970 UTC
	Ends map[eventlog.Lane]uint64 // last number of each lane in the backup
}

// Unpack makes a data folder out of a backup: log, ledger, policy, keybook under a root key of its own, an empty lane now, no
// state and no sessions. dir must not exist. seen are the last numbers that anybody is known to have seen; lanes go on far above. Every file is
// compared with the manifest while it is copied; ErrPartial and ErrDamaged leave an unfinished dir, which the caller removes.
func Unpack(ctx context.Context, e Entry, keysDir, dir string, seen map[eventlog.Lane]uint64, progress Progress) (u Unpacked, err error) {
	if e.Manifest == nil {
		return u, e.Fault
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return u, fmt.Errorf("unpack: %w", err)
	}
	keyFiles, err := readManifest(keysDir)
	if err != nil {
		return u, err
	}
	// The keys are copied first: opening a keybook may mend it, and a backup is only read.
	aside := filepath.Join(dir, "keys.copied")
	if err := copyAll(ctx, keysDir, aside, keyFiles, progress); err != nil {
		return u, err
	}
	if err := copyAll(ctx, e.Path, dir, e.Manifest, progress); err != nil {
		return u, err
	}
	if err := unpackKeys(aside, dir, e.Manifest); err != nil {
		return u, err
	}
	next := map[eventlog.Lane]uint64{}
	for _, l := range eventlog.Lanes {
		next[l] = seen[l] + skipped
	}
	for _, s := range e.Manifest.Segments {
		segment, err := s.parse()
		if err != nil {
			return u, err
		}
		next[segment.Lane] = max(next[segment.Lane], segment.Last+skipped)
	}
	u = Unpacked{Dir: dir, Made: e.Manifest.Made}
	if u.Ends, err = jetstream.Adopt(filepath.Join(dir, "log"), next); err != nil {
		return u, err
	}
	return u, syncFolders(dir)
}

// unpackKeys writes the keybook anew, with the keys of the segments that are there, and removes the copy.
func unpackKeys(aside, dir string, m *Manifest) error {
	keys, err := openKeys(aside)
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, s := range m.Segments {
		listed[s.ID] = true
	}
	err = keys.CopyTo(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")),
		func(id seal.SegmentID) bool { return listed[id.String()] })
	if err != nil {
		return err
	}
	root := filepath.Join(aside, "root.key")
	return errors.Join(os.WriteFile(root, make([]byte, 64), 0o600), os.RemoveAll(aside))
}

// copyAll copies what a manifest lists and compares it.
func copyAll(ctx context.Context, from, to string, m *Manifest, progress Progress) error {
	total, done := uint64(m.Bytes()), uint64(0)
	for _, want := range m.Files {
		path := filepath.Join(to, filepath.FromSlash(want.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		source := filepath.Join(from, filepath.FromSlash(want.Path))
		is, err := copyFile(ctx, source, path)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: %s is gone", ErrDamaged, source)
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		if is.Size != want.Size || is.SHA256 != want.SHA256 {
			return fmt.Errorf("%w: %s is not as it was written", ErrDamaged, source)
		}
		done += uint64(want.Size)
		if progress != nil {
			progress("unpacking", done>>20, total>>20)
		}
	}
	return nil
}
