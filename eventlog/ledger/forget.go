package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"protokoll/eventlog"
	"protokoll/internal/durable"
)

// Forget gives up the leaves of numbers whose segment is going to be dropped: it waits until the ledger durably passed last,
// keeps what proofs from checkpoints inside the range and over it need, and erases the leaves. It returns when that is on disk.
// A range that is forgotten already is none of an error, so the call may be repeated.
func (g *Ledger) Forget(ctx context.Context, lane eventlog.Lane, first, last uint64) error {
	l := g.lane(lane)
	if l == nil || first == 0 || last < first {
		return fmt.Errorf("forget %s/%d to %d: no such numbers", lane, first, last)
	}
	if err := g.Passed(ctx, eventlog.Position{Lane: lane, Number: last}); err != nil {
		return err
	}
	g.issuing.Lock() // no checkpoint may be signed for a size inside the range meanwhile
	defer g.issuing.Unlock()
	borders, err := g.own.sizes(lane, first, last)
	if err != nil {
		return fmt.Errorf("forget %s/%d to %d: %w", lane, first, last, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.tree.forget(span{first: first, last: last}, borders); err != nil {
		return fmt.Errorf("forget %s/%d to %d: %w", lane, first, last, err)
	}
	return nil
}

// forget keeps the subtrees between the borders and erases the leaves. borders are sizes of the tree.
func (t *tree) forget(s span, borders []uint64) error {
	switch old, ok := t.kept.at(s.first); {
	case ok && !old.begun && old.last >= s.last:
		return nil
	case ok:
		return fmt.Errorf("numbers %s were forgotten before", old.name())
	}
	if err := t.flush(); err != nil {
		return err
	}
	data, err := t.keep(s, borders)
	if err != nil {
		return err
	}
	if err := makeFolder(filepath.Join(t.dir, keptFolder)); err != nil {
		return err
	}
	s.begun = true
	if err := durable.Replace(s.file(t.dir), data); err != nil {
		return err
	}
	return t.erase(t.kept.insert(s))
}

// keep encodes the largest complete subtrees between the borders.
func (t *tree) keep(s span, borders []uint64) (data []byte, err error) {
	borders = append(slices.Clone(borders), s.last)
	slices.Sort(borders)
	from := s.first - 1
	for _, to := range borders {
		if to <= from || to > s.last {
			continue
		}
		for _, c := range cover(from, to) {
			var h tlog.Hash
			if h, err = t.node(c.level, c.index); err != nil {
				return nil, err
			}
			data = appendKept(data, c, h)
		}
		from = to
	}
	return data, nil
}

// erase removes the leaves of a span whose forgetting has begun. It may be repeated.
func (t *tree) erase(i int) error {
	s := t.kept.spans[i]
	for at, end := s.first-1, s.last; at < end; {
		to := min(end, (at/bundleHashes+1)*bundleHashes)
		if err := t.eraseIn(at, to); err != nil {
			return err
		}
		at = to
	}
	done := s
	done.begun = false
	if err := os.Rename(s.file(t.dir), done.file(t.dir)); err != nil {
		return err
	}
	t.kept.spans[i], t.kept.nodes = done, nil
	return durable.SyncFolder(filepath.Join(t.dir, keptFolder))
}

// eraseIn erases leaves of one file, and the file when it holds no others.
func (t *tree) eraseIn(from, to uint64) error {
	path := t.bundle(0, from)
	start := from / bundleHashes * bundleHashes
	if start+bundleHashes <= t.size && t.kept.covers(0, start, bundleHashes) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove hashes: %w", err)
		}
		if f := t.dirty[path]; f != nil {
			f.Close()
			delete(t.dirty, path)
		}
		return durable.SyncFolder(filepath.Dir(path))
	}
	if err := zero(path, int64(from-start)*tlog.HashSize, int64(to-from)*tlog.HashSize); err != nil {
		return fmt.Errorf("erase hashes: %w", err)
	}
	return nil
}

// finishForgetting carries through what a crash interrupted.
func (t *tree) finishForgetting() error {
	for i, s := range t.kept.spans {
		if s.begun {
			if err := t.erase(i); err != nil {
				return err
			}
		}
	}
	return nil
}
