package seal

import (
	"errors"
	"fmt"
	"path/filepath"
)

// errForeign is what a table under another root key gives: it was being written for a Forget that never replaced the root.
var errForeign = errors.New("under another root key")

// load reads generation number. It returns one without pages if that generation may be passed over: it was never finished,
// so nobody relies on it. It returns ErrDamaged if it was finished once and is not whole any more.
func (k *Keybook) load(number uint64, tables [2]map[uint64]bool) (*generation, error) {
	g := &generation{number: number}
	foreign, present := false, 0
	for c := range copies {
		if !tables[c][number] {
			continue
		}
		present++
		pages, err := k.readTable(c, number)
		if errors.Is(err, errForeign) {
			foreign = true
		}
		if err == nil && g.pages == nil {
			g.pages = pages
		}
		if err != nil {
			g.problems[c] = append(g.problems[c], err)
		}
	}
	if g.pages != nil {
		k.readPages(g, tables, number)
	}
	switch {
	case g.pages != nil:
		k.report(g, tables)
		return g, nil
	case foreign || present == 1: // a was not finished before the stop, or is removed already and b not yet
		return g, nil
	}
	return nil, fmt.Errorf("open the keybook: %w", errors.Join(append(g.problems[0], g.problems[1]...)...))
}

func (k *Keybook) readTable(c int, number uint64) ([]*page, error) {
	want := header{kind: kindTable, generation: number}
	name := filepath.Join(k.copy(c), want.name())
	file, err := k.disk.Read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Join(err, ErrDamaged))
	}
	h, err := checkFile(want, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if h.root != rootName(&k.rootKey) {
		return nil, fmt.Errorf("%s: %w", name, errForeign)
	}
	pages, err := decodeTable(file, number, &k.rootKey)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return pages, nil
}

// readPages fills the pages of g, each from the first copy that holds it whole. If one is whole nowhere, g is left without
// pages.
func (k *Keybook) readPages(g *generation, tables [2]map[uint64]bool, number uint64) {
	lost := false
	for _, p := range g.pages {
		if p == nil {
			continue
		}
		for c := range copies {
			if err := k.readPage(c, p); err != nil {
				g.problems[c] = append(g.problems[c], err)
			}
		}
		lost = lost || p.entries == nil
	}
	for c := range copies {
		g.whole[c] = tables[c][number] && len(g.problems[c]) == 0
	}
	if lost {
		g.pages = nil
	}
}

// readPage checks one copy's file of a page, and takes its keys if no other copy gave them.
func (k *Keybook) readPage(c int, p *page) error {
	name := filepath.Join(k.copy(c), p.header().name())
	file, err := k.disk.Read(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, errors.Join(err, ErrDamaged))
	}
	if p.entries != nil {
		_, err = checkFile(p.header(), file)
	} else {
		err = decodePage(p, file)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// report turns what is wrong with a copy into alarms. Copy b is behind without being damaged if a stop came before its turn:
// then it still holds an older generation.
func (k *Keybook) report(g *generation, tables [2]map[uint64]bool) {
	for c := range copies {
		if !g.whole[c] && !(c == 1 && olderThan(tables[c], g.number)) {
			if !tables[c][g.number] {
				name := header{kind: kindTable, generation: g.number}.name()
				g.problems[c] = append(g.problems[c], fmt.Errorf("%s: %w", filepath.Join(k.copy(c), name), ErrMissing))
			}
			k.alarms = append(k.alarms, g.problems[c]...)
		}
	}
}

func olderThan(tables map[uint64]bool, number uint64) bool {
	for n := range tables {
		if n < number {
			return true
		}
	}
	return false
}
