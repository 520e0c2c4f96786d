package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
)

// Report is what a verification found.
type Report struct {
	Files  int
	Bytes  int64
	Events map[eventlog.Lane]uint64 // records that were opened with the backup's keys
}

// Verify reads every byte of a backup and compares it with the manifests, then opens every record with the copy of the
// keybook and looks whether every number of a segment is there. It returns ErrDamaged with all files that are not as they were written.
func Verify(ctx context.Context, e Entry, keysDir string, progress Progress) (Report, error) {
	r := Report{Events: map[eventlog.Lane]uint64{}}
	if e.Manifest == nil {
		return r, e.Fault
	}
	var faults []error
	for _, dir := range []string{e.Path, keysDir} {
		m, err := readManifest(dir)
		if err != nil {
			return r, err
		}
		err = checkFiles(ctx, dir, m, &r, progress)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return r, err
	}
	return r, openAll(ctx, e, keysDir, &r, progress)
}

// checkFiles compares the files of one folder with its manifest.
func checkFiles(ctx context.Context, dir string, m *Manifest, r *Report, progress Progress) error {
	var faults []error
	total, done := uint64(m.Bytes()), uint64(0)
	for _, f := range m.Files {
		if err := checkFile(ctx, dir, f); err != nil {
			faults = append(faults, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.Files++
		r.Bytes += f.Size
		done += uint64(f.Size)
		if progress != nil {
			progress("comparing", done>>20, total>>20)
		}
	}
	return errors.Join(faults...)
}

func checkFile(ctx context.Context, dir string, want File) error {
	path := filepath.Join(dir, filepath.FromSlash(want.Path))
	is, err := sumFile(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is gone", ErrDamaged, path)
	case err != nil:
		return err
	case is.Size != want.Size || is.SHA256 != want.SHA256:
		return fmt.Errorf("%w: %s is not as it was written", ErrDamaged, path)
	}
	return nil
}

// openAll opens every record of every segment.
func openAll(ctx context.Context, e Entry, keysDir string, r *Report, progress Progress) error {
	keys, err := openKeys(keysDir)
	if err != nil {
		return err
	}
	var done, total uint64
	for _, s := range e.Manifest.Segments {
		total += s.Last - s.First + 1
	}
	for _, s := range e.Manifest.Segments {
		segment, err := s.parse()
		if err != nil {
			return err
		}
		key, err := keys.Segment(segment.ID)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, s.folder(), err)
		}
		dir := filepath.Join(e.Path, "log", "segments", s.folder())
		err = jetstream.ReadSegment(dir, segment, key, func(eventlog.Record) error {
			r.Events[segment.Lane]++
			if done++; progress != nil && done%10_000 == 0 {
				progress("opening", done, total)
			}
			return ctx.Err()
		})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return nil
}

// openKeys opens the copy of a keybook. A whole one is not changed by that, and checkFiles has seen that it is whole.
func openKeys(dir string) (*seal.Keybook, error) {
	k, err := seal.OpenKeybook(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return k, nil
}
