package node

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/retention"
	"protokoll/schemas"
)

// A changed policy is one event with its digest, and the folder has the file; the same policy again is neither.
func TestAdoptWritesDownWhatChanged(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := openStore(t, folder)
	first := retention.Default()
	second, err := retention.Parse("second", append(bytes.Clone(first.File()), "# another one\n"...))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*retention.Policy{first, first, second, second} {
		if err := s.adopt(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if now, err := PolicyOf(folder); err != nil || now.Digest() != p.Digest() {
			t.Errorf("the folder has another policy: %v", err)
		}
	}
	got, want := policies(t, s), [][32]byte{first.Digest(), second.Digest()}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("written down: %x, want %x", got, want)
	}
	closeStore(t, s)
}

// policies reads the digests of the policies that the log knows, oldest first.
func policies(t *testing.T, s *Store) (digests [][32]byte) {
	t.Helper()
	err := s.Log.Read(t.Context(), eventlog.Audit, 1, s.Log.Mark(eventlog.Audit), func(records []eventlog.Record) error {
		for _, r := range records {
			about, err := seal.AboutOf(r.Envelope)
			if err != nil {
				return err
			}
			m, err := eventlog.Open(s.Keys.Server(), about, r.Sealed)
			if err != nil {
				return err
			}
			if p, ok := m.(*schemas.PolicyChanged); ok {
				digests = append(digests, [32]byte(p.GetSha256()))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return digests
}

// A folder that was never served has the policy that is built in; a broken one is named with its line.
func TestPolicyOfFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if p, err := PolicyOf(folder); err != nil || p.Digest() != retention.Default().Digest() {
		t.Errorf("an empty folder: %v", err)
	}
	file := filepath.Join(folder, PolicyFile)
	if err := os.WriteFile(file, []byte("\n\ncolour = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := PolicyOf(folder); err == nil || !strings.Contains(err.Error(), file+":3: colour: unknown setting") {
		t.Errorf("got %v", err)
	}
}
