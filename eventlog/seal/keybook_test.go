package seal

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"protokoll/schemas"
)

func paths(t testing.TB) (dir string, root Root) {
	t.Helper()
	d := t.TempDir()
	return filepath.Join(d, "keys"), FileRoot(filepath.Join(d, "root.key"))
}

func created(t testing.TB, dir string, root Root) *Keybook {
	t.Helper()
	k, err := Create(dir, root)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func opened(t testing.TB, dir string, root Root) *Keybook {
	t.Helper()
	k, err := OpenKeybook(dir, root)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ownerIDs(n int) []schemas.OwnerID {
	ids := make([]schemas.OwnerID, n)
	for i := range ids {
		ids[i] = schemas.NewOwnerID()
	}
	return ids
}

func add(t testing.TB, k *Keybook, ids ...schemas.OwnerID) {
	t.Helper()
	if err := k.Add(ids...); err != nil {
		t.Fatal(err)
	}
}

func TestKeysLiveOn(t *testing.T) {
	t.Parallel()
	dir, root := paths(t)
	k := created(t, dir, root)
	ids := ownerIDs(2*pageSlots + 3)
	add(t, k, ids...)
	add(t, k, ids[0], ids[1]) // no new keys
	segment, err := k.AddSegment(SegmentID{5})
	if err != nil {
		t.Fatal(err)
	}
	record := segment.Encipher(nil, 1, nil, []byte("record"))
	o, err := k.Owner(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	sealed := o.Seal(nil, About{Owner: o.ID()}, []byte("text"))
	again := opened(t, dir, root)
	for _, id := range ids {
		if _, err := again.Owner(id); err != nil {
			t.Fatal(err)
		}
	}
	if o, err = again.Owner(ids[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Open(nil, About{Owner: o.ID()}, sealed); err != nil {
		t.Error(err)
	}
	if segment, err = again.Segment(SegmentID{5}); err != nil {
		t.Fatal(err)
	}
	if _, err := segment.Decipher(nil, 1, nil, record); err != nil {
		t.Error(err)
	}
	if _, err := again.AddSegment(SegmentID{5}); !errors.Is(err, ErrExists) {
		t.Errorf("a segment twice: %v, want ErrExists", err)
	}
	if k.Handle("account", "example.org", "nurse") != again.Handle("account", "example.org", "nurse") {
		t.Error("handles change over a restart")
	}
	if k.Secret("salts") != again.Secret("salts") || k.Secret("salts") == k.Secret("table") {
		t.Error("a secret must live on and be its label's alone")
	}
	if again.Server().ID() != (schemas.OwnerID{}) || len(again.Alarms()) > 0 {
		t.Errorf("server id %s, alarms %v", again.Server().ID(), again.Alarms())
	}
}

func TestHandleParts(t *testing.T) {
	t.Parallel()
	dir, root := paths(t)
	k := created(t, dir, root)
	h := k.Handle("account", "example.org", "nurse")
	for _, other := range []schemas.Handle{
		k.Handle("room", "example.org", "nurse"), k.Handle("account", "example.orgn", "urse"), k.Handle("account", "example.org", "nurs"),
	} {
		if other == h {
			t.Error("two things have one handle")
		}
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	dir, root := paths(t)
	k := created(t, dir, root)
	ids := ownerIDs(pageSlots + 10)
	add(t, k, ids...)
	old := snapshot(t, dir)
	oldRoot, err := root.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Forget(ids[0], ids[pageSlots+1]); err != nil {
		t.Fatal(err)
	}
	if err := k.Forget(ids[0]); err != nil {
		t.Errorf("forgetting again: %v", err)
	}
	if err := k.Forget(schemas.OwnerID{}); err == nil {
		t.Error("the server's key was forgotten")
	}
	newRoot, err := root.Load()
	if err != nil || len(newRoot) != 1 || string(newRoot[0]) == string(oldRoot[0]) {
		t.Fatalf("the root key was not replaced: %v", err)
	}
	for _, book := range []*Keybook{k, opened(t, dir, root)} {
		for i, id := range ids {
			_, err := book.Owner(id)
			if forgotten := i == 0 || i == pageSlots+1; forgotten != errors.Is(err, ErrForgotten) || !forgotten && err != nil {
				t.Fatalf("owner %d: %v", i, err)
			}
		}
	}
	restore(t, dir, old) // an older copy of the whole folder is of no use without the older root
	if _, err := OpenKeybook(dir, root); !errors.Is(err, ErrDamaged) {
		t.Errorf("old folder, new root: %v, want ErrDamaged", err)
	}
}

func TestForgottenSlotsAreUsedAgain(t *testing.T) {
	t.Parallel()
	dir, root := paths(t)
	k := created(t, dir, root)
	for i := range 20 {
		id := SegmentID{byte(i), 1}
		if _, err := k.AddSegment(id); err != nil {
			t.Fatal(err)
		}
		if err := k.ForgetSegments(id); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.pages) > 2 {
		t.Errorf("%d pages for one key at a time", len(k.pages))
	}
	for _, c := range copies {
		if names, err := os.ReadDir(filepath.Join(dir, c)); err != nil || len(names) != 2 {
			t.Errorf("copy %s holds %d files, want a table and a page (%v)", c, len(names), err)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	t.Run("no keybook", func(t *testing.T) {
		dir, root := paths(t)
		if _, err := OpenKeybook(dir, root); !errors.Is(err, ErrMissing) {
			t.Errorf("%v, want ErrMissing", err)
		}
	})
	t.Run("folder gone", func(t *testing.T) {
		dir, root := paths(t)
		created(t, dir, root)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeybook(dir, root); !errors.Is(err, ErrMissing) {
			t.Errorf("open: %v, want ErrMissing", err)
		}
		if _, err := Create(dir, root); !errors.Is(err, ErrExists) {
			t.Errorf("create: %v, want ErrExists", err)
		}
	})
	t.Run("root gone", func(t *testing.T) {
		dir, root := paths(t)
		add(t, created(t, dir, root), ownerIDs(1)...)
		if err := os.Remove(root.(*fileRoot).path); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeybook(dir, root); !errors.Is(err, ErrMissing) {
			t.Errorf("open: %v, want ErrMissing", err)
		}
		if _, err := Create(dir, root); !errors.Is(err, ErrExists) {
			t.Errorf("create: %v, want ErrExists", err)
		}
	})
	t.Run("root damaged", func(t *testing.T) {
		dir, root := paths(t)
		created(t, dir, root)
		flip(t, root.(*fileRoot).path, 10)
		if _, err := OpenKeybook(dir, root); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
	})
}

// TestDamage flips and removes each file of one copy, and of both. F19.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir, root := paths(t)
	k := created(t, dir, root)
	ids := ownerIDs(pageSlots + 10)
	add(t, k, ids...)
	whole := snapshot(t, dir)
	harms := map[string]func(name string){
		"flip":   func(name string) { flip(t, name, 20) },
		"last":   func(name string) { flip(t, name, -1) },
		"remove": func(name string) { must(t, os.Remove(name)) },
		"cut":    func(name string) { must(t, os.Truncate(name, 40)) },
		"empty":  func(name string) { must(t, os.Truncate(name, 0)) },
	}
	for harm, do := range harms {
		for name := range whole {
			restore(t, dir, whole)
			do(filepath.Join(dir, name))
			k := opened(t, dir, root)
			alarms := errors.Join(k.Alarms()...)
			if alarms == nil || !strings.Contains(alarms.Error(), name) {
				t.Fatalf("%s %s: the alarm %v does not name it", harm, name, alarms)
			}
			if _, err := k.Owner(ids[len(ids)-1]); err != nil {
				t.Fatalf("%s %s: %v", harm, name, err)
			}
			if again := opened(t, dir, root); len(again.Alarms()) > 0 {
				t.Fatalf("%s %s was not mended: %v", harm, name, again.Alarms())
			}

			restore(t, dir, whole)
			other := strings.NewReplacer("a/", "b/", "b/", "a/").Replace(name)
			do(filepath.Join(dir, name))
			do(filepath.Join(dir, other))
			if _, err := OpenKeybook(dir, root); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrMissing) {
				t.Fatalf("%s both of %s: %v, want a refusal", harm, name, err)
			}
		}
	}
	for _, c := range copies {
		restore(t, dir, whole)
		must(t, os.RemoveAll(filepath.Join(dir, c)))
		if k := opened(t, dir, root); len(k.Alarms()) == 0 {
			t.Errorf("copy %s is gone without an alarm", c)
		}
	}
}

func TestAddsShareCommits(t *testing.T) {
	t.Parallel()
	dir, root := paths(t)
	k := created(t, dir, root)
	ids := ownerIDs(64)
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			if err := k.Add(id); err != nil {
				t.Error(err)
			}
			if _, err := k.Owner(id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	again := opened(t, dir, root)
	for _, id := range ids {
		if _, err := again.Owner(id); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMemoryPerKey(t *testing.T) {
	dir, root := paths(t)
	add(t, created(t, dir, root), ownerIDs(40_000)...)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	k := opened(t, dir, root)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (after.HeapAlloc - before.HeapAlloc) / 40_000; per > 100 {
		t.Errorf("%d bytes a key, want 100 at most", per)
	}
	runtime.KeepAlive(k)
}

func BenchmarkOpen40000(b *testing.B) {
	dir, root := paths(b)
	add(b, created(b, dir, root), ownerIDs(40_000)...)
	b.ReportAllocs()
	for b.Loop() {
		opened(b, dir, root)
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1, 3_000, 40_000} {
		b.Run(map[int]string{1: "1", 3_000: "3000", 40_000: "40000"}[n], func(b *testing.B) {
			dir, root := paths(b)
			k := created(b, dir, root)
			for b.Loop() {
				add(b, k, ownerIDs(n)...)
			}
		})
	}
}

func BenchmarkForget(b *testing.B) {
	dir, root := paths(b)
	k := created(b, dir, root)
	ids := ownerIDs(40_000)
	add(b, k, ids...)
	i := 0
	for b.Loop() {
		if err := k.Forget(ids[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkOwner(b *testing.B) {
	dir, root := paths(b)
	k := created(b, dir, root)
	ids := ownerIDs(40_000)
	add(b, k, ids...)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := k.Owner(ids[i%len(ids)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit of a file; a negative offset counts from the end.
func flip(t testing.TB, name string, at int) {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 4
	must(t, os.WriteFile(name, data, 0o600))
}

// snapshot reads both copies: content by name such as "a/table-…".
func snapshot(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, c := range copies {
		entries, err := os.ReadDir(filepath.Join(dir, c))
		must(t, err)
		for _, e := range entries {
			data, err := os.ReadFile(filepath.Join(dir, c, e.Name()))
			must(t, err)
			files[c+"/"+e.Name()] = data
		}
	}
	return files
}

func restore(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	must(t, os.RemoveAll(dir))
	for _, c := range copies {
		must(t, os.MkdirAll(filepath.Join(dir, c), 0o700))
	}
	for name, data := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
}
