package jetstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/jetstream/blocks"
	"protokoll/eventlog/seal"
)

// needles are pieces of what a segment's blocks hold, 24 bytes each: of every record's ciphertext, behind what repeats.
func needles(t *testing.T, g *Log, s eventlog.Segment) (found [][]byte) {
	t.Helper()
	dir, release, err := g.Pin(s.Lane, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	indexes, err := blocks.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range indexes {
		err := blocks.Sound(streamIn(filepath.Dir(dir), s.Lane, s.ID), i, func(r blocks.Record) {
			found = append(found, bytes.Clone(r.Payload[recordHead:recordHead+24]))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return append(found, []byte(s.ID.String()))
}

// search looks for needles in every file below a folder and in every name.
func search(t *testing.T, root string, needles [][]byte) (hits []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // JetStream tidies up beside us
		}
		data := []byte(path)
		if err == nil && !d.IsDir() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data = append(data, content...)
		}
		for _, n := range needles {
			if bytes.Contains(data, n) {
				hits = append(hits, path)
				break
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

// F40: once a segment is dropped nothing of it is left in any file or name, nor its key, nor a file without a name that
// somebody holds open.
func TestNothingOfADroppedSegmentIsLeft(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	root := filepath.Dir(p.dir)
	g := p.create()
	for n := 0; n < 300; n += 100 {
		mustAppend(t, g, p.messages(n, 100))
	}
	mustAppend(t, g, p.photo(300))
	s := roll(t, g, eventlog.Inbox)
	mustAppend(t, g, p.message(301))
	lost := needles(t, g, s)
	if len(lost) != 303 || len(search(t, root, lost)) == 0 {
		t.Fatalf("%d needles, found in %v: the search shows nothing", len(lost), search(t, root, lost))
	}
	if err := g.Drop(t.Context(), eventlog.Inbox, s.ID); err != nil {
		t.Fatal(err)
	}
	if hits := search(t, root, lost); len(hits) > 0 {
		t.Errorf("found in %v", hits)
	}
	if held, _ := g.Held(); held != 1 {
		t.Errorf("%d events in memory", held)
	}
	checkDescriptors(t, root)
	if _, err := p.keys.Segment(s.ID); !errors.Is(err, seal.ErrForgotten) {
		t.Errorf("its key: %v", err)
	}
	g.Close()
	if hits := search(t, root, lost); len(hits) > 0 {
		t.Errorf("found in %v after the end", hits)
	}
	keys, err := seal.OpenKeybook(filepath.Join(root, "keys"), seal.FileRoot(filepath.Join(root, "root")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Segment(s.ID); !errors.Is(err, seal.ErrForgotten) {
		t.Errorf("its key at the next start: %v", err)
	}
}

// checkDescriptors looks for files below a folder that are unlinked and held open.
func checkDescriptors(t *testing.T, root string) {
	t.Helper()
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(open) == 0 {
		t.Fatal("no descriptors: ", err)
	}
	for _, fd := range open {
		if path, err := os.Readlink(fd); err == nil && strings.HasPrefix(path, root) && strings.HasSuffix(path, "(deleted)") {
			t.Errorf("%s is held open", path)
		}
	}
}

// F21: below the reserve a sweep goes on and is accounted for, until little is left; then it is refused and nothing is lost.
func TestSweepsMayUseTheReserve(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var free atomic.Uint64
	free.Store(1 << 40)
	g := p.create(func(c *Config) {
		c.ReserveBytes = 1 << 20
		c.disk.free = func(string) (uint64, error) { return free.Load(), nil }
	})
	mustAppend(t, g, p.messages(0, 4))
	s := roll(t, g, eventlog.Inbox)
	old := p.records(g, eventlog.Inbox)
	w := g.BeginSweep(eventlog.Inbox)
	free.Store(1 << 19)
	if err := g.Append(p.message(5)).Wait(t.Context()); !errors.Is(err, eventlog.ErrNoSpace) {
		t.Errorf("append below the reserve: %v", err)
	}
	if n := move(t, w, old); n != 4 {
		t.Errorf("%d moved", n)
	}
	if err := g.Hold(t.Context(), old); err != nil {
		t.Error(err)
	}
	free.Store(1 << 16)
	if n, err := w.Move(t.Context(), old); n != 0 || !errors.Is(err, eventlog.ErrNoSpace) {
		t.Errorf("%d moved at the end of the reserve: %v", n, err)
	}
	if err := g.Drop(t.Context(), eventlog.Inbox, s.ID); err != nil {
		t.Error(err)
	}
	got, _ := p.stanzas(g)
	checkStanzas(t, got, 0, 4)
}

// A manifest that cannot be written leaves the segment as it was; the drop may be repeated.
func TestDropWithoutRoom(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var full atomic.Bool
	g := p.create(func(c *Config) {
		c.disk.rename = func(from, to string) error {
			if full.Load() {
				return syscall.ENOSPC
			}
			return os.Rename(from, to)
		}
	})
	mustAppend(t, g, p.messages(0, 3))
	s := roll(t, g, eventlog.Inbox)
	full.Store(true)
	if err := g.Drop(t.Context(), eventlog.Inbox, s.ID); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("drop without room: %v", err)
	}
	got, _ := p.stanzas(g)
	checkStanzas(t, got, 0, 3)
	_, release, err := g.Pin(eventlog.Inbox, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	release()
	full.Store(false)
	if err := g.Drop(t.Context(), eventlog.Inbox, s.ID); err != nil {
		t.Error(err)
	}
	if got, _ := p.stanzas(g); len(got) != 0 {
		t.Errorf("%d events", len(got))
	}
}

// Sweeps, rolls and drops run beside appenders and followers, and everything that was stated last is what is found.
func TestSweepsBesideAppenders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newPlace(t))
	w.g = w.p.create(func(c *Config) { c.SegmentEvents = 40 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	followed := make(chan error, 1)
	go func() {
		last := uint64(0)
		followed <- w.g.Follow(ctx, eventlog.Inbox, 1, func(all []eventlog.Record) error {
			for _, r := range all {
				if r.Position.Number <= last {
					return fmt.Errorf("number %d after %d", r.Position.Number, last)
				}
				last = r.Position.Number
			}
			return nil
		})
	}()
	var appending sync.WaitGroup
	appending.Go(func() {
		for n := range 600 {
			o := w.owners[n%len(w.owners)]
			if n%7 == 0 {
				w.end(o, n%11)
			} else {
				w.set(o, n%11, n%13)
			}
		}
	})
	done := make(chan struct{})
	go func() { appending.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		w.sweep(w.closedSegments(), func() {})
	}
	roll(t, w.g, eventlog.Inbox)
	w.sweep(w.closedSegments(), func() {})
	w.check()
	cancel()
	if err := <-followed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := w.g.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
