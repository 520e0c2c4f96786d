package addresses

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/projections"
)

// TestSearchFinds plants each form of each address in the middle of other bytes: the search can fail.
func TestSearchFinds(t *testing.T) {
	t.Parallel()
	for _, a := range sources {
		for _, f := range formsOf(a.ip) {
			text := "noise before\x00" + string(f.bytes) + "\x00and behind"
			n := needles{a.ip: {f}}
			if f.short() {
				n[netip.IPv6Loopback()] = []form{f} // found for two
			}
			if len(n.find([]byte(text))) == 0 {
				t.Errorf("%v as %s is not found", a.ip, f.name)
			}
			if hits := n.find([]byte("noise before and behind, 127.0.0.1, ::1, 2136197380")); len(hits) > 0 {
				t.Errorf("%v is found where it is not", hits)
			}
		}
	}
}

// searchFiles looks into every file under a folder, and at the names; it returns how many bytes there are.
func (n needles) searchFiles(t *testing.T, dir string) (size int) {
	t.Helper()
	hits, size, err := n.inFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, hit := range hits {
		t.Error(hit)
	}
	return size
}

func (n needles) inFiles(dir string) (hits []string, size int, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		for _, hit := range n.find([]byte(name)) {
			hits = append(hits, fmt.Sprintf("the name %s holds %s", name, hit))
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		size += len(text)
		for _, hit := range n.find(text) {
			hits = append(hits, fmt.Sprintf("the file %s holds %s", name, hit))
		}
		return nil
	})
	return hits, size, err
}

// expectNone reports every form in a text.
func (n needles) expectNone(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, hit := range n.find(text) {
		t.Errorf("%s holds %s", where, hit)
	}
}

// payloads opens every event of a stopped server and returns all that is in them.
func payloads(t *testing.T, folder string) []byte {
	t.Helper()
	store, err := node.OpenStore(t.Context(), node.StoreConfig{Folder: folder, Logger: slog.New(slog.DiscardHandler), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []byte
	for _, lane := range eventlog.Lanes {
		mark := store.Log.Mark(lane)
		if mark == 0 {
			continue
		}
		err := projections.Read(context.Background(), store.Log, lane, 1, mark, func(events []projections.Event) error {
			for _, e := range events {
				all = fmt.Appendf(all, "\n%+v ", e.About)
				if len(e.Sealed) == 0 {
					continue
				}
				owner, err := store.Keys.Owner(e.Owner)
				if err != nil {
					return err
				}
				if all, err = owner.Open(all, e.About, e.Sealed); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
