package ledger

import (
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"protokoll/eventlog/ledger/leaf"
	"protokoll/internal/durable"
)

// sparseVoid is how many void numbers in a row get no leaves on disk. A lane that a restore left empty goes on above all
// numbers that it ever had.
const sparseVoid = 1 << 16

// addVoid appends void numbers up to last.
func (t *tree) addVoid(last uint64) error {
	if last >= t.size+sparseVoid {
		if err := t.skip(last); err != nil {
			return err
		}
	}
	for t.size < last {
		t.add(leaf.Void())
	}
	return nil
}

// skip appends void numbers without writing their leaves.
func (t *tree) skip(last uint64) error {
	if err := t.flush(); err != nil {
		return err
	}
	s := span{first: t.size + 1, last: last, void: true}
	if err := makeFolder(filepath.Join(t.dir, keptFolder)); err != nil {
		return err
	}
	if err := durable.Replace(s.file(t.dir), nil); err != nil {
		return err
	}
	for _, c := range cover(t.size, last) {
		if err := t.addNode(c, voidNode(c.level)); err != nil {
			return err
		}
	}
	t.kept.insert(s)
	for r := range t.pending {
		t.pending[r].first = t.size >> (r * tileHeight)
	}
	return nil
}

// addNode appends a whole subtree, whose first leaf comes next. Rows get only what it completes.
func (t *tree) addNode(c subtree, h tlog.Hash) error {
	t.size += 1 << c.level
	for ; c.index&1 == 1; c.index >>= 1 {
		left := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[left], h)
		t.edge = t.edge[:left]
		c.level++
		if r := c.level / tileHeight; c.level%tileHeight == 0 && r < rows {
			if err := t.write(r, c.index>>1, []tlog.Hash{h}); err != nil {
				return err
			}
		}
	}
	t.edge = append(t.edge, h)
	return nil
}
