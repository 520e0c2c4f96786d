package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// Until folds what the log still holds of the events that were decided up to a moment, in a new folder, and returns that
// state for reading; whoever asked closes it. Events count by the time in their envelopes and are ordered by rank. What was
// erased since then is not in it: a fact that is missing there need not have been missing then. progress may be nil.
func Until(ctx context.Context, dir string, log eventlog.Log, at time.Time, progress Progress) (*State, error) {
	s, err := Open(dir, momentLog{log, at.UnixMilli()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if err := s.read(ctx, nil, progress); err != nil {
		return nil, errors.Join(fmt.Errorf("fold the log up to a moment: %w", err), s.Close())
	}
	return s, nil
}

// momentLog hands out only what was decided up to a moment. The facts of a command share its time, so that commands stay whole.
type momentLog struct {
	eventlog.Log
	last int64 // milliseconds since 1970 UTC
}

func (m momentLog) Read(ctx context.Context, l eventlog.Lane, from, upTo uint64, fn func([]eventlog.Record) error) error {
	return m.Log.Read(ctx, l, from, upTo, func(records []eventlog.Record) error {
		var then []eventlog.Record
		for _, r := range records {
			if r.Envelope.GetTime() <= m.last {
				then = append(then, r)
			}
		}
		return fn(then)
	})
}

// Sums counts the current facts of every family that has some.
func (s *State) Sums() (map[schemas.Family]uint64, error) {
	sums := map[schemas.Family]uint64{}
	for _, l := range s.lanes {
		for _, f := range l.families {
			err := s.Each(f, func(Fact) error { sums[f]++; return nil })
			if err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}
