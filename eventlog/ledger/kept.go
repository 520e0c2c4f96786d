package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"protokoll/eventlog/ledger/leaf"
)

const (
	keptFolder = "kept"
	keptSize   = 1 + 8 + tlog.HashSize
	// begunSuffix ends the name of a range whose leaves may still be there.
	begunSuffix = ".begun"
	// voidSuffix ends the name of a range that is void throughout and has no leaves on disk.
	voidSuffix = ".void"
)

// span is a range of numbers, both ends in it, whose leaves are not on disk.
type span struct {
	first, last uint64
	begun, void bool
}

func (s span) name() string { return fmt.Sprintf("%d-%d", s.first, s.last) }

func (s span) file(dir string) string {
	name := s.name()
	switch {
	case s.begun:
		name += begunSuffix
	case s.void:
		name += voidSuffix
	}
	return filepath.Join(dir, keptFolder, name)
}

// parseSpan reads a file name of the folder kept.
func parseSpan(name string) (s span, ok bool) {
	name, s.begun = strings.CutSuffix(name, begunSuffix)
	name, s.void = strings.CutSuffix(name, voidSuffix)
	n, err := fmt.Sscanf(name, "%d-%d", &s.first, &s.last)
	return s, n == 2 && err == nil && s.name() == name && s.first > 0 && s.last >= s.first && !(s.begun && s.void)
}

// subtree is a complete subtree of 2^level leaves.
type subtree struct {
	level int
	index uint64
}

// kept knows what was forgotten of a tree and what was kept of that.
type kept struct {
	dir    string // the tree's
	spans  []span // ascending
	loaded span
	nodes  map[subtree]tlog.Hash // of loaded
}

// openKept lists the spans of a tree of a size. A void one above it is of a time that was not saved, and goes.
func openKept(dir string, size uint64) (*kept, error) {
	k := &kept{dir: dir}
	entries, err := os.ReadDir(filepath.Join(dir, keptFolder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list what was forgotten: %w", err)
	}
	for _, e := range entries {
		s, ok := parseSpan(e.Name())
		switch {
		case !ok || s.void && s.last > size:
		case s.last > size:
			return nil, fmt.Errorf("numbers %s were forgotten, but the tree ends at %d", s.name(), size)
		default:
			k.insert(s)
		}
	}
	return k, nil
}

// insert adds a span in its place and returns where that is.
func (k *kept) insert(s span) int {
	at := sort.Search(len(k.spans), func(i int) bool { return k.spans[i].first >= s.first })
	k.spans = slices.Insert(k.spans, at, s)
	return at
}

// at returns the span in which a number lies.
func (k *kept) at(number uint64) (span, bool) {
	i := sort.Search(len(k.spans), func(i int) bool { return k.spans[i].last >= number })
	if i == len(k.spans) || k.spans[i].first > number {
		return span{}, false
	}
	return k.spans[i], true
}

// covers tells whether hashes of a row are of numbers that have none on disk, over any number of spans. Forgotten numbers
// have none in the row of leaves, void ones in no row.
func (k *kept) covers(r int, index uint64, count int) bool {
	up := r * tileHeight
	for number, last := index<<up+1, (index+uint64(count))<<up; number <= last; {
		s, ok := k.at(number)
		if !ok || r > 0 && !s.void {
			return false
		}
		number = s.last + 1
	}
	return true
}

// find looks for a subtree that lies in one span.
func (k *kept) find(level int, index uint64) (tlog.Hash, bool, error) {
	s, ok := k.at(index<<level + 1)
	if !ok || (index+1)<<level > s.last {
		return tlog.Hash{}, false, nil
	}
	if s.void {
		return voidNode(level), true, nil
	}
	if k.nodes == nil || k.loaded != s {
		data, err := os.ReadFile(s.file(k.dir))
		if err != nil {
			return tlog.Hash{}, false, fmt.Errorf("read what was kept: %w", err)
		}
		if k.nodes, err = parseKept(data); err != nil {
			return tlog.Hash{}, false, fmt.Errorf("%s: %w", s.file(k.dir), err)
		}
		k.loaded = s
	}
	h, ok := k.nodes[subtree{level, index}]
	return h, ok, nil
}

func parseKept(data []byte) (map[subtree]tlog.Hash, error) {
	if len(data)%keptSize != 0 {
		return nil, errors.New("torn")
	}
	nodes := map[subtree]tlog.Hash{}
	for ; len(data) > 0; data = data[keptSize:] {
		nodes[subtree{int(data[0]), binary.BigEndian.Uint64(data[1:])}] = tlog.Hash(data[9:])
	}
	return nodes, nil
}

func appendKept(dst []byte, s subtree, h tlog.Hash) []byte {
	dst = append(dst, byte(s.level))
	dst = binary.BigEndian.AppendUint64(dst, s.index)
	return append(dst, h[:]...)
}

// cover lists the largest complete subtrees that make up the leaves from index a to before b.
func cover(a, b uint64) (trees []subtree) {
	for a < b {
		level := min(bits.TrailingZeros64(a), bits.Len64(b-a)-1)
		trees = append(trees, subtree{level, a >> level})
		a += 1 << level
	}
	return trees
}

// voidNode is the hash of a complete subtree of void numbers.
func voidNode(level int) tlog.Hash {
	h := tlog.Hash(leaf.Void())
	for range level {
		h = tlog.NodeHash(h, h)
	}
	return h
}
