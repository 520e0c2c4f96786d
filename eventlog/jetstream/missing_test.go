package jetstream

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"protokoll/eventlog"
)

// F18, F40: what a manifest lists must be there, and as long as it was.
func TestMissingFilesAreRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create(func(c *Config) { c.SegmentEvents = 20 })
	for n := range 50 {
		mustAppend(t, g, p.message(n))
	}
	killed := p.copyOf() // two closed segments and an open one
	g.Close()
	segment := func(q *place, number int) string { return filepath.Dir(filepath.Dir(q.spots()[number].file)) }
	for name, c := range map[string]struct {
		from  *place
		wreck func(q *place) error
		want  error
	}{
		"closed block removed":    {p, func(q *place) error { return os.Remove(q.spots()[25].file) }, eventlog.ErrDamaged},
		"closed block shortened":  {p, func(q *place) error { return os.Truncate(q.spots()[25].file, 100) }, eventlog.ErrDamaged},
		"closed block emptied":    {p, func(q *place) error { return os.Truncate(q.spots()[25].file, 0) }, eventlog.ErrDamaged},
		"closed segment removed":  {p, func(q *place) error { return os.RemoveAll(segment(q, 25)) }, eventlog.ErrMissing},
		"first segment removed":   {p, func(q *place) error { return os.RemoveAll(segment(q, 0)) }, eventlog.ErrMissing},
		"open block removed":      {killed, func(q *place) error { return os.Remove(q.spots()[45].file) }, eventlog.ErrDamaged},
		"open segment removed":    {killed, func(q *place) error { return os.RemoveAll(segment(q, 45)) }, eventlog.ErrMissing},
		"all segments removed":    {p, func(q *place) error { return os.RemoveAll(filepath.Join(q.dir, segmentsFolder)) }, eventlog.ErrMissing},
		"folder emptied":          {p, func(q *place) error { return errors.Join(os.RemoveAll(q.dir), os.Mkdir(q.dir, 0o700)) }, eventlog.ErrMissing},
		"folder removed":          {p, func(q *place) error { return os.RemoveAll(q.dir) }, eventlog.ErrMissing},
		"manifest removed":        {p, func(q *place) error { return os.Remove(manifestPath(q.dir, eventlog.Inbox)) }, eventlog.ErrMissing},
		"manifest of unused lane": {p, func(q *place) error { return os.Remove(manifestPath(q.dir, eventlog.Held)) }, eventlog.ErrMissing},
		"manifest shortened":      {p, func(q *place) error { return os.Truncate(manifestPath(q.dir, eventlog.Inbox), 100) }, eventlog.ErrDamaged},
		"manifest of another lane": {p, func(q *place) error {
			return os.Rename(manifestPath(q.dir, eventlog.Held), manifestPath(q.dir, eventlog.Inbox))
		}, eventlog.ErrDamaged},
		"manifest flipped": {p, func(q *place) error { flip(t, manifestPath(q.dir, eventlog.Inbox), 120); return nil }, eventlog.ErrDamaged},
		"another format": {p, func(q *place) error {
			return os.WriteFile(filepath.Join(q.dir, formatFile), []byte("protokoll log 2"), 0o600)
		}, eventlog.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			q := c.from.copyOf()
			if err := c.wreck(q); err != nil {
				t.Fatal(err)
			}
			if g, err := Open(q.config()); !errors.Is(err, c.want) {
				t.Errorf("opened with %v, want %v", err, c.want)
				if err == nil {
					g.Close()
				}
			}
		})
	}
}

// An older manifest put back beside newer segments must not make us remove them.
func TestOlderManifestIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create(func(c *Config) { c.SegmentEvents = 10 })
	for n := range 15 {
		mustAppend(t, g, p.message(n))
	}
	old, err := os.ReadFile(manifestPath(p.dir, eventlog.Inbox))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 15 {
		mustAppend(t, g, p.message(n))
	}
	g.Close()
	q := p.copyOf()
	os.Remove(filepath.Join(q.dir, marksFile))
	if err := os.WriteFile(manifestPath(q.dir, eventlog.Inbox), old, 0o600); err != nil {
		t.Fatal(err)
	}
	before := contents(t, q.dir)
	if _, err := Open(q.config()); !errors.Is(err, eventlog.ErrDamaged) {
		t.Errorf("opened with %v", err)
	}
	if !sameContents(before, contents(t, q.dir)) {
		t.Error("a refused start changed the folder")
	}
}

// A chain that misses a link, wherever, is told from one of which that link was swept.
func TestMissingLinkIsDamageUnlessSwept(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create(func(c *Config) { c.SegmentEvents = 10 })
	for n := range 30 {
		mustAppend(t, g, p.message(n))
	}
	g.Close()
	for link := range 3 {
		for _, swept := range []bool{false, true} {
			q := p.copyOf()
			m, err := readManifest(q.dir, eventlog.Inbox)
			if err != nil || len(m.Segments) != 3 {
				t.Fatal(len(m.Segments), err)
			}
			s := m.Segments[link]
			m.Segments = slices.Delete(m.Segments, link, link+1)
			if swept {
				m.Swept = []sweptEntry{{s.First, s.Last}}
			}
			if err := m.write(disk{}.withDefaults(), q.dir); err != nil {
				t.Fatal(err)
			}
			removeAll(t, filepath.Join(q.dir, segmentsFolder, "inbox-"+s.ID))
			g, err := Open(q.config())
			if swept && err != nil || !swept && !errors.Is(err, eventlog.ErrDamaged) {
				t.Errorf("link %d, swept %v: opened with %v", link, swept, err)
			}
			if err == nil {
				g.Close()
			}
		}
	}
}

// F17: what JetStream keeps beside the blocks is never read.
func TestFilesBesideTheBlocksDoNotMatter(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	g := p.create()
	for n := range 10 {
		mustAppend(t, g, p.message(n))
	}
	killed := p.copyOf()
	g.Close()
	wrecks := map[string]func(file string) error{
		"removed": os.Remove, "emptied": func(f string) error { return os.Truncate(f, 0) },
		"garbled": func(f string) error { return os.WriteFile(f, []byte("garbage"), 0o600) },
	}
	for _, from := range []*place{p, killed} {
		for name, wreck := range wrecks {
			t.Run(name, func(t *testing.T) {
				q := from.copyOf()
				dir := filepath.Dir(filepath.Dir(q.spots()[0].file))
				for _, f := range []string{"meta.inf", "meta.sum", "msgs/index.db"} {
					if err := wreck(filepath.Join(dir, f)); err != nil && !errors.Is(err, os.ErrNotExist) {
						t.Fatal(err)
					}
				}
				got, _ := q.stanzas(q.open())
				checkStanzas(t, got, 0, 10)
			})
		}
	}
}

// contents reads every file below a folder but the lock.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockFile || d.Name() == marksFile {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameContents(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}
