package uploads

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"protokoll/schemas"
)

var (
	owner  = schemas.OwnerID{1, 2, 3}
	entity = schemas.EntityID{4, 5, 6}
)

func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// put stores a file and returns its key.
func put(t testing.TB, s *Store, o schemas.OwnerID, e schemas.EntityID, content []byte) Key {
	t.Helper()
	w, err := s.Create(int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(o, e); err != nil {
		t.Fatal(err)
	}
	return w.Key()
}

func TestSizes(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, n := range []int{1, 2, ChunkSize - 1, ChunkSize, ChunkSize + 1, 2 * ChunkSize, 3*ChunkSize + 7} {
		content := random(n)
		key := put(t, s, owner, entity, content)
		r, err := s.Read(owner, entity, key, int64(n))
		if err != nil {
			t.Fatal(n, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: %v", n, err)
		}
		info, err := os.Stat(s.path(owner, entity))
		if err != nil || info.Size() != SizeOnDisk(int64(n)) || info.Mode().Perm() != 0o600 {
			t.Errorf("%d bytes: %v on disk, %v", n, info, err)
		}
		raw, err := os.ReadFile(s.path(owner, entity))
		if err != nil || n > 16 && bytes.Contains(raw, content[:16]) {
			t.Errorf("%d bytes lie open on the disk (%v)", n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Whatever is read at whatever place is what was written there.
func TestAnyRange(t *testing.T) {
	t.Parallel()
	s := open(t)
	content := random(3*ChunkSize + 100)
	key := put(t, s, owner, entity, content)
	rapid.Check(t, func(t *rapid.T) {
		r, err := s.Read(owner, entity, key, int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close() //nolint:errcheck // read only
		for range rapid.IntRange(1, 4).Draw(t, "reads") {
			at := rapid.IntRange(0, len(content)-1).Draw(t, "at")
			n := rapid.IntRange(0, len(content)-at).Draw(t, "n")
			if _, err := r.Seek(int64(at), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, n)
			if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, content[at:at+n]) {
				t.Fatalf("%d bytes at %d: %v", n, at, err)
			}
		}
	})
}

func TestSeek(t *testing.T) {
	t.Parallel()
	s := open(t)
	r, err := s.Read(owner, entity, put(t, s, owner, entity, random(10)), 10)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // read only
	if at, err := r.Seek(-3, io.SeekEnd); at != 7 || err != nil {
		t.Error(at, err)
	}
	if at, err := r.Seek(1, io.SeekCurrent); at != 8 || err != nil {
		t.Error(at, err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a place before the beginning")
	}
	if _, err := r.Seek(11, io.SeekStart); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // readers compare by identity
		t.Error(err)
	}
}

func TestNotAsAnnounced(t *testing.T) {
	t.Parallel()
	s := open(t)
	w, err := s.Create(10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(random(11)); !errors.Is(err, ErrSize) {
		t.Errorf("one byte too many: %v", err)
	}
	if _, err := w.Write(random(9)); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(owner, entity); !errors.Is(err, ErrSize) {
		t.Errorf("one byte missing: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, aside)); err != nil || len(left) > 0 || s.Has(owner, entity) {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A byte that changed, two chunks that changed places, a cut file and another key are noticed.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := open(t)
	const size = 2*ChunkSize + 5
	key := put(t, s, owner, entity, random(size))
	path := s.path(owner, entity)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	swapped := append(append(bytes.Clone(whole[sealedSize:2*sealedSize]), whole[:sealedSize]...), whole[2*sealedSize:]...)
	flipped := bytes.Clone(whole)
	flipped[sealedSize+1] ^= 1
	for name, c := range map[string]struct {
		bytes []byte
		key   Key
		size  int64
	}{
		"flipped": {flipped, key, size}, "swapped": {swapped, key, size}, "cut": {whole[:2*sealedSize], key, size},
		"cut and said": {whole[:2*sealedSize], key, 2 * ChunkSize}, "other key": {whole, Key{1}, size},
	} {
		if err := os.WriteFile(path, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := s.Read(owner, entity, c.key, c.size)
		if err == nil {
			_, err = io.ReadAll(r)
			_ = r.Close()
		}
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 3 {
		put(t, s, owner, schemas.EntityID{byte(i)}, random(5))
	}
	other := schemas.OwnerID{9}
	key := put(t, s, other, entity, random(5))
	for range 2 { // twice does no harm
		if err := s.Remove(owner, schemas.EntityID{0}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.RemoveOwner(owner); n != 2 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if n, err := s.RemoveOwner(owner); n != 0 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if _, err := s.Read(owner, schemas.EntityID{1}, Key{}, 5); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if r, err := s.Read(other, entity, key, 5); err != nil {
		t.Error(err)
	} else if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Remove(other, entity); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 1 {
		t.Errorf("folders left: %v, %v", left, err)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 4 {
		put(t, s, owner, schemas.EntityID{byte(i)}, random(5))
	}
	nobody := schemas.OwnerID{7}
	put(t, s, nobody, entity, random(5))
	if err := os.WriteFile(filepath.Join(s.folder(owner), "strange"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	live := func(o schemas.OwnerID) (map[schemas.EntityID]bool, error) {
		if o == owner {
			return map[schemas.EntityID]bool{{1}: true, {2}: true}, nil
		}
		return nil, nil
	}
	if n, err := s.Prune(time.Now().Add(-time.Hour), live); n != 0 || err != nil {
		t.Errorf("%d of what is fresh removed, %v", n, err)
	}
	if n, err := s.Prune(time.Now().Add(time.Minute), live); n != 4 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	for i, want := range []bool{false, true, true, false} {
		if got := s.Has(owner, schemas.EntityID{byte(i)}); got != want {
			t.Errorf("file %d: %v", i, got)
		}
	}
	failing := errors.New("no state")
	if n, err := s.Prune(time.Now().Add(time.Minute), func(schemas.OwnerID) (map[schemas.EntityID]bool, error) { return nil, failing }); n != 0 || !errors.Is(err, failing) {
		t.Errorf("%d removed without knowing, %v", n, err)
	}
}

// What was not whole at a kill is gone at the next start.
func TestLeftAside(t *testing.T) {
	t.Parallel()
	s := open(t)
	w, err := s.Create(100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(random(50)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s.dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(s.dir, aside)); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{10 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			s, content := open(b), random(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				put(b, s, owner, entity, content)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	s, content := open(b), random(1<<20)
	key := put(b, s, owner, entity, content)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Read(owner, entity, key, int64(len(content)))
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
	}
}
