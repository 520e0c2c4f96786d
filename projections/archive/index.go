package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"protokoll/eventlog"
	"protokoll/projections"
)

// Log is what is read of the log.
type Log interface {
	eventlog.Log
	Segments(eventlog.Lane) []eventlog.Segment
}

// ErrAhead is returned when the index has folded more than the log holds: the log lost events.
var ErrAhead = errors.New("the index of the archive is ahead of the log")

// errClosed is why nothing is folded after Close.
var errClosed = errors.New("the index of the archive is closed")

// Index is the archived facts. Its methods may be used by many goroutines.
type Index struct {
	dir    string
	log    Log
	logger *slog.Logger
	mark   uint64        // of the log at Open
	some   chan struct{} // a signal that there is something to commit
	now    chan struct{} // a signal that somebody waits for it

	committing sync.Mutex // one commit at a time, and none while files go; taken before mu

	mu      sync.RWMutex // guards the following
	files   []*file      // by first, ascending
	pending []projections.Event
	bytes   int                 // of pending payloads
	room    *sync.Cond          // on mu: pending has become smaller
	number  uint64              // folded up to here
	stored  uint64              // committed up to here
	waiters projections.Waiters // for stored
	failed  error               // why nothing is folded any more
}

const (
	suffix = ".db"
	refold = "refold"
)

// Open opens the index in a folder, which it makes if there is none. Rows are complete only when Run has caught up with the log
// (Caught). It returns ErrAhead if the log holds less than was folded already.
func Open(dir string, log Log, logger *slog.Logger) (*Index, error) {
	x := &Index{dir: dir, log: log, logger: logger, mark: log.Mark(eventlog.Archive), some: make(chan struct{}, 1), now: make(chan struct{}, 1)}
	x.room = sync.NewCond(&x.mu)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the index of the archive: %w", err)
	}
	err := x.openFiles()
	if errors.Is(err, errDamaged) {
		logger.Warn("the index of the archive is damaged and folded anew", slog.Any("error", err))
		if err = x.discard(); err == nil {
			err = x.openFiles()
		}
	}
	if err == nil && x.number > x.mark {
		err = fmt.Errorf("it stands at %d, the log ends at %d: %w", x.number, x.mark, ErrAhead)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the index of the archive: %w", err), x.closeFiles())
	}
	return x, nil
}

// openFiles opens the file of every segment and removes those whose segment is gone. It returns errDamaged if one is missing.
func (x *Index) openFiles() error {
	if _, err := os.Stat(filepath.Join(x.dir, refold)); err == nil {
		return fmt.Errorf("it was met while reading: %w", errDamaged)
	}
	there, err := x.firsts()
	if err != nil {
		return err
	}
	segments := x.log.Segments(eventlog.Archive)
	for _, first := range there {
		if !slices.ContainsFunc(segments, func(s eventlog.Segment) bool { return s.First == first }) {
			if err := os.Remove(x.path(first)); err != nil {
				return err
			}
			continue
		}
		f, err := openFile(x.path(first), first)
		if err != nil {
			return err
		}
		x.files = append(x.files, f)
		x.number = max(x.number, f.meta.number)
	}
	x.stored = x.number
	for _, s := range segments {
		if s.First <= s.Last && s.First <= x.number && !slices.Contains(there, s.First) && s.Last <= x.number {
			return fmt.Errorf("the file of a segment is missing: %w", errDamaged)
		}
	}
	return nil
}

// firsts lists the files that there are, ascending.
func (x *Index) firsts() (firsts []uint64, err error) {
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var first uint64
		name, ours := strings.CutSuffix(e.Name(), suffix)
		if _, err := fmt.Sscanf(name, "%d", &first); ours && err == nil {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

func (x *Index) path(first uint64) string {
	return filepath.Join(x.dir, fmt.Sprintf("%020d%s", first, suffix))
}

// discard throws everything away, so that it is folded anew.
func (x *Index) discard() error {
	err := x.closeFiles()
	firsts, listing := x.firsts()
	err = errors.Join(err, listing)
	for _, first := range firsts {
		err = errors.Join(err, os.Remove(x.path(first)))
	}
	if gone := os.Remove(filepath.Join(x.dir, refold)); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	x.number, x.stored = 0, 0
	return err
}

func (x *Index) closeFiles() (err error) {
	for _, f := range x.files {
		err = errors.Join(err, f.close())
	}
	x.files = nil
	return err
}

// spoilt notes that a file is damaged, so that the next start folds everything anew.
func (x *Index) spoilt(err error) error {
	if !errors.Is(err, errDamaged) {
		return err
	}
	x.logger.Error("the index of the archive is damaged; the next start folds it anew", slog.Any("error", err))
	note := os.WriteFile(filepath.Join(x.dir, refold), nil, 0o600)
	return errors.Join(fmt.Errorf("read the archive: %w", err), note)
}

// Close lets go of the files. Run has ended before.
func (x *Index) Close() error {
	x.committing.Lock()
	defer x.committing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.fail(errClosed)
	return x.closeFiles()
}

// Rebuild throws the index away while it is in use and folds the log anew; who reads waits. progress may be nil.
func (x *Index) Rebuild(ctx context.Context, progress func(done, total uint64)) error {
	x.committing.Lock()
	defer x.committing.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	total := x.number
	if x.failed != nil {
		return x.failed
	}
	if err := x.discard(); err != nil {
		return x.fail(err)
	}
	x.pending, x.bytes, x.stored = nil, 0, 0
	if total > 0 {
		if err := x.foldAnew(ctx, total, progress); err != nil {
			return x.fail(fmt.Errorf("fold the archive anew: %w", err)) // half an index must not be read
		}
	}
	x.number, x.stored = total, total
	return nil
}

// foldAnew folds the log up to a number into files that are empty. The caller holds both locks.
func (x *Index) foldAnew(ctx context.Context, total uint64, progress func(done, total uint64)) error {
	var all []projections.Event
	flush := func(number uint64) error {
		if len(all) == 0 {
			return nil
		}
		err := x.write(all, number)
		all = all[:0]
		return err
	}
	err := projections.Read(ctx, x.log, eventlog.Archive, 1, total, func(events []projections.Event) error {
		all = append(all, events...)
		if len(all) < commitEvents {
			return nil
		}
		last := all[len(all)-1].Position.Number
		if progress != nil {
			progress(last, total)
		}
		return flush(last)
	})
	return errors.Join(err, flush(total))
}
