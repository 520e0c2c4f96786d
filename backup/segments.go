package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
)

// pinTries is how often a lane is looked at anew because a segment was dropped before it could be pinned.
const pinTries = 10

// pinned is a segment that stays until it is copied.
type pinned struct {
	eventlog.Segment
	dir string // with its blocks
}

func (p pinned) entry() Segment {
	return Segment{Lane: p.Lane.String(), ID: p.ID.String(), First: p.First, Last: p.Last}
}

// log holds every lane fast, then copies.
func (w *writer) log(ctx context.Context) error {
	if err := w.Step("hold"); err != nil {
		return err
	}
	var all []pinned
	for _, l := range Lanes {
		held, err := w.pinLane(ctx, l)
		if err != nil {
			return fmt.Errorf("hold lane %s fast: %w", l, err)
		}
		all = append(all, held...)
	}
	for _, s := range all {
		w.total += uint64(s.Bytes)
		w.manifest.Segments = append(w.manifest.Segments, s.entry())
	}
	if err := w.Step("log"); err != nil {
		return err
	}
	from := filepath.Join(w.Folder, "log")
	if err := w.copy(ctx, filepath.Join(from, "format"), "log/format"); err != nil {
		return err
	}
	for _, l := range Lanes { // each names at least what is pinned
		name := "manifests/" + l.String() + ".json"
		if err := w.copy(ctx, filepath.Join(from, name), "log/"+name); err != nil {
			return err
		}
	}
	for _, s := range all {
		if err := w.segment(ctx, s); err != nil {
			return fmt.Errorf("copy segment %s: %w", s.entry().folder(), err)
		}
	}
	return nil
}

// pinLane closes the live segment, so that the backup is recent, and pins every closed one.
func (w *writer) pinLane(ctx context.Context, l eventlog.Lane) ([]pinned, error) {
	if err := w.Log.Roll(ctx, l); err != nil {
		return nil, err
	}
	var err error
	for range pinTries {
		var held []pinned
		var releases []func()
		if held, releases, err = w.pinAll(l); err == nil {
			w.pins = append(w.pins, releases...)
			return held, nil
		}
		for _, release := range releases {
			release()
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return nil, err
}

func (w *writer) pinAll(l eventlog.Lane) (held []pinned, releases []func(), err error) {
	for _, s := range w.Log.Segments(l) {
		if !s.Closed {
			continue
		}
		dir, release, err := w.Log.Pin(l, s.ID)
		if err != nil {
			return nil, releases, err
		}
		releases = append(releases, release)
		held = append(held, pinned{s, dir})
	}
	return held, releases, nil
}

// segment copies a segment's blocks, or links to those of an earlier backup.
func (w *writer) segment(ctx context.Context, s pinned) error {
	indexes, err := blocks.List(s.dir)
	if err != nil {
		return err
	}
	folder := "log/segments/" + s.entry().folder() + "/msgs/"
	for _, i := range indexes {
		name := blocks.Path(s.dir, i)
		path := folder + filepath.Base(name)
		linked, err := w.link(name, path)
		if err != nil {
			return err
		}
		if linked {
			continue
		}
		if err := w.copy(ctx, name, path); err != nil {
			return err
		}
	}
	return nil
}

// link takes a block from an earlier backup if that holds one of the same size. It tells whether it did: file systems without
// links get a copy.
func (w *writer) link(from, path string) (bool, error) {
	k, ok := w.known[path]
	if !ok {
		return false, nil
	}
	was, err := os.Stat(k.path)
	if err != nil {
		return false, nil //nolint:nilerr // the copy is made instead
	}
	is, err := os.Stat(from)
	if err != nil {
		return false, err
	}
	if was.Size() != k.file.Size || is.Size() != k.file.Size {
		return false, nil
	}
	to := filepath.Join(w.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return false, err
	}
	if err := os.Link(k.path, to); err != nil {
		if errors.Is(err, os.ErrExist) {
			return false, err
		}
		return false, nil
	}
	w.manifest.Files = append(w.manifest.Files, k.file)
	w.result.Linked += k.file.Size
	w.show()
	return true, nil
}

func isBlock(path string) bool {
	return strings.HasPrefix(path, "log/segments/") && strings.HasSuffix(path, blocks.Suffix)
}
