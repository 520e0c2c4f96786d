package faults

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// platter is what a disk has durably of one folder: of each file what a sync of it covered, and the names that a sync of their
// folder covered. Everything else may be there after a power cut or not. POSIX promises no more.
type platter struct {
	root    string
	top     *inode
	pending []naming // names that no sync covers yet, in order
}

// inode is a file or a folder without its name.
type inode struct {
	names, durable map[string]*inode // of a folder: what processes see, and what is on the disk; nil for a file
	synced         []byte
	changes        []change // that no sync covers yet, in order
	settled        int      // how many changes were ever synced
}

// change is a write, or a new length.
type change struct {
	at   int64
	data []byte // nil: the length becomes at
}

// naming is a name that appeared, went, or changed.
type naming struct {
	from, to *inode // folders; either may be nil
	old, now string
	file     *inode
}

func newFolder() *inode { return &inode{names: map[string]*inode{}, durable: map[string]*inode{}} }

// newPlatter reads a folder that nobody changes; all of it is durable.
func newPlatter(root string) (*platter, error) {
	p := &platter{root: root, top: newFolder()}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root || d.Name() == mapped {
			return err
		}
		f := newFolder()
		if d.Type().IsRegular() {
			f = &inode{}
			if f.synced, err = os.ReadFile(path); err != nil {
				return err
			}
		} else if !d.IsDir() {
			return nil
		}
		dir, name := p.parent(path)
		dir.names[name], dir.durable[name] = f, f
		return nil
	})
	return p, err
}

// mapped is the table of sessions: it is written without system calls, and void after the machine's next start.
const mapped = "resume"

// mine tells whether a path is kept.
func (p *platter) mine(path string) bool {
	return strings.HasPrefix(path, p.root+"/") && filepath.Base(path) != mapped
}

// find returns what has the path now, nil if nothing has.
func (p *platter) find(path string) *inode {
	if path == p.root {
		return p.top
	}
	if !p.mine(path) {
		return nil
	}
	dir, name := p.parent(path)
	if dir == nil {
		return nil
	}
	return dir.names[name]
}

func (p *platter) parent(path string) (*inode, string) {
	f := p.top
	rest := strings.Split(strings.TrimPrefix(path, p.root+"/"), "/")
	for _, name := range rest[:len(rest)-1] {
		if f = f.names[name]; f == nil {
			return nil, ""
		}
	}
	return f, rest[len(rest)-1]
}

func (p *platter) create(path string, folder bool) {
	if !p.mine(path) || p.find(path) != nil {
		return
	}
	f := &inode{}
	if folder {
		f = newFolder()
	}
	dir, name := p.parent(path)
	dir.names[name] = f
	p.pending = append(p.pending, naming{to: dir, now: name, file: f})
}

func (p *platter) change(path string, c change) {
	if f := p.find(path); f != nil {
		f.changes = append(f.changes, c)
	}
}

func (p *platter) remove(path string) {
	if f := p.find(path); f != nil {
		dir, name := p.parent(path)
		delete(dir.names, name)
		p.pending = append(p.pending, naming{from: dir, old: name, file: f})
	}
}

func (p *platter) rename(old, now string) {
	f := p.find(old)
	if f == nil {
		return
	}
	from, was := p.parent(old)
	to, name := p.parent(now)
	delete(from.names, was)
	to.names[name] = f
	p.pending = append(p.pending, naming{from: from, to: to, old: was, now: name, file: f})
}

// begun is how much a sync that begins now will cover.
func (p *platter) begun(path string) int {
	if f := p.find(path); f != nil && f.names == nil {
		return f.settled + len(f.changes)
	}
	return len(p.pending)
}

// sync is the end of a sync that covers what begun told.
func (p *platter) sync(path string, covers int) {
	f := p.find(path)
	if f != nil && f.names == nil {
		for f.settled < covers && len(f.changes) > 0 {
			f.synced, f.changes = f.changes[0].apply(f.synced), f.changes[1:]
			f.settled++
		}
		return
	}
	var rest []naming
	for i, n := range p.pending {
		if f != nil && (n.from == f || n.to == f) && i < covers {
			n.settle()
		} else {
			rest = append(rest, n)
		}
	}
	p.pending = rest
}

func (n naming) settle() {
	if n.from != nil && n.from.durable[n.old] == n.file {
		delete(n.from.durable, n.old)
	}
	if n.to != nil {
		n.to.durable[n.now] = n.file
	}
}

func (c change) apply(to []byte) []byte {
	end := c.at + int64(len(c.data))
	if grow := end - int64(len(to)); grow > 0 {
		to = append(to, make([]byte, grow)...)
	}
	if c.data == nil {
		return to[:c.at]
	}
	copy(to[c.at:], c.data)
	return to
}

// loss is what becomes of that which no sync covers.
type loss uint8

const (
	allLost  loss = iota
	someLost      // any part of the writes, the last one torn; of each folder's names the first ones
	nothingLost
)

// cut writes what a power cut leaves into the folder, in place of what is there.
func (p *platter) cut(l loss, r *rand.Rand) error {
	if l == someLost {
		p.keepNames(r)
	}
	old, err := os.ReadDir(p.root)
	if err != nil {
		return err
	}
	for _, e := range old {
		if err := os.RemoveAll(filepath.Join(p.root, e.Name())); err != nil {
			return err
		}
	}
	return p.top.write(p.root, l, r)
}

// keepNames lets some names reach the disk, in each folder in their order, as a journal does.
func (p *platter) keepNames(r *rand.Rand) {
	lost := map[*inode]bool{}
	for _, n := range p.pending {
		if lost[n.from] && n.from != nil || lost[n.to] && n.to != nil || r.IntN(3) == 0 {
			lost[n.from], lost[n.to] = true, true
			continue
		}
		n.settle()
	}
}

// write makes a folder of what the disk has of it.
func (f *inode) write(path string, l loss, r *rand.Rand) error {
	for _, name := range slices.Sorted(maps.Keys(f.durable)) {
		below, at := f.durable[name], filepath.Join(path, name)
		if below.names == nil {
			if err := os.WriteFile(at, below.left(l, r), 0o600); err != nil {
				return fmt.Errorf("write what the power cut left: %w", err)
			}
			continue
		}
		if err := os.Mkdir(at, 0o700); err != nil {
			return fmt.Errorf("write what the power cut left: %w", err)
		}
		if err := below.write(at, l, r); err != nil {
			return err
		}
	}
	return nil
}

// left is what the disk has of a file.
func (f *inode) left(l loss, r *rand.Rand) []byte {
	data := slices.Clone(f.synced)
	for i, c := range f.changes {
		switch {
		case l == allLost, l == someLost && r.IntN(3) == 0:
			continue
		case l == someLost && i == len(f.changes)-1 && len(c.data) > 1:
			c.data = c.data[:1+r.IntN(len(c.data)-1)]
		}
		data = c.apply(data)
	}
	return data
}
