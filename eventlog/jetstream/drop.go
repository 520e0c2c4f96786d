package jetstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
)

// Drop removes closed segments. It runs beside the lane's writer, which waits for it only while a manifest is written. See
// eventlog.Sweeper.
func (g *Log) Drop(ctx context.Context, id eventlog.Lane, ids ...seal.SegmentID) error {
	g.open.RLock() // Close waits: nothing may be removed from a folder that another process has opened
	defer g.open.RUnlock()
	l := g.lane(id)
	if l == nil {
		return fmt.Errorf("drop in %s: %w", id, eventlog.ErrMissing)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	doomed, err := l.doom(ids)
	if err != nil {
		return err
	}
	if err := l.condemn(doomed); err != nil {
		return err
	}
	return l.finishDrops(doomed)
}

// doom chooses the segments to drop, all or none, so that nobody pins one any more.
func (l *lane) doom(ids []seal.SegmentID) (doomed []*segment, err error) {
	l.chain.Lock()
	defer l.chain.Unlock()
	if l.stopped != nil {
		return nil, eventlog.ErrStopped
	}
	for _, s := range l.segments {
		if !slices.Contains(ids, s.id) {
			continue
		}
		switch {
		case s.state == open:
			return nil, fmt.Errorf("segment %s: %w", s.name(), eventlog.ErrLive)
		case s.pins > 0:
			return nil, fmt.Errorf("segment %s: %w", s.name(), eventlog.ErrPinned)
		}
		doomed = append(doomed, s)
	}
	for _, s := range doomed {
		s.doomed = true
	}
	return doomed, nil
}

// condemn states in the manifest that segments are going. Followers read them until that is on disk.
func (l *lane) condemn(doomed []*segment) error {
	if len(doomed) == 0 {
		return nil
	}
	l.manifests.Lock()
	defer l.manifests.Unlock()
	m, swept := l.describe(), []sweptEntry(nil)
	for _, s := range doomed {
		i := slices.IndexFunc(m.Segments, func(e segmentEntry) bool { return e.ID == s.id.String() })
		if i >= 0 && m.Segments[i].State == closed {
			m.Swept = join(m.Swept, sweptEntry{s.first, s.last})
			m.Segments[i] = segmentEntry{ID: m.Segments[i].ID, State: dropping, First: s.first}
		}
	}
	swept = m.Swept
	err := l.replaceManifest(m)
	l.chain.Lock()
	defer l.chain.Unlock()
	for _, s := range doomed {
		if err != nil {
			s.doomed = false
			continue
		}
		if s.state == closed {
			l.tail.forget(s.last)
		}
		s.state = dropping
	}
	if err == nil {
		l.swept = swept
	}
	return err
}

// join puts a range among others, ascending, and makes one of those that touch.
func join(ranges []sweptEntry, r sweptEntry) []sweptEntry {
	all := append(slices.Clone(ranges), r)
	slices.SortFunc(all, func(a, b sweptEntry) int {
		if a.First < b.First {
			return -1
		}
		return 1
	})
	joined := all[:1]
	for _, next := range all[1:] {
		if last := &joined[len(joined)-1]; next.First <= last.Last+1 {
			last.Last = max(last.Last, next.Last)
		} else {
			joined = append(joined, next)
		}
	}
	return joined
}

// finishDrops carries removals through: keys, folders, and only then the names in the manifest. Each step may be repeated.
func (l *lane) finishDrops(gone []*segment) error {
	if len(gone) == 0 {
		return nil
	}
	ids := make([]seal.SegmentID, len(gone))
	for i, s := range gone {
		ids[i] = s.id
	}
	if err := l.log.forgetKeys(ids...); err != nil {
		return err
	}
	for _, s := range gone {
		if s.dir == "" {
			continue
		}
		if err := l.log.removeFolder(s.dir); err != nil {
			return err
		}
	}
	l.manifests.Lock()
	defer l.manifests.Unlock()
	l.unlist(gone...)
	return l.writeManifest()
}

// unlist takes segments out of the chain. Readers that walk the old list keep it.
func (l *lane) unlist(gone ...*segment) {
	l.chain.Lock()
	defer l.chain.Unlock()
	l.segments = slices.DeleteFunc(slices.Clone(l.segments), func(s *segment) bool { return slices.Contains(gone, s) })
}

// erase forgets a segment's key, so that copies of it elsewhere are noise, and removes its folder.
func (g *Log) erase(dir string, id seal.SegmentID) error {
	if err := g.forgetKeys(id); err != nil {
		return err
	}
	return g.removeFolder(dir)
}

func (g *Log) forgetKeys(ids ...seal.SegmentID) error {
	if err := g.cfg.Keys.ForgetSegments(ids...); err != nil && !errors.Is(err, seal.ErrForgotten) {
		return fmt.Errorf("forget the keys of segments: %w", err)
	}
	return nil
}

func (g *Log) removeFolder(dir string) error {
	err := g.cfg.disk.unlink(dir)
	if err == nil {
		err = g.cfg.disk.syncFolder(filepath.Dir(dir))
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove a segment: %w", err)
	}
	return nil
}

// Pin keeps a closed segment from being dropped. See eventlog.Sweeper.
func (g *Log) Pin(id eventlog.Lane, segment seal.SegmentID) (dir string, release func(), err error) {
	l := g.lane(id)
	if l == nil {
		return "", nil, fmt.Errorf("pin in %s: %w", id, eventlog.ErrMissing)
	}
	l.chain.Lock()
	defer l.chain.Unlock()
	for _, s := range l.segments {
		switch {
		case s.id != segment || s.doomed || s.state == dropping:
			continue
		case s.state == open:
			return "", nil, fmt.Errorf("segment %s: %w", s.name(), eventlog.ErrLive)
		}
		s.pins++
		return s.msgs(), l.unpin(s), nil
	}
	return "", nil, fmt.Errorf("segment %s: %w", segment, eventlog.ErrMissing)
}

// unpin returns a function that counts once, however often it is called.
func (l *lane) unpin(s *segment) func() {
	released := false
	return func() {
		l.chain.Lock()
		defer l.chain.Unlock()
		if !released {
			released = true
			s.pins--
		}
	}
}
