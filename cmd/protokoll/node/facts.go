package node

import (
	"context"

	"protokoll/eventlog"
	"protokoll/projections/archive"
	"protokoll/projections/state"
)

// facts is the state for who also waits for what was archived.
type facts struct {
	*state.State
	archive *archive.Index
}

func (s *Store) facts() facts { return facts{s.State, s.Archive} }

// Wait returns when everything up to the positions can be read.
func (f facts) Wait(ctx context.Context, positions ...eventlog.Position) error {
	if err := f.State.Wait(ctx, positions...); err != nil {
		return err
	}
	return f.archive.Wait(ctx, positions...)
}
