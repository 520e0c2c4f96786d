package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"protokoll/backup"
	"protokoll/eventlog"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/internal/control"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// RehearseResult says whether this program reads the log of another one as that does.
type RehearseResult struct {
	Running   bool              // a server runs on the folder
	Events    map[string]uint64 // events of each lane
	Unknown   []UnknownEvent
	Live      string // digest of the running server, or of the stopped folder's state
	Rehearsed string // digest of what this program folds
}

// UnknownEvent is a type that this program does not know.
type UnknownEvent struct {
	Type    string
	Version uint32
	Events  int
	First   eventlog.Position
}

func (u UnknownEvent) String() string {
	return fmt.Sprintf("%q version %d: %d events, the first at %s", u.Type, u.Version, u.Events, u.First)
}

// rehearseTries is how often a rehearsal begins anew because a sweep went on between asking for the digest and copying.
const rehearseTries = 3

// Rehearse copies the log of a data folder into another folder, folds it there and compares digests. It changes nothing in the
// data folder and removes the copy.
func Rehearse(ctx context.Context, folder, copyTo string, progress func(control.Progress)) (r RehearseResult, err error) {
	for range rehearseTries {
		if r, err = rehearse(ctx, folder, copyTo, progress); err != nil || len(r.Unknown) > 0 || r.Live == r.Rehearsed {
			break
		}
	}
	return r, err
}

func rehearse(ctx context.Context, folder, copyTo string, progress func(control.Progress)) (r RehearseResult, err error) {
	if copyTo == "" {
		copyTo = filepath.Dir(folder)
	}
	dir, err := os.MkdirTemp(copyTo, "rehearsal-")
	if err != nil {
		return r, fmt.Errorf("rehearse: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var d DigestResult
	err = control.Call(ctx, folder, CommandDigest, nil, &d, nil)
	r.Running = !errors.Is(err, control.ErrNotRunning)
	if r.Running && err != nil {
		return r, fmt.Errorf("ask the running server for its digest: %w", err)
	}
	store := filepath.Join(dir, "store")
	if err := backup.Borrow(ctx, folder, store, backupSteps(progress)); err != nil {
		return r, err
	}
	if !r.Running {
		if err := os.CopyFS(filepath.Join(store, "state"), os.DirFS(filepath.Join(folder, "state"))); err != nil {
			return r, fmt.Errorf("copy the state: %w", err)
		}
	}
	return r, r.play(ctx, store, d, progress)
}

// play opens the copy, looks at every event and folds it.
func (r *RehearseResult) play(ctx context.Context, store string, d DigestResult, progress func(control.Progress)) (err error) {
	keys, err := seal.OpenKeybook(filepath.Join(store, "keys"), seal.FileRoot(filepath.Join(store, "root.key")))
	if err != nil {
		return fmt.Errorf("open the copied keybook: %w", err)
	}
	log, err := jetstream.Open(jetstream.Config{Dir: filepath.Join(store, "log"), Keys: keys})
	if err != nil {
		return fmt.Errorf("open the copied log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := r.look(ctx, log, progress); err != nil || len(r.Unknown) > 0 {
		return err
	}
	if !r.Running {
		if d, err = stoppedDigest(ctx, filepath.Join(store, "state"), log); err != nil {
			return err
		}
	}
	r.Live = d.State
	marks := map[eventlog.Lane]uint64{}
	for _, l := range eventlog.Lanes {
		if n, ok := d.Marks[l.String()]; ok {
			marks[l] = n
		}
	}
	rebuilt, err := state.Rebuild(ctx, filepath.Join(store, "rehearsed"), log, marks, laneProgress(progress))
	r.Rehearsed = rebuilt.String()
	return err
}

// stoppedDigest reads the state that a stopped server left.
func stoppedDigest(ctx context.Context, dir string, log eventlog.Log) (d DigestResult, err error) {
	s, err := state.Open(dir, log, slog.New(slog.DiscardHandler))
	if err != nil {
		return d, err
	}
	found, err := s.Digest(ctx)
	d = DigestResult{State: found.String(), Marks: map[string]uint64{}}
	for l, n := range found.Marks {
		d.Marks[l.String()] = n
	}
	return d, errors.Join(err, s.Close())
}

// look counts events and finds all types that are not known here.
func (r *RehearseResult) look(ctx context.Context, log eventlog.Log, progress func(control.Progress)) error {
	r.Events = map[string]uint64{}
	for _, l := range eventlog.Lanes {
		mark := log.Mark(l)
		if mark == 0 {
			continue
		}
		err := log.Read(ctx, l, 1, mark, func(records []eventlog.Record) error {
			for _, rec := range records {
				r.Events[l.String()]++
				r.note(rec)
			}
			if n := len(records); n > 0 {
				progress(control.Progress{Step: "reading lane " + l.String(), Done: records[n-1].Position.Number, Total: mark})
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the copied log: %w", err)
		}
	}
	return nil
}

func (r *RehearseResult) note(rec eventlog.Record) {
	e := rec.Envelope
	if e.GetOp() != schemas.Op_SET || schemas.Known(e.GetType(), e.GetVersion()) {
		return
	}
	i := slices.IndexFunc(r.Unknown, func(u UnknownEvent) bool { return u.Type == e.GetType() && u.Version == e.GetVersion() })
	if i < 0 {
		r.Unknown = append(r.Unknown, UnknownEvent{Type: e.GetType(), Version: e.GetVersion(), First: rec.Position})
		i = len(r.Unknown) - 1
	}
	r.Unknown[i].Events++
}
