package node

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"protokoll/internal/control"
	"protokoll/portability"
	"protokoll/portability/pie"
	"protokoll/portability/pie/pietest"
	"protokoll/schemas"
)

// do carries out a command of a store.
func do[T any](t testing.TB, s *Store, name string, arguments any) (result T) {
	t.Helper()
	input, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	output, err := s.Commands()[name](t.Context(), input, func(control.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(output)
	if err == nil {
		err = json.Unmarshal(data, &result)
	}
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func batchOf(t testing.TB, u *pie.User) ImportArguments {
	t.Helper()
	a := ImportAccount{Domain: u.Domain, Localpart: u.Localpart}
	if u.Credentials != nil {
		a.Keys, _ = proto.Marshal(u.Credentials)
	}
	for _, v := range portability.Values(u) {
		kind, err := schemas.TypeOf(v)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := proto.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		a.Facts = append(a.Facts, ImportFact{kind.Name, kind.Version, payload})
	}
	return ImportArguments{Staff: Staff{Actor: "test"}, Accounts: []ImportAccount{a}}
}

// dataOf exports an account and returns its XEP-0227.
func dataOf(t testing.TB, s *Store, address string) []byte {
	t.Helper()
	r := do[ExportResult](t, s, CommandExport, ExportArguments{Staff: Staff{Actor: "test"}, Address: address, Credentials: true})
	archive, err := zip.NewReader(bytes.NewReader(r.Zip), int64(len(r.Zip)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := archive.Open("data.xml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Import, export, import into an empty server, export: equal. The same import again changes nothing.
func TestMovedThereAndBack(t *testing.T) {
	t.Parallel()
	one, two, dir, n := openTestStore(t), openTestStore(t), t.TempDir(), 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		made := pietest.User(r, "a.example", fmt.Sprintf("p%d", n))
		do[[]Outcome](t, one, CommandImport, batchOf(t, made))
		again := do[[]Outcome](t, one, CommandImport, batchOf(t, made))
		if o := again[0]; o.New || o.Tally.Of(portability.Added)+o.Tally.Of(portability.Replaced)+o.Tally.Of(portability.Kept) > 0 {
			r.Fatalf("the second import does %+v", o)
		}
		first := dataOf(t, one, made.Address())
		path := filepath.Join(dir, "data.xml")
		if err := os.WriteFile(path, first, 0o600); err != nil {
			t.Fatal(err)
		}
		err := pie.Document{Path: path}.Read(t.Context(), func(u *pie.User) error {
			if len(u.Faults) > 0 {
				return u.Faults[0]
			}
			do[[]Outcome](t, two, CommandImport, batchOf(t, u))
			return nil
		})
		if err != nil {
			r.Fatalf("%v\n%s", err, first)
		}
		if second := dataOf(t, two, made.Address()); !bytes.Equal(first, second) {
			r.Fatalf("first\n%s\nthen\n%s", first, second)
		}
	})
}

// A server that keeps a photo in the vCard and bookmarks in private storage only: clients that look for the newer forms find
// them after the import; and the other way round.
func TestFormsCompleted(t *testing.T) {
	t.Parallel()
	const (
		dot  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
		card = "<vCard xmlns='vcard-temp'><FN>A</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>" + dot + "</BINVAL></PHOTO></vCard>"
		old  = "<storage xmlns='storage:bookmarks'><conference jid='room@c.example'><nick>a</nick></conference></storage>"
	)
	s := openTestStore(t)
	moved := &pie.User{Domain: "a.example", Localpart: "old", VCard: []byte(card),
		Private: []*schemas.PrivateElement{{Space: "storage:bookmarks", Local: "storage", Element: []byte(old)}}}
	do[[]Outcome](t, s, CommandImport, batchOf(t, moved))
	data := dataOf(t, s, moved.Address())
	for _, wanted := range []string{"<items node='urn:xmpp:avatar:metadata'>", "<items node='urn:xmpp:avatar:data'>", "<item id='room@c.example'>"} {
		if !bytes.Contains(data, []byte(wanted)) {
			t.Errorf("%s is missing:\n%s", wanted, data)
		}
	}
	back := readData(t, data)
	back.Localpart, back.VCard, back.Private = "new", nil, nil
	do[[]Outcome](t, s, CommandImport, batchOf(t, back))
	data = dataOf(t, s, back.Address())
	for _, wanted := range []string{"<BINVAL>" + dot, "<conference jid='room@c.example'>"} {
		if !bytes.Contains(data, []byte(wanted)) {
			t.Errorf("%s is missing:\n%s", wanted, data)
		}
	}
}

// readData reads the one account of an export.
func readData(t *testing.T, data []byte) (read *pie.User) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.xml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (pie.Document{Path: path}).Read(t.Context(), func(u *pie.User) error { read = u; return nil }); err != nil {
		t.Fatal(err)
	}
	return read
}

func openTestStore(t testing.TB) *Store {
	t.Helper()
	s, err := OpenStore(t.Context(), StoreConfig{Folder: filepath.Join(t.TempDir(), "data"), Logger: slog.New(slog.DiscardHandler), ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
