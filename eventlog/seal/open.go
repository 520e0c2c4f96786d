package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// Create makes a new keybook with the server's own key, and its root key. It returns ErrExists if there is one of them
// already, other than the remains of a Create that never got as far as the root key.
func Create(dir string, root Root) (*Keybook, error) { return create(osDisk{}, dir, root) }

// OpenKeybook opens the newest whole generation, mends a damaged copy from the other one, and finishes what was
// interrupted. It returns ErrMissing or ErrDamaged, naming the file, and never makes a fresh keybook.
func OpenKeybook(dir string, root Root) (*Keybook, error) { return open(osDisk{}, dir, root) }

func create(d disk, dir string, root Root) (*Keybook, error) {
	k, err := blank(d, dir, root)
	if err != nil {
		return nil, err
	}
	return k, k.inception()
}

// blank makes the folders of a keybook that has no generation yet.
func blank(d disk, dir string, root Root) (*Keybook, error) {
	keys, err := root.Load()
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		return nil, fmt.Errorf("root key: %w", ErrExists)
	}
	for _, c := range copies {
		if err := vacate(d, filepath.Join(dir, c)); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{dir, filepath.Dir(dir)} {
		if err := d.Sync(name); err != nil {
			return nil, fmt.Errorf("create the keybook: %w", err)
		}
	}
	return &Keybook{disk: d, dir: dir, root: root, where: map[ref]uint32{}}, nil
}

// vacate makes a copy's folder ready for a new keybook. A first generation without a root key is what an interrupted Create
// left: nothing was ever sealed with it. Anything newer is a keybook whose root is lost.
func vacate(d disk, dir string) error {
	if err := d.Mkdir(dir); err != nil {
		return fmt.Errorf("create the keybook: %w", err)
	}
	names, err := d.List(dir)
	if err != nil {
		return fmt.Errorf("create the keybook: %w", err)
	}
	for _, name := range names {
		h, ok := parseName(name)
		if !ok || h.generation > 1 {
			return fmt.Errorf("%s: %w", filepath.Join(dir, name), ErrExists)
		}
		if err := d.Remove(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("create the keybook: %w", err)
		}
	}
	return nil
}

// inception writes the first generation: the server's key alone.
func (k *Keybook) inception() error {
	p := &page{kind: kindOwner, entries: make([]entry, 1)}
	rand.Read(p.key[:])
	rand.Read(p.entries[0].key[:])
	var root [32]byte
	rand.Read(root[:])
	if err := k.commit(map[uint32]*page{0: p}, &root); err != nil {
		return err
	}
	return k.expandServer()
}

func (k *Keybook) expandServer() error {
	key, ok := k.find(ref{kindOwner, serverID})
	if !ok {
		return fmt.Errorf("no key of the server in %s: %w", k.dir, ErrDamaged)
	}
	k.index = derive(&key, "index")
	var err error
	k.server, err = newOwner(serverID, &key)
	return err
}

func open(d disk, dir string, root Root) (*Keybook, error) {
	keys, err := root.Load()
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || len(keys[0]) != rootSize {
		return nil, fmt.Errorf("root key of the keybook %s: %w", dir, ErrMissing)
	}
	k := &Keybook{disk: d, dir: dir, root: root}
	copy(k.rootKey[:], keys[0])
	found, err := k.search()
	if err != nil {
		return nil, err
	}
	if len(keys) > 1 { // an interrupted Forget: its generation is whole, so finish it
		if err := root.Replace(keys[0]); err != nil {
			return nil, err
		}
	}
	k.pages, k.where = found.pages, index(found.pages)
	if err := k.expandServer(); err != nil {
		return nil, err
	}
	k.mend(found)
	return k, nil
}

func index(pages []*page) map[ref]uint32 {
	n := 0
	for _, p := range pages {
		if p != nil {
			n += len(p.entries)
		}
	}
	where := make(map[ref]uint32, n)
	for _, p := range pages {
		if p == nil {
			continue
		}
		for i := range p.entries {
			where[ref{p.kind, p.entries[i].id}] = p.number
		}
	}
	return where
}

// mend leaves both copies whole and alone. What fails is an alarm and not an error: one whole copy is enough to serve.
func (k *Keybook) mend(found *generation) {
	if found.whole == [2]bool{true, true} {
		k.generation = found.number
		if err := k.sweep(); err != nil {
			k.alarms = append(k.alarms, err)
		}
		k.generation = found.newest
		return
	}
	k.generation = found.newest
	for _, c := range copies {
		if err := k.disk.Mkdir(filepath.Join(k.dir, c)); err != nil {
			k.alarms = append(k.alarms, fmt.Errorf("mend the keybook: %w", err))
			return
		}
	}
	staged := map[uint32]*page{}
	for _, p := range k.pages {
		if p != nil {
			staged[p.number] = fresh(p, p.kind, p.number)
		}
	}
	err := k.disk.Sync(k.dir)
	if err == nil {
		err = k.commit(staged, nil)
	}
	if err != nil {
		k.alarms = append(k.alarms, fmt.Errorf("mend the keybook: %w", err))
	}
}

// generation is what search found.
type generation struct {
	number uint64
	newest uint64 // highest number that any file carries
	pages  []*page
	whole  [2]bool // which copies hold all of it

	problems [2][]error // by copy, each naming a file
}

// search returns the newest whole generation under the root key.
func (k *Keybook) search() (*generation, error) {
	tables, newest := [2]map[uint64]bool{}, uint64(0)
	var numbers []uint64
	for c := range copies {
		tables[c] = map[uint64]bool{}
		names, err := k.disk.List(k.copy(c))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open the keybook: %w", err)
		}
		for _, name := range names {
			h, ok := parseName(name)
			if !ok {
				continue
			}
			newest = max(newest, h.generation)
			if h.kind == kindTable {
				tables[c][h.generation] = true
				numbers = append(numbers, h.generation)
			}
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	var passed []error
	for _, number := range slices.Backward(numbers) {
		g, err := k.load(number, tables)
		if err != nil {
			return nil, err
		}
		if g.pages != nil {
			g.newest = newest
			return g, nil
		}
		passed = append(append(passed, g.problems[0]...), g.problems[1]...)
	}
	if len(passed) > 0 {
		return nil, fmt.Errorf("no whole generation of the keybook in %s: %w", k.dir, errors.Join(append(passed, ErrDamaged)...))
	}
	return nil, fmt.Errorf("keybook %s: %w", k.dir, ErrMissing)
}

func (k *Keybook) copy(c int) string { return filepath.Join(k.dir, copies[c]) }
