package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/leaf"
	"protokoll/eventlog/seal"
	"protokoll/internal/durable"
	"protokoll/schemas"
)

const (
	// DefaultEvery is how long changes wait for a checkpoint.
	DefaultEvery = time.Minute
	// DefaultSave is how long leaves wait to be saved. What a crash takes of them is filled from the log; four syncs every
	// 50 ms would cost more than the 2 µs an event that the ledger may cost.
	DefaultSave = time.Second
	// batchLeaves is how many leaves of a lane are held in memory before they are written.
	batchLeaves = 4096

	checkpointsFolder = "checkpoints"
)

var (
	// ErrExists is returned by Create when there is a ledger already.
	ErrExists = errors.New("there is a ledger already")
	// ErrStopped is returned for a wait that cannot end any more, because the ledger was closed or failed.
	ErrStopped = errors.New("the ledger is stopped")
)

// Config says where a ledger lies and what it follows. Dir, Log and Server are required.
type Config struct {
	Dir    string
	Log    eventlog.Log
	Server *seal.Owner // whose facts proof.epoch events are
	Keep   string      // folder off this machine to which checkpoints are pushed and which is read at start; empty: none
	Clock  func() time.Time
	Every  time.Duration // DefaultEvery if 0
	Save   time.Duration // DefaultSave if 0
	Logger *slog.Logger  // nothing is logged if nil
	// Begin, where it is set, begins a new epoch: trees go on as far as the log bears them out.
	Begin *Beginning
	// Before, where it is set, is told of each step of writing a checkpoint before it is done; an error ends it there, as a kill
	// would. For tests of crashes.
	Before func(Step) error
}

// Step is a step of writing a checkpoint.
type Step int

// The steps. Each may be the last that a process did.
const (
	StepLeaves Step = iota // hashes are written and synced
	StepTip                // the tip that counts them takes the place of the old one
	StepIssue              // the signed checkpoint is added to the list
	StepPush               // and to the list that is kept elsewhere
	Steps                  // how many there are
)

// Beginning says why an epoch begins.
type Beginning struct {
	Reason schemas.EpochReason
	Note   string // as staff wrote it down
	Above  uint64 // the epoch is a later one than this, besides those that are known here
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Before == nil {
		c.Before = func(Step) error { return nil }
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	if c.Save == 0 {
		c.Save = DefaultSave
	}
	return c
}

// Ledger is an open ledger. Its methods may be used by many goroutines.
type Ledger struct {
	cfg   Config
	key   signing
	own   list
	keep  *list // nil: none
	epoch uint64
	lanes map[eventlog.Lane]*lane

	issuing sync.Mutex // one checkpoint at a time, and no forgetting meanwhile; guards the following
	newest  Checkpoint
	signed  []byte // of newest; nil if there is none
	unkept  bool   // newest was not pushed
	thinner thinner

	saving sync.Mutex // one save at a time

	changed chan struct{} // holds one token when there are leaves that are not saved
	urgent  chan struct{} // holds one token when somebody waits for a save
	stop    chan struct{} // closed when nothing is saved any more
	stopped sync.Once
}

// lane is one lane's tree and who waits for it.
type lane struct {
	id   eventlog.Lane
	born uint64

	mu      sync.Mutex // guards the following
	tree    *tree
	saved   uint64        // size that the tip states
	moved   chan struct{} // closed and made anew when saved grew
	scratch []byte
}

// Create makes an empty ledger with a new key, for the day a data folder is set up, and returns the public half of the key.
// A creation that was interrupted before its tip is taken up again.
func Create(dir string) (public string, err error) {
	if _, err := os.Stat(filepath.Join(dir, tipFile)); err == nil {
		return "", fmt.Errorf("%s: %w", dir, ErrExists)
	}
	if err := makeFolder(filepath.Join(dir, checkpointsFolder)); err != nil {
		return "", fmt.Errorf("create the ledger: %w", err)
	}
	if err := createKey(dir); err != nil {
		return "", err
	}
	if err := durable.Replace(filepath.Join(dir, tipFile), firstTip().encode()); err != nil {
		return "", fmt.Errorf("create the ledger: %w", err)
	}
	public, _, err = readPublic(dir)
	return public, err
}

func newLedger(cfg Config) *Ledger {
	return &Ledger{
		cfg: cfg, lanes: map[eventlog.Lane]*lane{},
		changed: make(chan struct{}, 1), urgent: make(chan struct{}, 1), stop: make(chan struct{}),
	}
}

func (g *Ledger) lane(id eventlog.Lane) *lane { return g.lanes[id] }

// Public returns the public half of the key, as note.NewVerifier takes it.
func (g *Ledger) Public() string { return g.key.public }

// Epoch returns the epoch, from 1.
func (g *Ledger) Epoch() uint64 { return g.epoch }

// take appends the leaves of events, and those of void numbers before them.
func (g *Ledger) take(l *lane, records []eventlog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range records {
		r := &records[i]
		if r.Position.Number <= l.tree.size {
			return fmt.Errorf("%s came again: %w", r.Position, ErrDisagrees)
		}
		if err := l.tree.addVoid(r.Position.Number - 1); err != nil {
			return err
		}
		var h leaf.Hash
		h, l.scratch = leaf.Of(l.scratch, r.Bytes, r.Sealed)
		l.tree.add(h)
	}
	return l.tree.spill()
}

// spill bounds what is held in memory.
func (t *tree) spill() error {
	if len(t.pending[0].hashes) < batchLeaves {
		return nil
	}
	return t.flush()
}

// Passed returns when the ledger durably holds a position.
func (g *Ledger) Passed(ctx context.Context, p eventlog.Position) error {
	l := g.lane(p.Lane)
	if l == nil {
		return fmt.Errorf("%s: no such lane", p)
	}
	for {
		l.mu.Lock()
		saved, held, moved := l.saved, l.tree.size, l.moved
		l.mu.Unlock()
		if saved >= p.Number {
			return nil
		}
		if held >= p.Number {
			if err := g.save(); err != nil {
				return err
			}
			continue
		}
		poke(g.urgent) // whatever comes next is saved at once
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-g.stop:
			return ErrStopped
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Prove returns the inclusion proof of a number in the lane's tree of a size. RFC 9162 §2.1.3. It fails for a number that
// was forgotten and has no kept leaf.
func (g *Ledger) Prove(p eventlog.Position, size uint64) (hash tlog.Hash, proof []tlog.Hash, err error) {
	l := g.lane(p.Lane)
	if l == nil || p.Number == 0 || p.Number > size {
		return hash, nil, fmt.Errorf("%s is not in a tree of %d", p, size)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if size > l.tree.size {
		return hash, nil, fmt.Errorf("%s: the tree does not have %d numbers yet", p.Lane, size)
	}
	if hash, err = l.tree.node(0, p.Number-1); err != nil {
		return hash, nil, err
	}
	proof, err = tlog.ProveRecord(int64(size), int64(p.Number-1), l.tree)
	return hash, proof, err
}
