package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight   = 8
	rows         = 6 // enough for 2^48 numbers
	bundleBits   = 16
	bundleHashes = 1 << bundleBits // in one file
)

// errForgotten is returned for a hash that was not kept.
var errForgotten = errors.New("the hash was forgotten with its segment")

// tree is one lane's Merkle tree. Its lane's lock guards it.
type tree struct {
	dir     string
	size    uint64
	edge    []tlog.Hash // of the complete subtrees that make up the tree, largest first
	pending [rows]row   // hashes that no file holds yet
	dirty   map[string]*os.File
	kept    *kept
}

type row struct {
	first  uint64 // index of hashes[0]
	hashes []tlog.Hash
}

// add appends a leaf.
func (t *tree) add(h tlog.Hash) {
	t.put(0, h)
	level := 0
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		level++
		if level%tileHeight == 0 {
			t.put(level/tileHeight, h)
		}
	}
	t.edge = append(t.edge, h)
	t.size++
}

func (t *tree) put(r int, h tlog.Hash) {
	if r < rows {
		t.pending[r].hashes = append(t.pending[r].hashes, h)
	}
}

// root is the hash of the whole tree. RFC 9162 §2.1.1
func (t *tree) root() tlog.Hash { return rootOf(t.edge) }

func rootOf(edge []tlog.Hash) tlog.Hash {
	if len(edge) == 0 {
		return sha256.Sum256(nil)
	}
	h := edge[len(edge)-1]
	for i := len(edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(edge[i], h)
	}
	return h
}

// rootAt is the root that the tree had at an earlier size.
func (t *tree) rootAt(size uint64) (tlog.Hash, error) {
	if size > t.size {
		return tlog.Hash{}, fmt.Errorf("size %d of a tree of %d", size, t.size)
	}
	edge, err := t.edgeAt(size)
	return rootOf(edge), err
}

// edgeAt reads the complete subtrees that made up the tree at a size.
func (t *tree) edgeAt(size uint64) (edge []tlog.Hash, err error) {
	for at := uint64(0); at < size; {
		level := bits.Len64(size-at) - 1
		h, err := t.node(level, at>>level)
		if err != nil {
			return nil, err
		}
		edge = append(edge, h)
		at += 1 << level
	}
	return edge, nil
}

// openTree reads a tree of a known size. The caller compares the root.
func openTree(dir string, size uint64) (*tree, error) {
	kept, err := openKept(dir, size)
	if err != nil {
		return nil, err
	}
	t := &tree{dir: dir, size: size, kept: kept, dirty: map[string]*os.File{}}
	for r := range t.pending {
		t.pending[r].first = size >> (r * tileHeight)
	}
	t.edge, err = t.edgeAt(size)
	return t, err
}

// node returns the hash of a complete subtree of 2^level leaves.
func (t *tree) node(level int, index uint64) (tlog.Hash, error) {
	r, up := level/tileHeight, level%tileHeight
	if r >= rows {
		return t.join(level, index)
	}
	hashes, err := t.read(r, index<<up, 1<<up)
	if err != nil {
		return tlog.Hash{}, err
	}
	if h, ok := fold(hashes); ok {
		return h, nil
	}
	if h, ok, err := t.kept.find(level, index); ok || err != nil {
		return h, err
	}
	if _, gone := t.kept.at(index + 1); level == 0 && gone {
		return tlog.Hash{}, fmt.Errorf("number %d: %w", index+1, errForgotten)
	}
	if level == 0 {
		return tlog.Hash{}, fmt.Errorf("number %d: its hash is missing", index+1)
	}
	return t.join(level, index)
}

func (t *tree) join(level int, index uint64) (tlog.Hash, error) {
	left, err := t.node(level-1, 2*index)
	if err != nil {
		return left, err
	}
	right, err := t.node(level-1, 2*index+1)
	return tlog.NodeHash(left, right), err
}

// fold hashes a power of two of hashes into one. It reports false if one of them was forgotten.
func fold(hashes []tlog.Hash) (tlog.Hash, bool) {
	for _, h := range hashes {
		if h == (tlog.Hash{}) {
			return h, false
		}
	}
	for len(hashes) > 1 {
		for i := range len(hashes) / 2 {
			hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
		hashes = hashes[:len(hashes)/2]
	}
	return hashes[0], true
}

// read returns hashes of one row, out of one tile; those that no file holds are zero.
func (t *tree) read(r int, index uint64, count int) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, count)
	p := &t.pending[r]
	stored := count
	if end := index + uint64(count); end > p.first {
		stored = int(max(p.first, index) - index)
		if end > p.first+uint64(len(p.hashes)) {
			return nil, fmt.Errorf("hash %d of row %d: the tree does not hold it yet", end-1, r)
		}
		copy(hashes[stored:], p.hashes[index+uint64(stored)-p.first:])
	}
	if stored == 0 {
		return hashes, nil
	}
	return hashes, t.readFile(r, index, hashes[:stored])
}

// readFile leaves zero what no file holds.
func (t *tree) readFile(r int, index uint64, hashes []tlog.Hash) error {
	f, err := os.Open(t.bundle(r, index))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read hashes: %w", err)
	}
	defer f.Close()
	data := make([]byte, len(hashes)*tlog.HashSize)
	if _, err := f.ReadAt(data, int64(index%bundleHashes)*tlog.HashSize); err != nil && err != io.EOF {
		return fmt.Errorf("read hashes: %w", err)
	}
	for i := range hashes {
		hashes[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	return nil
}

func (t *tree) bundle(r int, index uint64) string {
	return filepath.Join(t.dir, strconv.Itoa(r), strconv.FormatUint(index>>bundleBits, 10))
}

// flush writes what is pending into the files. It does not sync.
func (t *tree) flush() error {
	for r := range t.pending {
		p := &t.pending[r]
		for len(p.hashes) > 0 {
			n := min(len(p.hashes), bundleHashes-int(p.first%bundleHashes))
			if err := t.write(r, p.first, p.hashes[:n]); err != nil {
				return err
			}
			p.first += uint64(n)
			p.hashes = p.hashes[n:]
		}
		p.hashes = p.hashes[:0:0]
	}
	return nil
}

func (t *tree) write(r int, index uint64, hashes []tlog.Hash) error {
	path := t.bundle(r, index)
	f := t.dirty[path]
	if f == nil {
		var err error
		if f, err = createFile(path); err != nil {
			return err
		}
		t.dirty[path] = f
	}
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		data = append(data, hashes[i][:]...)
	}
	if _, err := f.WriteAt(data, int64(index%bundleHashes)*tlog.HashSize); err != nil {
		return fmt.Errorf("write hashes: %w", err)
	}
	return nil
}

// takeDirty hands over the files that were written since the last call. They are the caller's to sync and close.
func (t *tree) takeDirty() map[string]*os.File {
	dirty := t.dirty
	t.dirty = map[string]*os.File{}
	return dirty
}

// ReadHashes makes a tree a tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, stored := range indexes {
		level, n := tlog.SplitStoredHashIndex(stored)
		h, err := t.node(level, uint64(n))
		if err != nil {
			return nil, err
		}
		hashes[i] = h
	}
	return hashes, nil
}
