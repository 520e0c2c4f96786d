package jetstream

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// camera takes a picture of a place, keys and all, before every step that changes the disk: a process that dies there leaves
// what the picture shows, a power cut may leave less.
type camera struct {
	root     string
	rolling  atomic.Bool
	mu       sync.Mutex // one picture at a time
	pictures []picture
	synced   map[string]int64 // size of each block file that a sync covered, by folder and file name
	highest  atomic.Uint64    // number that was acknowledged
	steps    map[string]int
}

type picture struct {
	step    string
	dir     string
	highest uint64
	synced  map[string]int64
}

func blockName(path string) string {
	return filepath.Base(filepath.Dir(filepath.Dir(path))) + "/" + filepath.Base(path)
}

func (c *camera) take(t testing.TB, step string) {
	if !c.rolling.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	dir := filepath.Join(t.TempDir(), "copy")
	err := os.CopyFS(dir, os.DirFS(c.root))
	for try := 0; errors.Is(err, os.ErrNotExist) && try < 5; try++ { // JetStream tidies up behind a stream beside us
		dir = filepath.Join(t.TempDir(), "copy")
		err = os.CopyFS(dir, os.DirFS(c.root))
	}
	if err != nil {
		t.Error(err)
	}
	synced := map[string]int64{}
	for name, size := range c.synced {
		synced[name] = size
	}
	c.steps[step]++
	c.pictures = append(c.pictures, picture{fmt.Sprintf("%s %d", step, c.steps[step]), dir, c.highest.Load(), synced})
}

// watch puts the camera before every step of a log's disk and keybook.
func (c *camera) watch(t testing.TB) func(*Config) {
	return func(cfg *Config) {
		cfg.SegmentEvents = 1000
		cfg.Keys = watchedKeys{cfg.Keys.(*seal.Keybook), func(step string) { c.take(t, step) }}
		cfg.disk.sync = func(f *os.File) error {
			kind := filepath.Ext(f.Name())
			if kind == "" || strings.Contains(kind, "/") || len(kind) > 5 {
				kind = "folder"
			}
			c.take(t, "sync "+kind)
			info, err := f.Stat()
			if err == nil {
				err = f.Sync()
			}
			if err == nil && kind == ".blk" {
				c.mu.Lock()
				c.synced[blockName(f.Name())] = info.Size()
				c.mu.Unlock()
			}
			return err
		}
		cfg.disk.rename = func(from, to string) error {
			c.take(t, "rename")
			return os.Rename(from, to)
		}
		cfg.disk.unlink = func(path string) error {
			c.take(t, "unlink")
			err := removeHalf(path)
			c.take(t, "unlinked in part")
			if err != nil {
				return err
			}
			return os.RemoveAll(path)
		}
	}
}

// removeHalf removes every second file below a folder.
func removeHalf(dir string) error {
	n := 0
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if n++; n%2 == 1 {
			return os.Remove(path)
		}
		return nil
	})
}

type watchedKeys struct {
	*seal.Keybook
	take func(string)
}

func (k watchedKeys) AddSegment(id seal.SegmentID) (*seal.Segment, error) {
	k.take("add a key")
	defer k.take("key added")
	return k.Keybook.AddSegment(id)
}

func (k watchedKeys) ForgetSegments(ids ...seal.SegmentID) error {
	k.take("forget keys")
	defer k.take("keys forgotten")
	return k.Keybook.ForgetSegments(ids...)
}

// F3, F11, F40, F49: the process dies, or the power goes, at each step of roll, move, hold and drop. The next start finds
// every fact and nothing that ended, uses no number again, and finishes what was begun.
func TestDeathAtEachStepOfASweep(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := newWorld(t, newPlaceIn(t, root))
	c := &camera{root: root, synced: map[string]int64{}, steps: map[string]int{}}
	w.g = w.p.create(c.watch(t))
	w.set(w.owners[0], 1, 2, 3)
	w.set(w.owners[1], 1, 2)
	w.end(w.owners[1], 2)
	w.close(w.owners[2])
	roll(t, w.g, eventlog.Inbox)
	w.set(w.owners[0], 4)
	w.set(w.owners[0], 3)
	roll(t, w.g, eventlog.Inbox)
	w.end(w.owners[0], 1)
	c.highest.Store(w.highest)
	c.rolling.Store(true)
	w.finishSweep()
	c.highest.Store(w.g.Mark(eventlog.Inbox))
	roll(t, w.g, eventlog.Inbox)
	held := w.p.records(w.g, eventlog.Inbox)
	if err := w.g.Hold(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	roll(t, w.g, eventlog.Held)
	w.check()
	c.rolling.Store(false)
	for _, step := range []string{"forget keys", "keys forgotten", "add a key", "unlink", "unlinked in part", "rename", "sync folder", "sync .blk", "sync .new"} {
		if c.steps[step] == 0 {
			t.Errorf("no picture before %q of %v", step, c.steps)
		}
	}
	for _, p := range c.pictures {
		for _, power := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s power %v", p.step, power), func(t *testing.T) { w.revive(t, p, power) })
		}
	}
	t.Logf("%d pictures: %v", len(c.pictures), c.steps)
}

// finishSweep sweeps the first two segments as far as they are still there.
func (w *world) finishSweep() {
	w.t.Helper()
	first := slices.DeleteFunc(w.closedSegments(), func(s eventlog.Segment) bool { return s.First > 10 })
	w.sweep(first, func() {})
}

// revive opens what a picture shows and checks it, finishes the sweep, and checks again.
func (w *world) revive(t *testing.T, p picture, power bool) {
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	if power {
		p.cutPower(t, dir)
	}
	keys, err := seal.OpenKeybook(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root")))
	if err != nil {
		t.Fatal(err)
	}
	old := *w.p
	old.t, old.keys, old.dir = t, keys, filepath.Join(dir, "log")
	v := &world{t: t, p: &old, owners: w.owners, facts: w.facts, numbers: map[uint64]string{}, highest: p.highest}
	v.g = v.p.open()
	defer func() { v.g.Close() }()
	v.check()
	v.finishSweep()
	v.check()
	for _, s := range v.g.Segments(eventlog.Inbox) {
		if s.First <= 10 {
			t.Errorf("segment %+v is still there", s)
		}
	}
	v.append(v.owners[0], eventlog.End(schemas.Family_OFFLINE_FACTS, "9"))
	if err := v.g.Close(); err != nil {
		t.Fatal(err)
	}
	v.g = v.p.open()
	v.check()
	if err := v.g.Verify(context.Background(), nil); err != nil {
		t.Error(err)
	}
}

// cutPower takes back what no sync covered: bytes of block files, files whose content was never synced, and notes of marks.
func (p picture) cutPower(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case strings.HasSuffix(path, ".blk"):
			return os.Truncate(path, p.synced[blockName(path)])
		case filepath.Base(path) == marksFile, strings.HasSuffix(path, asideSuffix):
			return os.Truncate(path, 0)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
