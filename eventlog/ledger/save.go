package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"protokoll/eventlog"
	"protokoll/internal/durable"
)

// Run follows the log until ctx ends or the log is closed, and then holds all that is durable in it. It saves, signs
// checkpoints and pushes them. It returns nil unless something failed.
func (g *Ledger) Run(ctx context.Context) error {
	followers, following := errgroup.WithContext(ctx)
	for _, id := range eventlog.Lanes {
		l := g.lanes[id]
		followers.Go(func() error { return g.follow(following, l) })
	}
	done := make(chan struct{})
	keeper := make(chan error, 1)
	go func() { keeper <- g.keepSaving(done) }()
	err := followers.Wait()
	close(done)
	if ctx.Err() != nil || errors.Is(err, eventlog.ErrStopped) {
		err = nil
	}
	return errors.Join(err, <-keeper)
}

func (g *Ledger) follow(ctx context.Context, l *lane) error {
	l.mu.Lock()
	from := l.tree.size + 1
	l.mu.Unlock()
	err := g.cfg.Log.Follow(ctx, l.id, from, func(records []eventlog.Record) error {
		if err := g.take(l, records); err != nil {
			return fmt.Errorf("ledger of lane %s: %w", l.id, err)
		}
		poke(g.changed)
		return nil
	})
	if errors.Is(err, eventlog.ErrStopped) {
		return nil // others still drain theirs
	}
	return err
}

// keepSaving saves a while after something changed, at once when somebody waits, and signs checkpoints.
func (g *Ledger) keepSaving(done <-chan struct{}) error {
	var save, sign <-chan time.Time
	hurry := false
	for {
		select {
		case <-done:
			return nil
		case <-g.urgent:
			hurry = true
		case <-g.changed:
			if save == nil {
				save = time.After(g.cfg.Save)
			}
			if sign == nil {
				sign = time.After(g.cfg.Every)
			}
			if !hurry {
				continue
			}
		case <-save:
		case <-sign:
			sign = nil
			if _, err := g.Checkpoint(); err != nil {
				return err
			}
			continue
		}
		hurry = hurry && save == nil // nothing has come yet
		if save != nil {
			save = nil
			if err := g.save(); err != nil {
				return err
			}
		}
	}
}

// save makes all leaves durable and then the tip that counts them.
func (g *Ledger) save() error {
	g.saving.Lock()
	defer g.saving.Unlock()
	if err := g.cfg.Before(StepLeaves); err != nil {
		return err
	}
	t := tip{epoch: g.epoch, lanes: map[eventlog.Lane]laneTip{}}
	changed := false
	for _, id := range eventlog.Lanes {
		l := g.lanes[id]
		l.mu.Lock()
		err := l.tree.flush()
		dirty := l.tree.takeDirty()
		t.lanes[id] = laneTip{size: l.tree.size, root: l.tree.root(), born: l.born}
		changed = changed || l.tree.size != l.saved
		l.mu.Unlock()
		if err = errors.Join(err, syncFiles(dirty)); err != nil {
			return fmt.Errorf("save the ledger: %w", err)
		}
	}
	if !changed {
		return nil
	}
	if err := g.cfg.Before(StepTip); err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(g.cfg.Dir, tipFile), t.encode()); err != nil {
		return fmt.Errorf("save the ledger: %w", err)
	}
	for id, lt := range t.lanes {
		g.lanes[id].passed(lt.size)
	}
	return nil
}

func syncFiles(dirty map[string]*os.File) error {
	var errs []error
	for _, f := range dirty {
		errs = append(errs, f.Sync(), f.Close())
	}
	return errors.Join(errs...)
}

func (l *lane) passed(size uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size > l.saved {
		l.saved = size
		close(l.moved)
		l.moved = make(chan struct{})
	}
}

// Checkpoint returns a signed checkpoint of all that was taken from the log: the newest one, if nothing changed since.
func (g *Ledger) Checkpoint() ([]byte, error) {
	g.issuing.Lock()
	defer g.issuing.Unlock()
	if err := g.save(); err != nil {
		return nil, err
	}
	c := Checkpoint{Epoch: g.epoch, Time: g.cfg.Clock().UTC().Truncate(time.Second), Lanes: map[eventlog.Lane]LaneRoot{}}
	for _, id := range eventlog.Lanes {
		l := g.lanes[id]
		l.mu.Lock()
		size := l.saved
		root, err := l.tree.rootAt(size)
		l.mu.Unlock()
		if err != nil {
			return nil, fmt.Errorf("checkpoint of lane %s: %w", id, err)
		}
		c.Lanes[id] = LaneRoot{Size: size, Root: root}
	}
	if g.signed == nil || !c.sameTrees(g.newest) {
		if err := g.issue(c); err != nil {
			return nil, err
		}
	}
	if err := g.cfg.Before(StepPush); err != nil {
		return nil, err
	}
	g.push()
	return g.signed, nil
}

func (g *Ledger) issue(c Checkpoint) error {
	if c.Time.Before(g.newest.Time) {
		c.Time = g.newest.Time // the list is in order also when the clock was put back
	}
	signed, err := c.sign(g.key.signer)
	if err != nil {
		return err
	}
	if err := g.cfg.Before(StepIssue); err != nil {
		return err
	}
	if err := g.own.add(c, signed); err != nil {
		return err
	}
	g.newest, g.signed, g.unkept = c, signed, true
	if err := g.thinner.next(g.own, c.Time); err != nil { // costs room and nothing else
		g.cfg.Logger.Error("old checkpoints were not thinned", "error", err)
	}
	return nil
}

// push gives the newest checkpoint to the place that keeps them. A place that cannot be reached does not stop the server: the
// next checkpoint says all that this one does.
func (g *Ledger) push() {
	if g.keep == nil || !g.unkept || g.signed == nil {
		return
	}
	if err := g.keep.add(g.newest, g.signed); err != nil {
		g.cfg.Logger.Error("a checkpoint could not be pushed to the place that keeps them", "error", err)
		return
	}
	g.unkept = false
}

// Newest returns the newest signed checkpoint, or nil if there is none.
func (g *Ledger) Newest() (Checkpoint, []byte) {
	g.issuing.Lock()
	defer g.issuing.Unlock()
	return g.newest, g.signed
}

// Close signs a last checkpoint. Call it when Run has returned: after the log was closed it covers all of it.
func (g *Ledger) Close() error {
	g.stopped.Do(func() { close(g.stop) })
	_, err := g.Checkpoint()
	return errors.Join(err, g.closeFiles())
}

func (g *Ledger) closeFiles() error {
	var errs []error
	for _, l := range g.lanes {
		l.mu.Lock()
		errs = append(errs, syncFiles(l.tree.takeDirty()))
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}
