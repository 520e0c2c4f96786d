package seal

import (
	"crypto/rand"
	"fmt"
	"path/filepath"

	"protokoll/schemas"
)

// copies are the folders that each hold a whole keybook, in the order in which they are written.
var copies = [2]string{"a", "b"}

// batch is additions that wait for one commit together.
type batch struct {
	refs []ref
	done bool // guarded by Keybook.commits, as is err
	err  error
}

// Add makes keys for owners that have none. They are on disk when it returns. Calls that arrive while another is writing
// share the next commit, which costs some 10 ms whatever it holds.
func (k *Keybook) Add(ids ...schemas.OwnerID) error {
	refs := make([]ref, len(ids))
	for i, id := range ids {
		refs[i] = ref{kindOwner, id}
	}
	return k.add(refs)
}

// AddSegment makes a key for a new segment, which is on disk when it returns. It returns ErrExists for one that has a key.
func (k *Keybook) AddSegment(id SegmentID) (*Segment, error) {
	if _, ok := k.find(ref{kindSegment, id}); ok {
		return nil, fmt.Errorf("segment %s: %w", id, ErrExists)
	}
	if err := k.add([]ref{{kindSegment, id}}); err != nil {
		return nil, err
	}
	return k.Segment(id)
}

func (k *Keybook) add(refs []ref) error {
	if k.hasAll(refs) {
		return nil
	}
	k.queue.Lock()
	if k.waiting == nil {
		k.waiting = &batch{}
	}
	mine := k.waiting
	mine.refs = append(mine.refs, refs...)
	k.queue.Unlock()

	k.commits.Lock()
	defer k.commits.Unlock()
	if mine.done {
		return mine.err
	}
	k.queue.Lock()
	k.waiting = nil
	k.queue.Unlock()
	mine.done, mine.err = true, k.commitAdded(mine.refs)
	return mine.err
}

func (k *Keybook) hasAll(refs []ref) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, r := range refs {
		if _, ok := k.where[r]; !ok {
			return false
		}
	}
	return true
}

// commitAdded puts keys into pages with room, then into new ones.
func (k *Keybook) commitAdded(refs []ref) error {
	staged, seen := map[uint32]*page{}, map[ref]bool{}
	next := map[kind]uint32{}
	for _, r := range refs {
		if _, ok := k.where[r]; ok || seen[r] {
			continue
		}
		seen[r] = true
		p := k.room(staged, r.kind, next[r.kind])
		next[r.kind] = p.number
		e := entry{id: r.id}
		rand.Read(e.key[:])
		p.entries = append(p.entries, e)
	}
	if len(staged) == 0 {
		return nil
	}
	return k.commit(staged, nil)
}

// room returns a staged page of this kind with a free slot, looking from page number on.
func (k *Keybook) room(staged map[uint32]*page, kind kind, number uint32) *page {
	for ; ; number++ {
		p := staged[number]
		if p == nil && int(number) < len(k.pages) {
			p = k.pages[number]
		}
		if p != nil && (p.kind != kind || len(p.entries) >= pageSlots) {
			continue
		}
		if staged[number] == nil {
			staged[number] = fresh(p, kind, number)
		}
		return staged[number]
	}
}

// fresh is a copy of p to add keys to, or an empty page under a new page key.
func fresh(p *page, kind kind, number uint32) *page {
	q := &page{kind: kind, number: number}
	if p == nil {
		rand.Read(q.key[:])
		return q
	}
	q.key = p.key
	q.entries = append(make([]entry, 0, len(p.entries)+1), p.entries...)
	return q
}

// Forget destroys the keys of owners. When it returns nothing that was sealed under them can be opened any more, but by an
// *Owner that somebody still holds. Unknown ids are passed over, so that it may be repeated.
func (k *Keybook) Forget(ids ...schemas.OwnerID) error {
	refs := map[ref]bool{}
	for _, id := range ids {
		if id == serverID {
			return fmt.Errorf("forget the server's own key: %w", ErrExists)
		}
		refs[ref{kindOwner, id}] = true
	}
	return k.forget(refs)
}

// ForgetSegments destroys the keys of segments, as Forget does.
func (k *Keybook) ForgetSegments(ids ...SegmentID) error {
	refs := map[ref]bool{}
	for _, id := range ids {
		refs[ref{kindSegment, id}] = true
	}
	return k.forget(refs)
}

func (k *Keybook) forget(refs map[ref]bool) error {
	k.commits.Lock()
	defer k.commits.Unlock()
	staged := map[uint32]*page{}
	for r := range refs {
		number, ok := k.where[r]
		if ok && staged[number] == nil {
			staged[number] = k.pages[number].without(refs)
		}
	}
	if len(staged) == 0 {
		return nil
	}
	var root [32]byte
	rand.Read(root[:])
	return k.commit(staged, &root)
}

// commit writes a new generation in which the staged pages replace theirs, under a new root key if there is one. An error
// before the root is replaced leaves the keybook as it was; what is on disk of the new generation then is a superset of it
// (additions), or closed for ever (forgetting). The caller holds commits.
func (k *Keybook) commit(staged map[uint32]*page, root *[32]byte) error {
	if k.stopped != nil {
		return k.stopped
	}
	k.generation++
	pages := merge(k.pages, staged, k.generation)
	key := &k.rootKey
	if root != nil {
		key = root
	}
	table, err := encodeTable(pages, k.generation, key)
	if err != nil {
		return err
	}
	for _, c := range copies {
		if err := k.writeCopy(filepath.Join(k.dir, c), staged, table); err != nil {
			return fmt.Errorf("write generation %d of the keybook: %w", k.generation, err)
		}
	}
	if root != nil {
		if err := k.root.Replace(root[:]); err != nil {
			k.stopped = fmt.Errorf("%w: %w", ErrUnsure, err)
			return k.stopped
		}
		k.rootKey = *root
	}
	k.install(pages, staged)
	return k.sweep()
}

// merge returns the pages of the next generation; empty ones are given up.
func merge(old []*page, staged map[uint32]*page, generation uint64) []*page {
	pages := append([]*page(nil), old...)
	for number, p := range staged {
		for len(pages) <= int(number) {
			pages = append(pages, nil)
		}
		p.generation = generation
		pages[number] = p
		if len(p.entries) == 0 {
			pages[number] = nil
		}
	}
	return pages
}

// writeCopy writes the staged pages and the table into one copy's folder and syncs all of it.
func (k *Keybook) writeCopy(dir string, staged map[uint32]*page, table []byte) error {
	for _, p := range staged {
		if len(p.entries) == 0 {
			continue
		}
		file, err := encodePage(p)
		if err != nil {
			return err
		}
		if err := k.disk.Write(filepath.Join(dir, p.header().name()), file); err != nil {
			return err
		}
	}
	name := header{kind: kindTable, generation: k.generation}.name()
	if err := k.disk.Write(filepath.Join(dir, name), table); err != nil {
		return err
	}
	return k.disk.Sync(dir)
}

// install makes a durable generation the one in use, and wipes what it replaces from memory.
func (k *Keybook) install(pages []*page, staged map[uint32]*page) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for number, p := range staged {
		if int(number) < len(k.pages) && k.pages[number] != nil {
			old := k.pages[number]
			for _, e := range old.entries {
				delete(k.where, ref{old.kind, e.id})
			}
			clear(old.entries)
		}
		for _, e := range p.entries {
			k.where[ref{p.kind, e.id}] = number
		}
	}
	k.pages = pages
}

// sweep removes every file of the keybook that the generation in use does not need. It runs only when both copies are whole.
func (k *Keybook) sweep() error {
	keep := map[string]bool{header{kind: kindTable, generation: k.generation}.name(): true}
	for _, p := range k.pages {
		if p != nil {
			keep[p.header().name()] = true
		}
	}
	for _, c := range copies {
		if err := k.sweepCopy(filepath.Join(k.dir, c), keep); err != nil {
			return fmt.Errorf("remove what is superseded from the keybook: %w", err)
		}
	}
	return nil
}

func (k *Keybook) sweepCopy(dir string, keep map[string]bool) error {
	names, err := k.disk.List(dir)
	if err != nil {
		return err
	}
	removed := false
	for _, name := range names {
		if _, ok := parseName(name); !ok || keep[name] {
			continue
		}
		if err := k.disk.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return k.disk.Sync(dir)
}
