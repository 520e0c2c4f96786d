package golden

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"

	"protokoll/accounts"
	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

var write = flag.String("write", "", "write the store of this version, such as 0.2.0, into testdata")

// TestRead opens a copy of every store and compares what this version makes of it, twice: the second start finds state files.
func TestRead(t *testing.T) {
	t.Parallel()
	stores, err := filepath.Glob("testdata/*.tar.gz")
	if err != nil || len(stores) == 0 {
		t.Fatal("there are no stores", err)
	}
	for _, packed := range stores {
		version := strings.TrimSuffix(filepath.Base(packed), ".tar.gz")
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("testdata", version+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			folder := filepath.Join(t.TempDir(), "store")
			if err := unpack(packed, folder); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got := describe(t, folder); got != string(want) {
					t.Errorf("this version makes of the store:\n%s\nand it must be:\n%s", got, want)
				}
			}
		})
	}
}

// describe opens a store and writes down its state.
func describe(t *testing.T, folder string) string {
	t.Helper()
	s := open(t, folder)
	d, err := s.State.Digest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "state %s\n", d)
	var lines []string
	for number := range schemas.Family_name {
		family := schemas.Family(number)
		if l := eventlog.LaneOf(family); l != eventlog.Now && l != eventlog.Inbox && l != eventlog.Lasting {
			continue
		}
		err := s.State.Each(family, func(f state.Fact) error {
			line, err := describeFact(s.Keys, f)
			lines = append(lines, line)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, "\n") + "\n")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func describeFact(keys *seal.Keybook, f state.Fact) (string, error) {
	head := fmt.Sprintf("%s %s rank %d at %s time %d cause %s:", f.Owner, f.Family, f.Rank, f.Position, f.Time, f.Cause)
	owner, err := keys.Owner(f.Owner)
	if errors.Is(err, seal.ErrForgotten) {
		return head + " its key is forgotten", nil
	}
	if err != nil {
		return "", err
	}
	m, err := eventlog.Open(owner, f.About, f.Sealed)
	if err != nil {
		return "", err
	}
	text, err := prototext.Marshal(m)
	return head + " " + strings.Join(strings.Fields(string(text)), " "), err // its spaces are random
}

func open(t *testing.T, folder string) *node.Store {
	t.Helper()
	s, err := node.OpenStore(t.Context(), node.StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWrite makes the store of a version, only if it is asked for, and never over an older one.
func TestWrite(t *testing.T) {
	if *write == "" {
		return // nothing to make
	}
	packed := filepath.Join("testdata", *write+".tar.gz")
	if _, err := os.Stat(packed); err == nil {
		t.Fatalf("%s is there already; a golden store is never rewritten", packed)
	}
	folder := filepath.Join(t.TempDir(), "store")
	s := open(t, folder)
	if err := people(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := pack(folder, packed); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := unpack(packed, copied); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", *write+".txt"), []byte(describe(t, copied)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// people fills a store with invented people and one fact of every kind that people have, one of them replaced, ended and closed.
func people(ctx context.Context, s *node.Store) error {
	var all []accounts.NewAccount
	for _, name := range []string{"romeo", "juliet", "nurse", "tybalt"} {
		verifiers, err := sasl.NewVerifiers("wherefore-"+name, sasl.DefaultIterations)
		if err != nil {
			return err
		}
		all = append(all, accounts.NewAccount{Localpart: name, Domain: "verona.example", Verifiers: verifiers})
	}
	if err := s.Accounts.Open(ctx, schemas.Cause_STAFF, all...); err != nil {
		return err
	}
	const stanza = "<message xmlns='jabber:client' from='juliet@verona.example/balcony' to='romeo@verona.example' type='chat'><body>Deny thy father</body></message>"
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixMilli()
	for _, name := range []string{"romeo", "juliet", "nurse"} {
		a, err := s.Accounts.Find("verona.example", name)
		if err != nil {
			return err
		}
		c := eventlog.Command{Owner: a.Owner, Cause: schemas.Cause_CLIENT, Facts: []eventlog.Fact{
			eventlog.Set("juliet@verona.example", &schemas.RosterItem{Contact: "juliet@verona.example", Name: "J", Listed: true}),
			eventlog.Set("juliet@verona.example", &schemas.RosterItem{Contact: "juliet@verona.example", Name: "Juliet", Groups: []string{"Capulets"}, Listed: true}),
			eventlog.Set("gone@verona.example", &schemas.RosterItem{Contact: "gone@verona.example", Listed: true}),
			eventlog.End(schemas.Family_ROSTER_FACTS, "gone@verona.example"),
			eventlog.Set("vcard", &schemas.VCard{Vcard: []byte("<vCard xmlns='vcard-temp'><FN>" + name + "</FN></vCard>")}),
			eventlog.Set("storage storage:bookmarks", &schemas.PrivateElement{Space: "storage:bookmarks", Local: "storage", Element: []byte("<storage xmlns='storage:bookmarks'/>")}),
			eventlog.Set("tybalt@verona.example", &schemas.BlockedAddress{Address: "tybalt@verona.example"}),
			eventlog.Set("letter-"+name, &schemas.OfflineMessage{Stanza: []byte(stanza), Received: now, StanzaId: "d0"}),
			eventlog.Set("out", &schemas.OutboxStanza{Domain: "mantua.example", Stanza: []byte("<presence type='unsubscribe'/>"), At: now}),
			eventlog.Set("balcony", &schemas.SessionOpened{Resource: "balcony", SessionId: make([]byte, 16), Carbons: true}),
			eventlog.Set("login", &schemas.LastLogin{SignedIn: now}),
			eventlog.Set("balcony", &schemas.PresenceUpdated{Resource: "balcony", Available: true, Show: "away", Status: "at the window", Priority: 5, At: now}),
			eventlog.Set("objection:SEARCH", &schemas.AccountObjection{Kind: schemas.ObjectionKind_SEARCH, Since: now, Reason: "by letter"}),
			eventlog.Set("restriction", &schemas.AccountRestricted{Since: now, Reason: "in dispute"}),
		}}
		if name == "nurse" { // all that she stored for later has ended
			c.Facts = append(c.Facts, eventlog.Fact{Op: schemas.Op_CLOSE, Family: schemas.Family_OFFLINE_FACTS})
		}
		if err := s.Log.Append(c).Wait(ctx); err != nil {
			return err
		}
	}
	return s.Log.Roll(ctx, eventlog.Lasting)
}

// left lists what is not packed: it is made anew, or belongs to a process.
var left = []string{"state", "lock", "resume", "control.sock"}

func pack(folder, to string) error {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil || name == "." {
			return err
		}
		if slices.Contains(left, name) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: filepath.ToSlash(name) + "/", Mode: 0o700})
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o644)
}

func unpack(from, folder string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("%q leaves the folder", h.Name)
		}
		path := filepath.Join(folder, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else if data, e := io.ReadAll(r); e != nil {
			err = e
		} else {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			return err
		}
	}
}
