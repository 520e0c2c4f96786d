package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"protokoll/eventlog"
	"protokoll/internal/durable"
	"protokoll/schemas"
)

// begin opens the ledger whatever it says and begins a new epoch: each tree goes on from the last number up to which the log
// bears it out, or anew. The event comes first: interrupted before the tip, this is done again.
func (g *Ledger) begin(ctx context.Context) error {
	old, err := g.salvage()
	if err != nil {
		return err
	}
	g.epoch = max(old.epoch, g.cfg.Begin.Above) + 1
	event := &schemas.EpochBegun{Epoch: g.epoch, Reason: g.cfg.Begin.Reason, At: g.cfg.Clock().UnixMilli(), Note: g.cfg.Begin.Note}
	t := tip{epoch: g.epoch, lanes: map[eventlog.Lane]laneTip{}}
	for _, id := range eventlog.Lanes {
		l, err := g.goOn(ctx, id, old.lanes[id])
		if err != nil {
			return fmt.Errorf("lane %s: %w", id, err)
		}
		g.lanes[id] = l
		t.lanes[id] = laneTip{size: l.tree.size, root: l.tree.root(), born: l.born}
		event.Ends = append(event.Ends, &schemas.LaneEnd{Lane: uint32(id), Last: l.tree.size})
	}
	receipt := g.cfg.Log.Append(eventlog.Command{Owner: g.cfg.Server, Cause: schemas.Cause_STAFF, Facts: []eventlog.Fact{
		eventlog.Set(strconv.FormatUint(g.epoch, 10), event),
	}})
	if err := receipt.Wait(ctx); err != nil {
		return fmt.Errorf("write down that an epoch begins: %w", err)
	}
	if err := durable.Replace(filepath.Join(g.cfg.Dir, tipFile), t.encode()); err != nil {
		return err
	}
	if err := g.cutKept(); err != nil {
		return err
	}
	for _, id := range eventlog.Lanes {
		if err := g.fill(ctx, g.lanes[id], g.cfg.Log.Mark(id)); err != nil {
			return err
		}
	}
	g.unkept = true
	_, err = g.Checkpoint()
	return err
}

// salvage reads what there is of key and tip. The epoch goes on above every one that a checkpoint names.
func (g *Ledger) salvage() (tip, error) {
	old, err := g.loadBase()
	if err != nil {
		if err := g.salvageKey(err); err != nil {
			return old, err
		}
		old = firstTip()
		g.places()
	}
	for _, place := range []*list{&g.own, g.keep} {
		if place == nil {
			continue
		}
		c, _, err := place.newest()
		if err != nil {
			g.cfg.Logger.Warn("checkpoints cannot be read", "error", err.Error())
			continue
		}
		old.epoch = max(old.epoch, c.Epoch)
	}
	return old, nil
}

// salvageKey makes a key only where there is none.
func (g *Ledger) salvageKey(why error) (err error) {
	if g.key.signer != nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(g.cfg.Dir, keyFile)); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the ledger's key cannot be used, and another one would make all checkpoints worthless: put it back from a backup: %w", why)
	}
	if err := makeFolder(filepath.Join(g.cfg.Dir, checkpointsFolder)); err != nil {
		return err
	}
	if err := createKey(g.cfg.Dir); err != nil {
		return err
	}
	g.key, err = readKey(g.cfg.Dir)
	return err
}

// goOn finds up to where the log bears a stored tree out.
func (g *Ledger) goOn(ctx context.Context, id eventlog.Lane, t laneTip) (*lane, error) {
	l := &lane{id: id, born: t.born, moved: make(chan struct{})}
	size, err := g.common(ctx, l, t)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, eventlog.ErrDamaged) {
		return nil, err
	}
	if err == nil && size > 0 {
		l.tree, err = openTree(t.folder(g.cfg.Dir, id), size)
	}
	if err != nil || size == 0 { // nothing of it can be used
		l.born = g.epoch
		if l.tree, err = openTree(laneTip{born: g.epoch}.folder(g.cfg.Dir, id), 0); err != nil {
			return nil, err
		}
	}
	l.saved = l.tree.size
	return l, nil
}

// common is the size up to which a stored tree and the log agree.
func (g *Ledger) common(ctx context.Context, l *lane, t laneTip) (uint64, error) {
	var err error
	if l.tree, err = openTree(t.folder(g.cfg.Dir, l.id), t.size); err != nil {
		return 0, err
	}
	if l.tree.root() != t.root {
		return 0, errors.New("the stored hashes do not make up the root")
	}
	size := min(t.size, g.cfg.Log.Mark(l.id))
	if size == 0 {
		return 0, nil
	}
	differs, err := g.walk(ctx, l, 1, size)
	return differs - 1, err
}

// cutKept removes what was kept above the trees' ends: these numbers will be others.
func (g *Ledger) cutKept() error {
	for _, l := range g.lanes {
		k := l.tree.kept
		whole := k.spans[:0]
		for _, s := range k.spans {
			if s.last <= l.tree.size {
				whole = append(whole, s)
				continue
			}
			if err := os.Remove(s.file(k.dir)); err != nil {
				return fmt.Errorf("remove what was kept: %w", err)
			}
		}
		k.spans = whole
	}
	return nil
}
