package node

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"protokoll/eventlog"
	"protokoll/internal/control"
	"protokoll/projections/state"
)

// RebuildResult is what a rebuild found.
type RebuildResult struct {
	Events  uint64 `json:"events"`
	Live    string `json:"live,omitempty"` // SHA-256 of the live state; --check only
	Rebuilt string `json:"rebuilt"`        // SHA-256 of what the log says
}

func (s *Store) rebuild(ctx context.Context, _ json.RawMessage, progress func(control.Progress)) (any, error) {
	s.whole.RLock()
	defer s.whole.RUnlock()
	if err := s.State.Rebuild(ctx, laneProgress(progress)); err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	archived := func(done, total uint64) {
		progress(control.Progress{Step: "indexing the archive", Done: done, Total: total})
	}
	if err := s.Archive.Rebuild(ctx, archived); err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	d, err := s.State.Digest(ctx)
	if err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	return RebuildResult{Events: d.Events, Rebuilt: d.String()}, nil
}

func (s *Store) rebuildCheck(ctx context.Context, _ json.RawMessage, progress func(control.Progress)) (any, error) {
	s.whole.RLock() // a sweep beside this may move, but not drop
	defer s.whole.RUnlock()
	live, rebuilt, err := state.Check(ctx, s.State, s.Log, s.Folder, laneProgress(progress))
	if err != nil {
		return nil, fmt.Errorf("rebuild beside the live state: %w", err)
	}
	return RebuildResult{Events: rebuilt.Events, Live: live.String(), Rebuilt: rebuilt.String()}, nil
}

// laneProgress adds up the lanes, which are rebuilt at the same time.
func laneProgress(show func(control.Progress)) state.Progress {
	var mu sync.Mutex
	done, total := map[eventlog.Lane]uint64{}, map[eventlog.Lane]uint64{}
	return func(lane eventlog.Lane, d, t uint64) {
		mu.Lock()
		defer mu.Unlock()
		done[lane], total[lane] = d, t
		p := control.Progress{Step: "rebuilding"}
		for l := range total {
			p.Done += done[l]
			p.Total += total[l]
		}
		show(p)
	}
}
