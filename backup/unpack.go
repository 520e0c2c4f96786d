package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
)

const (
	// skipped is how many numbers of each lane a restored store leaves out above the highest that is known to have been used.
	// The ledger has a leaf of 32 bytes for each.
	skipped = 1 << 20
	// skippedSecond is how many more for each second since that was known, skippedMost how many at most: 39 hours.
	skippedSecond = 120
	skippedMost   = 1 << 24
)

// Seen is what is known of the log after the backup was made: orders or checkpoints that were kept elsewhere say so.
type Seen struct {
	At    time.Time // when it was known
	Marks map[eventlog.Lane]uint64
}

// beyond says from which numbers on nobody can have seen any.
func beyond(m *Manifest, seen Seen, now time.Time) map[eventlog.Lane]uint64 {
	known := m.When()
	if seen.At.After(known) {
		known = seen.At
	}
	skip := uint64(skipped)
	if age := now.Sub(known); age > 0 {
		skip += min(uint64(age/time.Second)*skippedSecond, skippedMost)
	}
	next := map[eventlog.Lane]uint64{}
	for _, l := range eventlog.Lanes {
		next[l] = max(m.Marks[l.String()], seen.Marks[l]) + skip
	}
	return next
}

// Unpacked is a store that was unpacked and not used yet.
type Unpacked struct {
	Dir  string
	Made int64                    // of the backup, milliseconds since 1970 UTC
	Ends map[eventlog.Lane]uint64 // last number of each lane in the backup; of lane now, which it does not hold, of that time
}

// Unpack makes a data folder out of a backup: log, ledger, policy, keybook under a root key of its own, an empty lane now, no
// state and no sessions. dir must not exist. Lanes go on far above what is known to have been seen. Every file is compared with
// the manifest while it is copied; ErrPartial and ErrDamaged leave an unfinished dir, which the caller removes.
func Unpack(ctx context.Context, e Entry, keysDir, dir string, seen Seen, now time.Time, progress Progress) (u Unpacked, err error) {
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
	copied := filepath.Join(dir, "keys.copied")
	if err := copyAll(ctx, keysDir, copied, keyFiles, progress); err != nil {
		return u, err
	}
	stored := *e.Manifest
	stored.Files = slices.DeleteFunc(slices.Clone(stored.Files), func(f File) bool { return strings.HasPrefix(f.Path, "config/") })
	if err := copyAll(ctx, e.Path, dir, &stored, progress); err != nil {
		return u, err
	}
	if err := putBack(keyFiles, copied, dir); err != nil {
		return u, err
	}
	if err := unpackKeys(copied, dir, e.Manifest); err != nil {
		return u, err
	}
	u = Unpacked{Dir: dir, Made: e.Manifest.Made}
	if u.Ends, err = jetstream.Adopt(filepath.Join(dir, "log"), beyond(e.Manifest, seen, now)); err != nil {
		return u, err
	}
	u.Ends[eventlog.Now] = e.Manifest.Marks[eventlog.Now.String()]
	return u, syncFolders(dir)
}

// putBack moves the secrets to where they lie in a data folder.
func putBack(m *Manifest, copied, dir string) error {
	for _, f := range m.Files {
		to, ok := strings.CutPrefix(f.Path, secretsFolder+"/")
		if !ok {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(to))
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.Rename(filepath.Join(copied, filepath.FromSlash(f.Path)), path)
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
	}
	return nil
}

// unpackKeys writes the keybook anew, with the keys of the segments that are there, and removes the copy.
func unpackKeys(copied, dir string, m *Manifest) error {
	keys, err := openKeys(copied)
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
	root := filepath.Join(copied, "root.key")
	return errors.Join(os.WriteFile(root, make([]byte, 64), 0o600), os.RemoveAll(copied))
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
