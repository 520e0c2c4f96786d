package session

import (
	"os"
	"path/filepath"
	"testing"

	"protokoll/schemas"
)

func mustOpen(t *testing.T, path string) *Table {
	t.Helper()
	table, err := openTable(path)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestTableSurvives: what was written is there for the next process, which is all that a kill leaves it.
func TestTableSurvives(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	table := mustOpen(t, path)
	hash, owner, entity := [32]byte{1}, schemas.OwnerID{2}, schemas.EntityID{3}
	r := table.add(hash, [16]byte{9})
	other := table.add([32]byte{7}, [16]byte{})
	r.received(5)
	r.sent(8)
	r.acknowledged(6)
	k := r.note(owner, entity, 7)
	k.renumber(table, 8)
	r.note(owner, schemas.EntityID{4}, 9).taken(table)
	r.note(owner, schemas.EntityID{5}, 10).free(table)
	other.erase()

	again := mustOpen(t, path) // without Close, as after kill -9
	c, letters, back, ok := again.take(hash)
	if !ok || c.in != 5 || c.out != 8 || c.acked != 6 || back.number != r.number {
		t.Errorf("%+v %v", c, ok)
	}
	if len(letters) != 1 || letters[0].outbound != 8 || letters[0].owner != owner || letters[0].entity != entity {
		t.Errorf("letters %+v", letters)
	}
	if ended := again.takeEnded(); len(ended) != 1 || ended[0].entity != (schemas.EntityID{4}) {
		t.Errorf("ended %+v", ended)
	}
	if _, _, _, ok := again.take(hash); ok {
		t.Error("taken twice")
	}
	if _, _, _, ok := again.take([32]byte{7}); ok {
		t.Error("an erased session is there")
	}
}

// TestTableDiscard: what nobody takes over is free again.
func TestTableDiscard(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	table := mustOpen(t, path)
	table.add([32]byte{1}, [16]byte{}).note(schemas.OwnerID{}, schemas.EntityID{1}, 1)
	again := mustOpen(t, path)
	again.discard()
	last := mustOpen(t, path)
	if _, _, _, ok := last.take([32]byte{1}); ok || len(last.letters) > 0 {
		t.Error("discarded, and there")
	}
	if n := last.add([32]byte{2}, [16]byte{}).number; n != 0 {
		t.Errorf("number %d is used although 0 is free", n)
	}
}

// TestTableOfAnotherBoot: after the machine stopped, what was not written back may be old, so nothing counts.
func TestTableOfAnotherBoot(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func([]byte) []byte{
		"boot":    func(b []byte) []byte { b[headBoot] ^= 1; return b },
		"version": func(b []byte) []byte { b[headVersion]++; return b },
		"short":   func(b []byte) []byte { return b[:10] },
		"empty":   func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table")
			table := mustOpen(t, path)
			table.add([32]byte{1}, [16]byte{})
			if err := table.Close(); err != nil {
				t.Fatal(err)
			}
			head, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, spoil(head[:cell*4]), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, _, ok := mustOpen(t, path).take([32]byte{1}); ok {
				t.Error("a void table counts")
			}
		})
	}
}

// FuzzTable: whatever a table holds, opening it ends in a table.
func FuzzTable(f *testing.F) {
	f.Add(make([]byte, 3*cell), uint32(1), uint32(1))
	f.Add([]byte("\x01\x00\x00\x00"), uint32(4_000_000_000), uint32(4_000_000_000))
	f.Fuzz(func(t *testing.T, cells []byte, records, marks uint32) {
		path := filepath.Join(t.TempDir(), "table")
		table := mustOpen(t, path)
		table.store(headRecords, min(records, 1<<12)) // scanning all of them takes long and shows nothing more
		table.store(headMarks, min(marks, 1<<12))
		copy(table.data[recordAt(0):], cells)
		copy(table.data[markAt(0):], cells)
		again := mustOpen(t, path)
		for hash := range again.kept {
			again.take(hash)
		}
		again.takeEnded()
		again.discard()
		again.add([32]byte{1}, [16]byte{}).note(schemas.OwnerID{}, schemas.EntityID{}, 1).free(again)
	})
}

func TestNoTable(t *testing.T) {
	t.Parallel()
	var table *Table
	r := table.add([32]byte{1}, [16]byte{})
	r.received(1)
	r.erase()
	if r.note(schemas.OwnerID{}, schemas.EntityID{}, 1) != 0 || table.takeEnded() != nil || table.Close() != nil {
		t.Error("no table records something")
	}
	table.discard()
}
