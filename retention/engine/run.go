package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
)

const (
	// firstAfter is when lanes are looked at after the start: sign-ins after a restart go first.
	firstAfter = time.Minute
	// tickEvery is how long the engine looks away at most.
	tickEvery = time.Minute
	// erasedAfter is when the lanes of an erased account are swept, so that a mass of erasures shares sweeps. Its deadline is an hour.
	erasedAfter = 10 * time.Minute
	// endsAfter is when a lane is swept again in which a rule ended facts: the ENDs say when they were, and have to go too.
	endsAfter = 10 * time.Minute
	// againAfter is the pause after a sweep that could not be finished, such as while a backup copies.
	againAfter = 5 * time.Minute
)

// peopleLanes hold what people's facts are in.
var peopleLanes = []eventlog.Lane{eventlog.Now, eventlog.Inbox, eventlog.Lasting, eventlog.Archive, eventlog.Held}

// Run goes on with sweeps that were interrupted, and then sweeps each lane in time, until ctx ends. It returns what makes it
// impossible to go on with the log; a sweep that fails is reported and tried again.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.Resume(ctx); err != nil {
		e.cfg.Logger.Error("an interrupted sweep could not be finished; it is tried again", "error", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { cancel(e.followErasures(ctx)) })
	for ctx.Err() == nil {
		e.Tick(ctx)
		timer := time.NewTimer(tickEvery)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-e.wake:
		}
		timer.Stop()
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, eventlog.ErrStopped) {
		return err
	}
	return nil
}

// Resume finishes the sweeps whose plans were found.
func (e *Engine) Resume(ctx context.Context) error {
	var errs error
	for _, l := range eventlog.Lanes {
		_, found, err := e.readPlan(l)
		if found && err == nil {
			e.cfg.Logger.Info("going on with an interrupted sweep", "lane", l.String())
			_, err = e.Sweep(ctx, l, false, nil)
		}
		errs = errors.Join(errs, err)
	}
	return errs
}

// Tick sweeps the lanes whose time has come.
func (e *Engine) Tick(ctx context.Context) {
	for _, l := range eventlog.Lanes {
		if ctx.Err() != nil || !e.isTime(l) {
			continue
		}
		period := Period(e.cfg.Policy, l)
		began := e.cfg.Clock()
		r, err := e.Sweep(ctx, l, false, nil)
		if r.Plan.Ends > 0 {
			period = min(period, endsAfter)
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, eventlog.ErrStopped):
			return
		case err != nil:
			e.cfg.Logger.Error("a lane was not swept; it is tried again", "lane", l.String(), "error", err)
			e.schedule(l, e.cfg.Clock().Add(min(againAfter, period)))
		default:
			e.schedule(l, began.Add(period))
		}
	}
}

// isTime tells whether a lane's sweep is to begin. The first time it only says when.
func (e *Engine) isTime(l eventlog.Lane) bool {
	period := Period(e.cfg.Policy, l)
	if period == 0 {
		return false
	}
	now := e.cfg.Clock()
	e.mu.Lock()
	defer e.mu.Unlock()
	next, known := e.next[l]
	if !known || next.After(now.Add(period)) { // the clock was set back
		e.next[l] = now.Add(min(firstAfter, period))
		return false
	}
	return !next.After(now)
}

func (e *Engine) schedule(l eventlog.Lane, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.next[l] = at
}

// Soon has the lanes with people's facts swept within a time, for an account that was erased.
func (e *Engine) Soon(within time.Duration) {
	at := e.cfg.Clock().Add(within)
	e.mu.Lock()
	for _, l := range peopleLanes {
		if next, known := e.next[l]; !known || next.After(at) {
			e.next[l] = at
		}
	}
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// orderType is the event that says that an account was erased.
const orderType = "proof.order"

// followErasures has lanes swept when an account was erased. What was erased before the start is swept after it anyway.
func (e *Engine) followErasures(ctx context.Context) error {
	return e.cfg.Log.Follow(ctx, eventlog.Proof, e.cfg.Log.Mark(eventlog.Proof)+1, func(all []eventlog.Record) error {
		for _, r := range all {
			if r.Envelope.GetType() != orderType {
				continue
			}
			m, err := e.open(r)
			if err != nil {
				return fmt.Errorf("follow what is erased: %w", err)
			}
			if o, ok := m.(*schemas.Ordered); ok && o.GetKind() == schemas.OrderKind_ERASURE {
				e.Soon(erasedAfter)
			}
		}
		return nil
	})
}
