package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"protokoll/eventlog/ledger/leaf"
)

func testLeaf(n uint64) tlog.Hash {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, n))
}

// reference is a tree in memory as tlog makes it.
type reference struct{ hashes []tlog.Hash }

func (r *reference) add(t testing.TB, n int64, h tlog.Hash) {
	more, err := tlog.StoredHashesForRecordHash(n, h, r)
	if err != nil {
		t.Fatal(err)
	}
	r.hashes = append(r.hashes, more...)
}

func (r *reference) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, i := range indexes {
		hashes = append(hashes, r.hashes[i])
	}
	return hashes, nil
}

func mustOpenTree(t testing.TB, dir string, size uint64) *tree {
	t.Helper()
	tr, err := openTree(dir, size)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// filled returns a tree on disk of n leaves and its reference.
func filled(t testing.TB, dir string, n uint64) (*tree, *reference) {
	t.Helper()
	tr, ref := mustOpenTree(t, dir, 0), &reference{}
	for i := range n {
		tr.add(testLeaf(i))
		ref.add(t, int64(i), testLeaf(i))
	}
	if err := tr.flush(); err != nil {
		t.Fatal(err)
	}
	if err := syncFiles(tr.takeDirty()); err != nil {
		t.Fatal(err)
	}
	return tr, ref
}

// Roots, inclusion and consistency proofs are those of tlog, from memory and after opening again.
func TestTreeIsTlogs(t *testing.T) {
	t.Parallel()
	const n = 70_000 // over one file
	dir := t.TempDir()
	tr, ref := filled(t, dir, n)
	for _, tr := range []*tree{tr, mustOpenTree(t, dir, n)} {
		for _, size := range []int64{1, 2, 255, 256, 257, 65_535, 65_536, 65_537, n} {
			want, err := tlog.TreeHash(size, ref)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tr.rootAt(uint64(size)); err != nil || got != want {
				t.Errorf("root at %d: %v %v", size, got, err)
			}
			checkProofs(t, tr, n, tr.root(), size, want)
		}
	}
}

func checkProofs(t *testing.T, tr *tree, n int64, root tlog.Hash, size int64, old tlog.Hash) {
	t.Helper()
	proof, err := tlog.ProveTree(n, size, tr)
	if err == nil {
		err = tlog.CheckTree(proof, n, root, size, old)
	}
	if err != nil {
		t.Errorf("consistency of %d with %d: %v", size, n, err)
	}
}

// Whatever is forgotten in whatever order, roots at all checkpoint sizes stay and prove consistent with all later ones.
func TestForgettingKeepsProofs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		const n = 3000
		dir := filepath.Join(t.TempDir(), rapid.StringMatching("[a-z]{12}").Draw(r, "dir"))
		tr, ref := filled(t, dir, n)
		sizes := rapid.SliceOfN(rapid.Uint64Range(1, n), 0, 20).Draw(r, "checkpoints")
		cuts := rapid.SliceOfNDistinct(rapid.Uint64Range(1, n-1), 2, 8, rapid.ID).Draw(r, "segments")
		slices.Sort(cuts)
		for _, i := range rapid.Permutation(indexes(len(cuts)-1)).Draw(r, "order") {
			s := span{first: cuts[i] + 1, last: cuts[i+1]}
			if rapid.Bool().Draw(r, "leave") {
				continue
			}
			var inside []uint64
			for _, size := range sizes {
				if s.first <= size && size <= s.last {
					inside = append(inside, size)
				}
			}
			if err := tr.forget(s, inside); err != nil {
				r.Fatal(err)
			}
			if _, err := tr.read(0, s.first-1, 1); err != nil {
				r.Fatal(err)
			}
		}
		tr = mustOpenTree(t, dir, n)
		for _, size := range append(sizes, n) {
			want, _ := tlog.TreeHash(int64(size), ref)
			if got, err := tr.rootAt(size); err != nil || got != want {
				r.Fatalf("root at %d of %v: %v", size, tr.kept.spans, err)
			}
			proof, err := tlog.ProveTree(n, int64(size), tr)
			if err == nil {
				err = tlog.CheckTree(proof, n, tr.root(), int64(size), want)
			}
			if err != nil {
				r.Fatalf("consistency of %d: %v", size, err)
			}
		}
	})
}

func indexes(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// Many void numbers take no room and make the same tree.
func TestSparseVoids(t *testing.T) {
	t.Parallel()
	for _, start := range []uint64{0, 1, 300, 65_530} {
		dir := t.TempDir()
		tr, ref := filled(t, dir, start)
		end := start + sparseVoid + 12_345
		if err := tr.addVoid(end); err != nil {
			t.Fatal(err)
		}
		if len(tr.kept.spans) != 1 {
			t.Fatalf("from %d: %v", start, tr.kept.spans)
		}
		for n := start; n < end; n++ {
			ref.add(t, int64(n), leaf.Void())
		}
		for n := end; n < end+600; n++ {
			tr.add(testLeaf(n))
			ref.add(t, int64(n), testLeaf(n))
		}
		if err := tr.flush(); err != nil {
			t.Fatal(err)
		}
		end += 600
		for _, tr := range []*tree{tr, mustOpenTree(t, dir, end)} {
			for _, size := range []uint64{start + 1, end - 700, end - 3, end} {
				want, _ := tlog.TreeHash(int64(size), ref)
				if got, err := tr.rootAt(size); err != nil || got != want {
					t.Errorf("root from %d at %d: %v", start, size, err)
				}
			}
			want, _ := tlog.TreeHash(int64(end-300), ref)
			checkProofs(t, tr, int64(end), tr.root(), int64(end-300), want)
		}
	}
}

// What one event costs the ledger: hashing it and adding it, with the writing that goes with that.
func BenchmarkEvent(b *testing.B) {
	tr := mustOpenTree(b, b.TempDir(), 0)
	envelope, sealed := make([]byte, 110), make([]byte, 400)
	var scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		var h leaf.Hash
		h, scratch = leaf.Of(scratch, envelope, sealed)
		tr.add(h)
		if err := tr.spill(); err != nil {
			b.Fatal(err)
		}
		if tr.size%65536 == 0 {
			if err := syncFiles(tr.takeDirty()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
