package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/uploads"
)

// UploadsFolder is where files lie in the data folder.
const UploadsFolder = "uploads"

const (
	// pruneEvery is how often files that no event speaks of are looked for.
	pruneEvery = time.Hour
	// pruneGrace is how old such a file must be: the event of a fresh one may be on its way.
	pruneGrace = time.Hour
)

// unlinking follows the log: a file whose event has ended is unlinked as soon as that is on disk.
type unlinking struct {
	cancel context.CancelFunc
	runner sync.WaitGroup
}

// openUploads begins to unlink. The state has caught up with the log.
func (s *Store) openUploads() (err error) {
	if s.Uploads, err = uploads.Open(filepath.Join(s.Folder, UploadsFolder)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.unlinking.cancel = cancel
	from := s.Log.Mark(eventlog.Lasting) + 1
	s.unlinking.runner.Go(func() {
		err := s.Log.Follow(ctx, eventlog.Lasting, from, s.unlink)
		if err != nil && ctx.Err() == nil && !errors.Is(err, eventlog.ErrStopped) {
			s.fail(fmt.Errorf("follow what files go: %w", err))
		}
	})
	s.unlinking.runner.Go(func() { s.prune(ctx) })
	return nil
}

func (s *Store) closeUploads() {
	if s.unlinking.cancel != nil {
		s.unlinking.cancel()
		s.unlinking.runner.Wait()
	}
}

// unlink unlinks the files of events that end. What cannot be unlinked now is found again by prune.
func (s *Store) unlink(records []eventlog.Record) error {
	for _, r := range records {
		about, err := seal.AboutOf(r.Envelope)
		if err != nil {
			return err
		}
		switch {
		case about.Op == schemas.Op_CLOSE:
			_, err = s.Uploads.RemoveOwner(about.Owner)
		case about.Op == schemas.Op_END && about.Family == schemas.Family_UPLOAD_FACTS:
			err = s.Uploads.Remove(about.Owner, about.Entity)
		}
		if err != nil && s.logger != nil {
			s.logger.Error("a file was not unlinked; it is tried again", "error", err)
		}
	}
	return nil
}

// unlinkAll unlinks the files of an account that was erased.
func (s *Store) unlinkAll(o schemas.OwnerID) error {
	_, err := s.Uploads.RemoveOwner(o)
	return errors.Join(err, s.dropGroups())
}

// prune unlinks what no event speaks of: remains of a kill between file and event, or between the end of an event and its file.
func (s *Store) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		removed, err := s.Uploads.Prune(time.Now().Add(-pruneGrace), s.filesOf)
		if s.logger != nil && (removed > 0 || err != nil) {
			s.logger.Warn("files that no event speaks of were removed", slog.Int("files", removed), slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// filesOf returns the entities of an owner's files.
func (s *Store) filesOf(o schemas.OwnerID) (map[schemas.EntityID]bool, error) {
	facts, err := s.State.Facts(o, schemas.Family_UPLOAD_FACTS)
	if err != nil {
		return nil, err
	}
	all := map[schemas.EntityID]bool{}
	for _, f := range facts {
		all[f.Entity] = true
	}
	return all, nil
}

// endMissing ends the facts of files that are not there: a backup holds none. It returns how many there were.
func (s *Store) endMissing(ctx context.Context) (ended int, err error) {
	missing := map[schemas.OwnerID][]eventlog.Fact{}
	err = s.State.Each(schemas.Family_UPLOAD_FACTS, func(f state.Fact) error {
		if !s.Uploads.Has(f.Owner, f.Entity) {
			missing[f.Owner] = append(missing[f.Owner], eventlog.Fact{Op: schemas.Op_END, Family: schemas.Family_UPLOAD_FACTS, ID: f.Entity})
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for id, facts := range missing {
		owner, err := s.Keys.Owner(id)
		if errors.Is(err, seal.ErrForgotten) {
			continue // left over; the engine's
		} else if err != nil {
			return ended, err
		}
		if err := s.Log.Append(eventlog.Command{Owner: owner, Cause: schemas.Cause_SERVER, Facts: facts}).Wait(ctx); err != nil {
			return ended, fmt.Errorf("end what files are not there: %w", err)
		}
		ended += len(facts)
	}
	return ended, s.State.Wait(ctx, s.marks()...)
}
