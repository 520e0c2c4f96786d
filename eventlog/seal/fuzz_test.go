package seal

import (
	"errors"
	"testing"
)

// FuzzFiles reads hostile bytes as page and table, in the clear (as the disk may give them) and rightly enciphered.
func FuzzFiles(f *testing.F) {
	key := [32]byte{9}
	p := &page{kind: kindOwner, generation: 3, key: key, entries: make([]entry, 2)}
	whole, err := encodePage(p)
	if err != nil {
		f.Fatal(err)
	}
	table, err := encodeTable([]*page{p}, 3, &key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(table)
	f.Add(make([]byte, entrySize))
	f.Add(append([]byte{byte(kindOwner)}, make([]byte, rowSize-1)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		h := header{kind: kindOwner, generation: 3}
		inner, err := encodeFile(h, &key, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range [][]byte{data, inner} {
			q := &page{kind: kindOwner, generation: 3, key: key}
			if err := decodePage(q, file); err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			if _, err := checkFile(h, file); err != nil {
				continue
			}
			if _, err := decodeTable(file, 3, &key); err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
		}
	})
}

// FuzzNames reads hostile file names: what is accepted is written back as it was.
func FuzzNames(f *testing.F) {
	f.Add("table-0000000000000001")
	f.Add("page-o00000001-0000000000000002")
	f.Fuzz(func(t *testing.T, name string) {
		if h, ok := parseName(name); ok && h.name() != name {
			t.Errorf("%q became %q", name, h.name())
		}
	})
}
