package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"protokoll/eventlog"
)

// Progress is told how far a lane is: the last number folded, of the last there is. Lanes call it at the same time.
type Progress func(lane eventlog.Lane, done, total uint64)

// Rebuild throws away the state in a folder, which nobody uses, and folds the log anew up to the given numbers; a lane without
// one up to its mark. progress may be nil. If it is interrupted, Open and Run go on where it stopped.
func Rebuild(ctx context.Context, dir string, log eventlog.Log, upTo map[eventlog.Lane]uint64, progress Progress) (Digest, error) {
	for id := range lanesKept {
		if err := removeFile(dir, id); err != nil {
			return Digest{}, fmt.Errorf("throw away the state: %w", err)
		}
	}
	s, err := Open(dir, log, slog.New(slog.DiscardHandler))
	if err != nil {
		return Digest{}, err
	}
	err = s.read(ctx, upTo, progress)
	var d Digest
	if err == nil {
		d, err = s.Digest(ctx)
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return Digest{}, fmt.Errorf("rebuild the state: %w", err)
	}
	return d, nil
}

// read folds every lane up to a number and stops there.
func (s *State) read(ctx context.Context, upTo map[eventlog.Lane]uint64, progress Progress) error {
	return s.each(ctx, func(ctx context.Context, l *lane) error {
		total, ok := upTo[l.id]
		if !ok {
			total = s.marks[l.id]
		}
		l.bulk = total
		return l.foldUpTo(ctx, s.log, total, progress)
	})
}

// Check folds the log a second time, in a new folder inside tmpdir that it removes again, up to where the live state stands,
// and returns the digests of both. It works while the live state goes on.
func Check(ctx context.Context, live *State, log eventlog.Log, tmpdir string, progress Progress) (was, rebuilt Digest, err error) {
	if was, err = live.Digest(ctx); err != nil {
		return was, rebuilt, err
	}
	dir, err := os.MkdirTemp(tmpdir, "rebuild-")
	if err != nil {
		return was, rebuilt, fmt.Errorf("rebuild beside the live state: %w", err)
	}
	rebuilt, err = Rebuild(ctx, dir, log, was.Marks, progress)
	return was, rebuilt, errors.Join(err, os.RemoveAll(dir))
}
