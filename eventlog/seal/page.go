package seal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// pageSlots is how many keys a page holds. Forgetting rewrites one page (12 KiB) and the table (45 bytes a page).
const pageSlots = 256

// entrySize and rowSize are the sizes in bytes of a key in a page and of a page in the table.
const (
	entrySize = 16 + 32
	rowSize   = 1 + 4 + 8 + 32
)

// entry is one key with its id.
type entry struct {
	id  [16]byte
	key [32]byte
}

// page is up to pageSlots keys of one kind. It is never changed after its generation was installed, only replaced.
type page struct {
	kind       kind
	number     uint32
	generation uint64 // that wrote it
	key        [32]byte
	entries    []entry
}

func (p *page) header() header {
	return header{kind: p.kind, number: p.number, generation: p.generation}
}

// find returns the key of id, or nil.
func (p *page) find(id *[16]byte) *[32]byte {
	for i := range p.entries {
		if p.entries[i].id == *id {
			return &p.entries[i].key
		}
	}
	return nil
}

// without returns a copy that lacks the given ids and has a new page key, so that older files of this page stay closed.
func (p *page) without(ids map[ref]bool) *page {
	q := &page{kind: p.kind, number: p.number}
	rand.Read(q.key[:])
	for _, e := range p.entries {
		if !ids[ref{p.kind, e.id}] {
			q.entries = append(q.entries, e)
		}
	}
	return q
}

func encodePage(p *page) ([]byte, error) {
	plaintext := make([]byte, 0, len(p.entries)*entrySize)
	for i := range p.entries {
		plaintext = append(plaintext, p.entries[i].id[:]...)
		plaintext = append(plaintext, p.entries[i].key[:]...)
	}
	defer clear(plaintext)
	return encodeFile(p.header(), &p.key, plaintext)
}

// decodePage fills p's entries from a file. It returns ErrDamaged for anything that encodePage would not have written.
func decodePage(p *page, file []byte) error {
	if _, err := checkFile(p.header(), file); err != nil {
		return err
	}
	plaintext, err := decodeFile(file, &p.key)
	if err != nil {
		return err
	}
	defer clear(plaintext)
	n := len(plaintext) / entrySize
	if len(plaintext)%entrySize != 0 || n == 0 || n > pageSlots {
		return fmt.Errorf("page of %d bytes: %w", len(plaintext), ErrDamaged)
	}
	p.entries = make([]entry, n)
	for i := range p.entries {
		b := plaintext[i*entrySize:]
		copy(p.entries[i].id[:], b)
		copy(p.entries[i].key[:], b[16:entrySize])
	}
	return nil
}

// encodeTable writes the page keys of one generation under the root key.
func encodeTable(pages []*page, generation uint64, root *[32]byte) ([]byte, error) {
	plaintext := make([]byte, 0, len(pages)*rowSize)
	for _, p := range pages {
		if p == nil {
			continue
		}
		plaintext = append(plaintext, byte(p.kind))
		plaintext = binary.BigEndian.AppendUint32(plaintext, p.number)
		plaintext = binary.BigEndian.AppendUint64(plaintext, p.generation)
		plaintext = append(plaintext, p.key[:]...)
	}
	defer clear(plaintext)
	return encodeFile(header{kind: kindTable, generation: generation, root: rootName(root)}, root, plaintext)
}

// decodeTable returns the pages of a table that checkFile accepted, without entries.
func decodeTable(file []byte, generation uint64, root *[32]byte) ([]*page, error) {
	plaintext, err := decodeFile(file, root)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	if len(plaintext)%rowSize != 0 || len(plaintext) == 0 {
		return nil, fmt.Errorf("table of %d bytes: %w", len(plaintext), ErrDamaged)
	}
	var pages []*page
	for b := plaintext; len(b) > 0; b = b[rowSize:] {
		p := &page{kind: kind(b[0]), number: binary.BigEndian.Uint32(b[1:]), generation: binary.BigEndian.Uint64(b[5:])}
		copy(p.key[:], b[13:rowSize])
		if (p.kind != kindOwner && p.kind != kindSegment) || p.generation > generation || p.number > maxFile/rowSize {
			return nil, fmt.Errorf("row of page %d: %w", p.number, ErrDamaged)
		}
		for len(pages) <= int(p.number) {
			pages = append(pages, nil)
		}
		if pages[p.number] != nil {
			return nil, fmt.Errorf("page %d twice: %w", p.number, ErrDamaged)
		}
		pages[p.number] = p
	}
	return pages, nil
}
