package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"protokoll/internal/durable"
)

// copyTries is how often a store in use is copied anew because segments were closed or dropped meanwhile.
const copyTries = 8

// Borrow copies what a fold needs of a data folder that may be in use (keybook, root key, log) into a new folder, from the outside and without
// changing anything: closed segments are linked where the file system can, since they never change; the rest is copied. The copy is for
// reading and throwing away.
func Borrow(ctx context.Context, data, to string, progress Progress) error {
	var err error
	for range copyTries {
		if err = os.RemoveAll(to); err != nil {
			break
		}
		if err = borrow(ctx, data, to, progress); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("copy the store: %w", err)
}

// errMoved is returned when the log went on in other segments while it was copied.
var errMoved = errors.New("segments changed while they were copied")

func borrow(ctx context.Context, data, to string, progress Progress) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	log := filepath.Join(data, "log")
	before, err := manifests(log)
	if err != nil {
		return err
	}
	for name, content := range before {
		path := filepath.Join(to, "log", "manifests", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	// Marks before blocks: a mark must not be ahead of what was copied.
	var done uint64
	for _, part := range []string{"log/format", "log/marks", "log/live", "log/segments", "keys", "root.key"} {
		err := borrowTree(ctx, filepath.Join(data, filepath.FromSlash(part)), filepath.Join(to, filepath.FromSlash(part)), part == "log/segments", func(n int64) {
			if done += uint64(n); progress != nil {
				progress("copying", done>>20, 0)
			}
		})
		if err != nil {
			return err
		}
	}
	after, err := manifests(log)
	if err != nil {
		return err
	}
	for name := range after {
		if !bytes.Equal(before[name], after[name]) {
			return errMoved
		}
	}
	return nil
}

func manifests(log string) (map[string][]byte, error) {
	all := map[string][]byte{}
	paths, err := filepath.Glob(filepath.Join(log, "manifests", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if all[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w", log, ErrMissing)
	}
	return all, nil
}

// borrowTree links or copies all files below a folder, or one file.
func borrowTree(ctx context.Context, from, to string, link bool, copied func(int64)) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		relative, relErr := filepath.Rel(from, path)
		if err = errors.Join(err, relErr); err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case e.IsDir():
			return os.MkdirAll(target, 0o700)
		case !e.Type().IsRegular() || strings.HasSuffix(path, durable.Aside) && !strings.HasSuffix(path, "root.key"+durable.Aside):
			return nil
		case link && os.Link(path, target) == nil:
			return nil
		}
		f, err := copyFile(ctx, path, target)
		copied(f.Size)
		return err
	})
}
