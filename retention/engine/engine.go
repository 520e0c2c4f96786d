package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
)

// Engine carries out a policy on one log. Its methods may be used by many goroutines.
type Engine struct {
	cfg   Config
	rules *rules
	wake  chan struct{} // has room for one

	work sync.Mutex // one sweep or plan at a time; guards trust
	trust

	mu    sync.Mutex // guards the following
	voids map[seal.SegmentID]uint64
	next  map[eventlog.Lane]time.Time // when a sweep is to begin
	last  map[eventlog.Lane]Result    // what the newest sweep came to
	waits map[eventlog.Lane]error     // why a lane is not swept
}

// New checks that the policy has a rule for all that becomes due. It returns ErrRule if not.
func New(c Config) (*Engine, error) {
	c = c.withDefaults()
	r, err := newRules(c.Policy)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of plans: %w", err)
	}
	return &Engine{
		cfg: c, rules: r, wake: make(chan struct{}, 1), trust: trust{clock: c.Clock, elapsed: c.Elapsed},
		voids: map[seal.SegmentID]uint64{}, next: map[eventlog.Lane]time.Time{}, last: map[eventlog.Lane]Result{},
		waits: map[eventlog.Lane]error{},
	}, nil
}

// Result is what a sweep did.
type Result struct {
	Plan     Plan          `json:"plan"`
	Moved    uint64        `json:"moved"`
	Erased   uint64        `json:"erased"` // void numbers are not counted
	Held     uint64        `json:"held"`
	Finished time.Time     `json:"finished"`
	Took     time.Duration `json:"took"`
}

// Plan says what a sweep of the lane would do now. It changes nothing. show may be nil.
func (e *Engine) Plan(ctx context.Context, l eventlog.Lane, show Progress) (Plan, error) {
	e.work.Lock()
	defer e.work.Unlock()
	if p, found, err := e.readPlan(l); found || err != nil {
		return p, err
	}
	list := e.cfg.Log.Segments(l)
	j, err := e.judge(ctx, l)
	if err != nil {
		return Plan{}, fmt.Errorf("plan a sweep of lane %s: %w", l, err)
	}
	return e.plan(ctx, l, list, j, withDefault(show))
}

// Sweep plans and carries out a sweep of one lane, or goes on with one that was interrupted. allowed is staff's consent to an
// unusual share. It returns ErrUnusual where that is needed and missing, and eventlog.ErrPinned if a segment is being copied;
// the sweep is finished by the next call then. show may be nil.
func (e *Engine) Sweep(ctx context.Context, l eventlog.Lane, allowed bool, show Progress) (Result, error) {
	e.work.Lock()
	defer e.work.Unlock()
	r, err := e.sweep(ctx, l, allowed, withDefault(show))
	if err != nil {
		err = fmt.Errorf("sweep lane %s: %w", l, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waits[l] = err
	if err == nil {
		e.last[l] = r
	}
	return r, err
}

func withDefault(show Progress) Progress {
	if show == nil {
		return func(string, uint64, uint64) {}
	}
	return show
}

func (e *Engine) sweep(ctx context.Context, l eventlog.Lane, allowed bool, show Progress) (r Result, err error) {
	began := time.Now()
	p, resumed, err := e.readPlan(l)
	if err != nil {
		return r, err
	}
	if !resumed {
		if p, err = e.begin(ctx, l, allowed, show); err != nil || len(p.Segments) == 0 {
			return Result{Plan: p, Finished: e.cfg.Clock()}, err
		}
	}
	// The log notes what comes after the last of the planned numbers, and only then the state is asked, again, what is true: a
	// segment that was rolled has grown since the plan was made, and a fact in it must not look like what supersedes it.
	noting := e.cfg.Log.BeginSweep(l)
	defer noting.End()
	j, err := e.judge(ctx, l)
	if err != nil {
		return r, err
	}
	w := &work{Engine: e, lane: l, plan: p, judge: j, noting: noting, show: show, pace: newThrottle(e.cfg.Share, e.cfg.Bytes)}
	if err := w.do(ctx, resumed); err != nil {
		return r, err
	}
	r = Result{Plan: p, Moved: w.moved, Erased: w.erased, Held: w.held, Finished: e.cfg.Clock(), Took: time.Since(began)}
	e.cfg.Logger.Info("lane swept", "lane", l.String(), "segments", len(p.Segments), "moved", r.Moved, "erased", r.Erased,
		"held", r.Held, "took", r.Took.Round(time.Millisecond))
	return r, nil
}

// begin makes a plan, asks whether it is usual, rolls the live segment where that is needed, and writes the plan down.
func (e *Engine) begin(ctx context.Context, l eventlog.Lane, allowed bool, show Progress) (Plan, error) {
	list := e.cfg.Log.Segments(l)
	j, err := e.judge(ctx, l)
	if err != nil {
		return Plan{}, err
	}
	p, err := e.plan(ctx, l, list, j, show)
	if err != nil || len(p.Segments) == 0 {
		return p, err
	}
	if !allowed && e.unusual(p) {
		return p, fmt.Errorf("%d of %d: %w", p.Ends, p.Facts, ErrUnusual)
	}
	if p.Roll {
		if err := e.step("roll"); err != nil {
			return p, err
		}
		if err := e.cfg.Log.Roll(ctx, l); err != nil {
			return p, fmt.Errorf("close the live segment: %w", err)
		}
		e.settle(&p, l)
	}
	p.Allowed = allowed
	if err := e.step("plan"); err != nil {
		return p, err
	}
	return p, e.writePlan(l, p)
}

// settle gives the segment that was live when the plan was made its end, and leaves out what is not closed after all.
func (e *Engine) settle(p *Plan, l eventlog.Lane) {
	closed := map[string]eventlog.Segment{}
	for _, s := range e.cfg.Log.Segments(l) {
		if s.Closed {
			closed[s.ID.String()] = s
		}
	}
	kept := p.Segments[:0]
	for _, s := range p.Segments {
		if c, ok := closed[s.ID]; ok {
			s.Last, s.Bytes = c.Last, c.Bytes
			kept = append(kept, s)
		}
	}
	p.Segments = kept
}

// unusual tells whether a sweep ends more than may go unasked. What was superseded or ended anyway does not count.
func (e *Engine) unusual(p Plan) bool {
	limits := e.cfg.Policy.Limits
	return p.Ends > uint64(limits.SweepFloor) && p.Ends*100 > p.Facts*uint64(limits.SweepShare)
}

// errStep is returned where a test ends a sweep.
var errStep = errors.New("ended there")

func (e *Engine) step(name string) error {
	if err := e.cfg.Step(name); err != nil {
		return fmt.Errorf("at step %q: %w: %w", name, errStep, err)
	}
	return nil
}

// judge looks at what is true now. The state has passed everything that the log did not note for the sweep.
func (e *Engine) judge(ctx context.Context, l eventlog.Lane) (*judge, error) {
	for _, lane := range []eventlog.Lane{l, eventlog.Lasting} { // accounts and restrictions lie in the second
		if err := e.cfg.State.Wait(ctx, eventlog.Position{Lane: lane, Number: e.cfg.Log.Mark(lane)}); err != nil {
			return nil, err
		}
	}
	if l == eventlog.Archive && e.cfg.Archive != nil {
		if err := e.cfg.Archive.Wait(ctx, eventlog.Position{Lane: l, Number: e.cfg.Log.Mark(l)}); err != nil {
			return nil, err
		}
	}
	newest, policy, err := e.newest(ctx, l)
	if err != nil {
		return nil, err
	}
	now, ages := e.now(newest)
	p, err := e.people()
	if err != nil {
		return nil, err
	}
	x, err := e.index(l, p, now, ages)
	if err != nil {
		return nil, err
	}
	if time.UnixMilli(x.newest).After(now) && ages {
		ages = false
		if x, err = e.index(l, p, now, false); err != nil {
			return nil, err
		}
	}
	return &judge{rules: e.rules, lane: l, people: p, index: x, now: now, ages: ages, policy: policy, archive: e.cfg.Archive}, nil
}

// newest returns the time of the newest event of all lanes, and the number of the policy's newest event if l is the lane of
// such events.
func (e *Engine) newest(ctx context.Context, l eventlog.Lane) (newest time.Time, policy uint64, err error) {
	newest = time.UnixMilli(0)
	for _, lane := range eventlog.Lanes {
		mark := e.cfg.Log.Mark(lane)
		if mark == 0 {
			continue
		}
		err := e.cfg.Log.Read(ctx, lane, mark, mark, func(all []eventlog.Record) error {
			for _, r := range all {
				if r.Envelope.GetOrigin() == 0 && r.Time().After(newest) {
					newest = r.Time()
				}
			}
			return nil
		})
		if err != nil {
			return newest, 0, err
		}
	}
	if l != eventlog.Audit {
		return newest, 0, nil
	}
	err = e.cfg.Log.Read(ctx, l, 1, e.cfg.Log.Mark(l), func(all []eventlog.Record) error {
		for _, r := range all {
			if r.Envelope.GetType() == policyType {
				policy = r.Position.Number
			}
		}
		return nil
	})
	return newest, policy, err
}

// policyType is the event that says which policy is in force.
const policyType = "audit.policy"
