package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/archive"
	"protokoll/projections/state"
	"protokoll/retention"
	"protokoll/schemas"
)

var (
	// ErrUnusual is returned when a sweep would end more facts than the policy allows without being asked.
	ErrUnusual = errors.New("an unusual share of the lane is due: look at the plan, then run it with --yes")
	// ErrRule is returned when events could become due for which the policy has no rule.
	ErrRule = errors.New("no rule says when they go")
	// ErrLost is returned when a fact that is still true was not moved. The segment stays.
	ErrLost = errors.New("a fact that is true was left behind")
	// ErrPlan is returned when a written plan cannot be read.
	ErrPlan = errors.New("the plan of a sweep is damaged")
)

// State is what the engine needs of the current facts. *state.State has it.
type State interface {
	Each(schemas.Family, func(state.Fact) error) error
	Get(schemas.OwnerID, schemas.Family, schemas.EntityID) (state.Fact, bool, error)
	Wait(context.Context, ...eventlog.Position) error
	RenewLaneOn(context.Context, eventlog.Lane, eventlog.Log) error
}

// Keys is what the engine needs of the keybook. *seal.Keybook has it.
type Keys interface {
	Server() *seal.Owner
	Owner(schemas.OwnerID) (*seal.Owner, error)
}

// Ledger is what the engine needs of the ledger. *ledger.Ledger has it.
type Ledger interface {
	// Forget returns when the ledger is durably past last and holds nothing of the numbers any more. It may be repeated.
	Forget(ctx context.Context, lane eventlog.Lane, first, last uint64) error
}

// Archive is what the engine needs of the index of archived facts. *archive.Index has it.
type Archive interface {
	// Wait returns when everything up to the positions is folded.
	Wait(context.Context, ...eventlog.Position) error
	// Part says what is still true of the segment that begins with a number.
	Part(first uint64) archive.Part
	// Holds tells whether the fact of a rank stands at exactly this number.
	Holds(owner schemas.OwnerID, rank, number uint64) (bool, error)
	// Forget drops what is kept of a segment. It may be repeated.
	Forget(ctx context.Context, lane eventlog.Lane, first, last uint64) error
}

// Config is what an engine is made of. Log, State, Keys, Policy and Folder are required.
type Config struct {
	Log    eventlog.Sweeper
	State  State
	Keys   Keys
	Ledger Ledger // nil where none is kept
	// Archive says what is true of lane archive, whose facts no State could list. nil: there only age and erased owners make an event due.
	Archive Archive
	Policy  *retention.Policy
	Folder  string // for plans
	Logger  *slog.Logger

	Clock   func() time.Time     // nil: time.Now
	Elapsed func() time.Duration // never jumps; nil: the process's monotonic clock
	// Dropping is held while segments go, so that who reads a whole lane does not lose its beginning. nil: nobody does.
	Dropping sync.Locker
	// Share is the part of the time that a sweep works, in (0, 1]; 0: DefaultShare. Bytes is how many it appends per second; 0:
	// DefaultBytes.
	Share float64
	Bytes int
	// Step, where it is set, is told of each step before it is done, and may end the sweep there. For tests of crashes.
	Step func(step string) error
}

const (
	// DefaultShare keeps three quarters of one core's time, and of the lane's writer, free for chat.
	DefaultShare = 0.25
	// DefaultBytes is how many bytes a sweep appends per second.
	DefaultBytes = 16 << 20
)

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Elapsed == nil {
		began := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(began) }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Dropping == nil {
		c.Dropping = new(sync.Mutex)
	}
	if c.Share == 0 {
		c.Share = DefaultShare
	}
	if c.Bytes == 0 {
		c.Bytes = DefaultBytes
	}
	if c.Step == nil {
		c.Step = func(string) error { return nil }
	}
	return c
}

// Progress is told how far a step is; total 0 means that it is not known.
type Progress func(step string, done, total uint64)
