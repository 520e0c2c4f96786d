package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/leaf"
)

// tailLeaves is how many of the last leaves of each lane are computed again from the log at start.
const tailLeaves = 256

// ErrDisagrees is returned by Open when the ledger and the log do not say the same, or less than a checkpoint once signed.
var ErrDisagrees = errors.New("the ledger and the log disagree")

// Refusal is why a ledger was not opened, with what an operator can do about it. It wraps ErrDisagrees.
type Refusal struct{ Reason error }

func (r *Refusal) Error() string {
	return fmt.Sprintf("%v: %v. Nothing is served, because what lies here is not what this server once promised. "+
		"If the data folder, or a part of it, is an older copy: put the newest one back. If the newest is lost: "+
		"protokoll restore from a backup. To see where it begins: protokoll audit verify --data DIR. To go on with what is here, "+
		"on record and in a new epoch: protokoll audit accept-loss --data DIR --reason TEXT", ErrDisagrees, r.Reason)
}

func (r *Refusal) Unwrap() []error { return []error{ErrDisagrees, r.Reason} }

// Open compares the ledger with the log and with the place that keeps checkpoints, fills it up to the log's marks, and begins
// a new epoch if the configuration asks for one. It returns a *Refusal if they disagree.
func Open(ctx context.Context, cfg Config) (*Ledger, error) {
	g := newLedger(cfg.withDefaults())
	work := g.open
	if cfg.Begin != nil {
		work = g.begin
	}
	if err := work(ctx); err != nil {
		return nil, fmt.Errorf("open the ledger: %w", errors.Join(err, g.closeFiles()))
	}
	return g, nil
}

func (g *Ledger) open(ctx context.Context) error {
	t, err := g.loadBase()
	if err != nil {
		return &Refusal{err}
	}
	for _, id := range eventlog.Lanes {
		if err := g.loadLane(ctx, id, t.lanes[id]); err != nil {
			return g.refuse(ctx, err)
		}
	}
	return g.compare()
}

// loadBase reads what is not a lane's.
func (g *Ledger) loadBase() (t tip, err error) {
	if g.key, err = readKey(g.cfg.Dir); err != nil {
		return t, err
	}
	if t, err = readTip(g.cfg.Dir); err != nil {
		return t, err
	}
	g.epoch = t.epoch
	g.places()
	return t, nil
}

// places says where checkpoints go.
func (g *Ledger) places() {
	g.own = list{dir: filepath.Join(g.cfg.Dir, checkpointsFolder), v: g.key.verifier}
	if g.cfg.Keep != "" {
		g.keep = &list{dir: g.cfg.Keep, v: g.key.verifier}
	}
}

// refuse tells a disagreement from a fault of reading the log or of the machine.
func (g *Ledger) refuse(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, eventlog.ErrStopped) || errors.Is(err, eventlog.ErrDamaged) {
		return err
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &Refusal{err}
}

func (g *Ledger) loadLane(ctx context.Context, id eventlog.Lane, t laneTip) error {
	mark := g.cfg.Log.Mark(id)
	if t.size > mark {
		return fmt.Errorf("lane %s ends at %d, but the ledger holds %d", id, mark, t.size)
	}
	tr, err := openTree(t.folder(g.cfg.Dir, id), t.size)
	if err != nil {
		return fmt.Errorf("lane %s: %w", id, err)
	}
	if tr.root() != t.root {
		return fmt.Errorf("the stored hashes of lane %s do not make up its root at %d", id, t.size)
	}
	if err := tr.finishForgetting(); err != nil {
		return fmt.Errorf("lane %s: %w", id, err)
	}
	l := &lane{id: id, born: t.born, tree: tr, saved: t.size, moved: make(chan struct{})}
	g.lanes[id] = l
	if err := g.compareTail(ctx, l); err != nil {
		return err
	}
	return g.fill(ctx, l, mark)
}

// compareTail computes the last leaves again from the log.
func (g *Ledger) compareTail(ctx context.Context, l *lane) error {
	size := l.tree.size
	if size == 0 {
		return nil
	}
	from := size - min(size, tailLeaves) + 1
	at, err := g.walk(ctx, l, from, size)
	if err != nil {
		return err
	}
	if at <= size {
		return fmt.Errorf("%s is not what the ledger holds", eventlog.Position{Lane: l.id, Number: at})
	}
	return nil
}

// walk compares leaves of a range of numbers with the log and returns the first number that differs, or last+1. Forgotten
// numbers are passed over.
func (g *Ledger) walk(ctx context.Context, l *lane, from, last uint64) (uint64, error) {
	at := from
	differs := errors.New("differs")
	check := func(h leaf.Hash) error {
		defer func() { at++ }()
		if _, forgotten := l.tree.kept.at(at); forgotten {
			return nil
		}
		stored, err := l.tree.node(0, at-1)
		if err == nil && stored != h {
			at-- // the deferred step
			return differs
		}
		return err
	}
	err := g.cfg.Log.Read(ctx, l.id, from, last, func(records []eventlog.Record) error {
		for i := range records {
			r := &records[i]
			for at < r.Position.Number && at <= last {
				if err := check(leaf.Void()); err != nil {
					return err
				}
			}
			if at > last {
				return nil
			}
			var h leaf.Hash
			h, l.scratch = leaf.Of(l.scratch, r.Bytes, r.Sealed)
			if err := check(h); err != nil {
				return err
			}
		}
		return nil
	})
	for err == nil && at <= last {
		err = check(leaf.Void())
	}
	if errors.Is(err, differs) {
		return at, nil
	}
	if err != nil {
		return at, fmt.Errorf("compare lane %s with the log: %w", l.id, err)
	}
	return at, nil
}

// fill adds what the log holds and the ledger does not.
func (g *Ledger) fill(ctx context.Context, l *lane, mark uint64) error {
	if l.tree.size >= mark {
		return nil
	}
	err := g.cfg.Log.Read(ctx, l.id, l.tree.size+1, mark, func(records []eventlog.Record) error {
		return g.take(l, records)
	})
	if err != nil {
		return fmt.Errorf("fill lane %s from the log: %w", l.id, err)
	}
	poke(g.changed)
	return nil
}

// compare holds the trees against the newest checkpoints, here and where they are kept.
func (g *Ledger) compare() error {
	var err error
	if g.newest, g.signed, err = g.own.newest(); err != nil {
		return &Refusal{err}
	}
	if g.signed != nil {
		if err := g.bears(g.newest); err != nil {
			return &Refusal{fmt.Errorf("the newest checkpoint: %w", err)}
		}
	}
	if g.keep == nil {
		return nil
	}
	if _, err := os.Stat(g.cfg.Keep); err != nil {
		return fmt.Errorf("the place that keeps checkpoints cannot be reached, so nobody can tell whether this data folder is the newest; "+
			"make it reachable, or take ledger.keep out of the configuration for this start: %w", err)
	}
	far, signed, err := g.keep.newest()
	if err != nil {
		return &Refusal{fmt.Errorf("the place that keeps checkpoints: %w", err)}
	}
	switch {
	case signed == nil && g.signed != nil:
		g.cfg.Logger.Warn("the place that keeps checkpoints holds none: this start could not be compared with it")
	case signed != nil:
		if err := g.bears(far); err != nil {
			return &Refusal{fmt.Errorf("the data folder is older than, or not, what the place that keeps checkpoints has seen: %w", err)}
		}
	}
	g.unkept = signed == nil || !far.sameTrees(g.newest)
	return nil
}

// bears tells whether a checkpoint's trees are beginnings of these.
func (g *Ledger) bears(c Checkpoint) error {
	if c.Epoch > g.epoch {
		return fmt.Errorf("a checkpoint was signed in epoch %d, and this is epoch %d", c.Epoch, g.epoch)
	}
	if c.Epoch < g.epoch {
		return nil // a proof.epoch event says what became of it
	}
	for _, id := range eventlog.Lanes {
		want, t := c.Lanes[id], g.lanes[id].tree
		if want.Size > t.size {
			return fmt.Errorf("lane %s ends at %d, and a checkpoint was signed for %d", id, t.size, want.Size)
		}
		root, err := t.rootAt(want.Size)
		if err != nil {
			return fmt.Errorf("lane %s: %w", id, err)
		}
		if root != want.Root {
			return fmt.Errorf("lane %s was something else at %d when a checkpoint was signed", id, want.Size)
		}
	}
	return nil
}
