package backup

import (
	"path/filepath"
	"testing"

	"protokoll/schemas"
)

// TestOrders writes orders and reads them again, and refuses changed ones.
func TestOrders(t *testing.T) {
	t.Parallel()
	owner := schemas.NewOwnerID()
	want := Orders{At: 7, Proof: 3, Epoch: 2, Marks: map[string]uint64{"now": 9}, Orders: []Order{
		OrderOf(&schemas.Ordered{Kind: schemas.OrderKind_ERASURE, Owner: owner[:], At: 5}),
		OrderOf(&schemas.Ordered{Kind: schemas.OrderKind_OBJECTION, Owner: owner[:], At: 6, Objection: schemas.ObjectionKind_SEARCH}),
	}}
	path := filepath.Join(t.TempDir(), OrdersName)
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadOrders(path)
	if err != nil || len(got.Lacks(want)) != 0 || len(want.Lacks(got)) != 0 || got.Epoch != 2 || got.Marks["now"] != 9 {
		t.Errorf("%+v, %v", got, err)
	}
	if missing := want.Lacks(Orders{Orders: want.Orders[:1]}); len(missing) != 1 || missing[0] != want.Orders[1] {
		t.Errorf("missing %v", missing)
	}
}

// FuzzManifest never panics, and accepts only what stays inside its folder.
func FuzzManifest(f *testing.F) {
	for _, body := range []string{`{"format":1}`, `{"format":1,"files":[{"path":"../x"}]}`, `{"format":1,"keys":"keys-20261123T120000.000Z","segments":[{"lane":"inbox"}]}`} {
		f.Add(checksumLine([]byte(body)), body)
	}
	f.Fuzz(func(t *testing.T, line, body string) {
		for _, head := range []string{line, checksumLine([]byte(body))} {
			m, err := parseManifest([]byte(head + "\n" + body))
			if err != nil {
				continue
			}
			for _, file := range m.Files {
				if !filepath.IsLocal(filepath.FromSlash(file.Path)) {
					t.Errorf("%q is accepted", file.Path)
				}
			}
		}
	})
}

// FuzzOrders never panics, and what it accepts can be carried out.
func FuzzOrders(f *testing.F) {
	f.Add(`{"format":1,"orders":[{"kind":"ERASURE","owner":"00112233445566778899aabbccddeeff","at":1}]}`)
	f.Add(`{"format":1,"orders":[{"kind":"x"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		o, err := parseOrders([]byte(checksumLine([]byte(body)) + "\n" + body))
		if err != nil {
			return
		}
		for _, order := range o.Orders {
			if _, err := order.Fact(); err != nil {
				t.Error(err)
			}
		}
	})
}
