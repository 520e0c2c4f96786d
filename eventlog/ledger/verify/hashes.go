package verify

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/leaf"
)

const fileHashes = 1 << 16 // in one file of hashes

// born reads out of the ledger's tip in which folder a lane's hashes lie. Nothing else of the tip is believed.
func born(ledger string, l eventlog.Lane) (string, error) {
	data, err := os.ReadFile(filepath.Join(ledger, "tip"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) != 4 || words[0] != l.String() {
			continue
		}
		if _, err := strconv.ParseUint(words[3], 10, 64); err != nil {
			break
		}
		return filepath.Join(ledger, l.String()+"."+words[3]), nil
	}
	return "", errors.New("the ledger's tip does not name the lane")
}

// rowReader reads one row of stored hashes in ascending order.
type rowReader struct {
	dir  string
	file *os.File
	open uint64 // number of file, plus 1
	in   *bufio.Reader
	at   uint64 // index that in stands at
}

// get returns the hash of an index, zero where no file holds one. Indexes must ascend.
func (r *rowReader) get(index uint64) (h leaf.Hash, err error) {
	if number := index/fileHashes + 1; number != r.open {
		r.close()
		f, err := os.Open(filepath.Join(r.dir, strconv.FormatUint(number-1, 10)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return h, err
		}
		r.open, r.at = number, (number-1)*fileHashes
		if err == nil {
			r.file, r.in = f, bufio.NewReaderSize(f, 64<<10)
		}
	}
	if r.file == nil {
		return h, nil
	}
	if index != r.at {
		if _, err := r.file.Seek(int64(index%fileHashes)*int64(len(h)), io.SeekStart); err != nil {
			return h, err
		}
		r.in.Reset(r.file)
	}
	_, err = io.ReadFull(r.in, h[:])
	r.at = index + 1
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		r.close()
		return leaf.Hash{}, nil
	}
	return h, err
}

func (r *rowReader) close() {
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.open = nil, 0
}

// gap is a range of numbers whose leaves the ledger does not hold.
type gap struct {
	first, last uint64
	void        bool
	name        string
}

// readGaps lists them, ascending. listing tells whether they changed.
func readGaps(dir string) (gaps []gap, listing string, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "kept"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	for _, e := range entries {
		listing += e.Name() + "\n"
		name, kind, _ := strings.Cut(e.Name(), ".")
		first, last, _ := strings.Cut(name, "-")
		g := gap{void: kind == "void", name: filepath.Join(dir, "kept", e.Name())}
		var errs [2]error
		g.first, errs[0] = strconv.ParseUint(first, 10, 48)
		g.last, errs[1] = strconv.ParseUint(last, 10, 48)
		if errors.Join(errs[:]...) == nil && kind != "new" && g.first > 0 && g.first <= g.last {
			gaps = append(gaps, g)
		}
	}
	slices.SortFunc(gaps, func(a, b gap) int { return cmp.Compare(a.first, b.first) })
	return gaps, listing, nil
}

// each calls fn with the subtrees that were kept of a gap, in order.
func (g gap) each(fn func(level int, h leaf.Hash) error) error {
	at, end := g.first-1, g.last
	if g.void {
		for at < end {
			level := 0
			for at>>level&1 == 0 && at+2<<level <= end {
				level++
			}
			if err := fn(level, voidSubtree(level)); err != nil {
				return err
			}
			at += 1 << level
		}
		return nil
	}
	data, err := os.ReadFile(g.name)
	if err != nil {
		return err
	}
	const size = 1 + 8 + len(leaf.Hash{})
	for ; len(data) >= size; data = data[size:] {
		level, index := int(data[0]), binary.BigEndian.Uint64(data[1:])
		if level > 48 || at&(1<<level-1) != 0 || index != at>>level || at+1<<level > end {
			return fmt.Errorf("%s does not hold what makes up its numbers", g.name)
		}
		if err := fn(level, leaf.Hash(data[9:size])); err != nil {
			return err
		}
		at += 1 << level
	}
	if at != end || len(data) > 0 {
		return fmt.Errorf("%s does not hold what makes up its numbers", g.name)
	}
	return nil
}

func voidSubtree(level int) leaf.Hash {
	h := leaf.Void()
	for range level {
		h = parent(h, h)
	}
	return h
}
