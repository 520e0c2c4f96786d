package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"protokoll/backup"
	"protokoll/eventlog"
	"protokoll/internal/control"
	"protokoll/retention"
	"protokoll/retention/engine"
)

// RetentionFolder is where the plans of sweeps lie in a data folder.
const RetentionFolder = "retention"

func (c StoreConfig) policy() *retention.Policy {
	if c.Policy != nil {
		return c.Policy
	}
	return retention.Default()
}

func (c StoreConfig) now() func() time.Time {
	if c.Clock != nil {
		return c.Clock
	}
	return time.Now
}

func (s *Store) openRetention(c StoreConfig) (err error) {
	s.Retention, err = engine.New(engine.Config{
		Log: s.Log, State: s.State, Keys: s.Keys, Ledger: s.Ledger, Archive: s.Archive, Policy: c.policy(), Logger: c.Logger,
		Folder: filepath.Join(s.Folder, RetentionFolder), Clock: s.clock, Dropping: &s.whole, Elapsed: c.Elapsed,
	})
	if err != nil {
		return fmt.Errorf("start retention: %w", err)
	}
	return nil
}

// RetentionArguments say how a sweep is run.
type RetentionArguments struct {
	Staff Staff `json:"staff"`
	Yes   bool  `json:"yes"` // also what is an unusual share
}

// RetentionStatus is what is due in the data folder and what lies in backups of it.
type RetentionStatus struct {
	engine.Status
	BackupPeriod time.Duration     `json:"backup_period"` // how old a backup may become
	BackupEvery  time.Duration     `json:"backup_every"`  // how often one is made
	Backups      []backup.Standing `json:"backups"`
}

func (s *Store) retentionStatus(ctx context.Context, _ json.RawMessage, progress func(control.Progress)) (any, error) {
	r := RetentionStatus{BackupPeriod: s.Policy.BackupPeriod(), BackupEvery: time.Duration(s.Policy.Limits.BackupEvery)}
	var err error
	if r.Status, err = s.Retention.Status(ctx, sweepSteps(progress)); err != nil {
		return nil, err
	}
	r.Backups, err = s.standings()
	return r, err
}

// retentionPlan says for every lane what a sweep would do now.
func (s *Store) retentionPlan(ctx context.Context, _ json.RawMessage, progress func(control.Progress)) (any, error) {
	plans := []engine.Plan{}
	for _, l := range eventlog.Lanes {
		p, err := s.Retention.Plan(ctx, l, sweepSteps(progress))
		if err != nil {
			return nil, err
		}
		if len(p.Segments) > 0 {
			plans = append(plans, p)
		}
	}
	return plans, nil
}

// retentionRun sweeps every lane now. One that cannot be swept does not keep others from it.
func (s *Store) retentionRun(ctx context.Context, input json.RawMessage, progress func(control.Progress)) (any, error) {
	var a RetentionArguments
	if err := json.Unmarshal(input, &a); err != nil {
		return nil, fmt.Errorf("read the arguments: %w", err)
	}
	if err := s.audited(ctx, a.Staff, CommandRetentionRun, fmt.Sprintf("unusual shares allowed: %t", a.Yes)); err != nil {
		return nil, err
	}
	results, errs := []engine.Result{}, []error(nil)
	for _, l := range eventlog.Lanes {
		r, err := s.Retention.Sweep(ctx, l, a.Yes, sweepSteps(progress))
		if err != nil {
			errs = append(errs, err)
		} else if len(r.Plan.Segments) > 0 {
			results = append(results, r)
		}
	}
	return results, errors.Join(errs...)
}

func sweepSteps(show func(control.Progress)) engine.Progress {
	return func(step string, done, total uint64) { show(control.Progress{Step: step, Done: done, Total: total}) }
}

// sweeping is the engine at work beside a server.
type sweeping struct {
	cancel context.CancelFunc
	runner sync.WaitGroup
}

func (n *Node) startRetention() {
	ctx, cancel := context.WithCancel(context.Background())
	n.sweeping.cancel = cancel
	n.sweeping.runner.Go(func() {
		if err := n.Retention.Run(ctx); err != nil {
			n.fail(fmt.Errorf("carry the policy out: %w", err))
		}
	})
}

func (w *sweeping) stop() {
	if w.cancel != nil {
		w.cancel()
		w.runner.Wait()
	}
}
