package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"protokoll/eventlog"
	"protokoll/internal/control"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// The commands about whole states.
const (
	CommandRebuildUntil = "rebuild.until"
	CommandDigest       = "state.digest"
)

// UntilArguments name a moment.
type UntilArguments struct {
	At time.Time `json:"at"`
}

// UntilResult says what the state of a moment was.
type UntilResult struct {
	Events uint64            `json:"events"`
	State  string            `json:"state"`
	Sums   map[string]uint64 `json:"sums"`   // facts of each family
	Erased map[string]uint64 `json:"erased"` // numbers of each lane up to then that are no longer held
}

// rebuildUntil folds the log up to a moment beside the live state, and removes that again.
func (s *Store) rebuildUntil(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (_ any, err error) {
	var a UntilArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	s.whole.RLock()
	defer s.whole.RUnlock()
	dir, err := os.MkdirTemp(s.Folder, "rebuild-")
	if err != nil {
		return nil, fmt.Errorf("rebuild beside the live state: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	then, err := state.Until(ctx, dir, s.Log, a.At, laneProgress(progress))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, then.Close()) }()
	d, err := then.Digest(ctx)
	if err != nil {
		return nil, err
	}
	r := UntilResult{Events: d.Events, State: d.String(), Sums: map[string]uint64{}, Erased: map[string]uint64{}}
	sums, err := then.Sums()
	if err != nil {
		return nil, err
	}
	for f, n := range sums {
		r.Sums[familyName(f)] = n
	}
	return r, s.countErased(ctx, a.At, &r)
}

// countErased adds how much of the lanes up to a moment is not held any more.
func (s *Store) countErased(ctx context.Context, at time.Time, r *UntilResult) error {
	void, err := state.Voids(ctx, s.Log, s.Keys.Server())
	if err != nil {
		return err
	}
	for _, l := range []eventlog.Lane{eventlog.Now, eventlog.Inbox, eventlog.Lasting} {
		h, err := state.Past(ctx, s.Log, l, void[l], schemas.OwnerID{}, nil, at, nil)
		if err != nil {
			return err
		}
		if h.Erased > 0 {
			r.Erased[l.String()] = h.Erased
		}
	}
	return nil
}

// DigestResult is where the state stands and what it is.
type DigestResult struct {
	State  string            `json:"state"`
	Events uint64            `json:"events"`
	Marks  map[string]uint64 `json:"marks"`
}

func (s *Store) digest(ctx context.Context, _ json.RawMessage, _ func(control.Progress)) (any, error) {
	d, err := s.State.Digest(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	r := DigestResult{State: d.String(), Events: d.Events, Marks: map[string]uint64{}}
	for l, n := range d.Marks {
		r.Marks[l.String()] = n
	}
	return r, nil
}
