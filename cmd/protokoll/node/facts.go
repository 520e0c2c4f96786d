package node

import (
	"context"

	"protokoll/eventlog"
	"protokoll/projections/archive"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// facts is the state, and what is archived beside it: all current facts of everybody.
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

const (
	// readAtOnce is how many archived facts are read in one go, readBytes how large they are together.
	readAtOnce = 1000
	readBytes  = 16 << 20
)

// Facts returns the current facts of one family of an owner, oldest rank first. A whole archive takes its size in memory: it is
// for exports and imports, not for clients.
func (f facts) Facts(owner schemas.OwnerID, family schemas.Family) (all []state.Fact, err error) {
	if eventlog.LaneOf(family) != eventlog.Archive {
		return f.State.Facts(owner, family)
	}
	r := archive.Range{Max: readAtOnce, Bytes: readBytes}
	for {
		rows, more, err := f.archive.Rows(owner, r)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Family == family {
				all = append(all, state.Fact{About: row.About, Rank: row.Rank, Position: row.Position, Sealed: row.Sealed})
			}
		}
		if !more {
			return all, nil
		}
		r.After = rows[len(rows)-1].Rank
	}
}
