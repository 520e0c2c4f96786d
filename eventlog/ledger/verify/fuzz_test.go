package verify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger"
	"protokoll/eventlog/ledger/leaf"
)

func noteText() string {
	var b strings.Builder
	b.WriteString(noteHead + "epoch 3\ntime 2027-01-15T08:00:00Z\n")
	for i, l := range eventlog.Lanes {
		fmt.Fprintf(&b, "%s %d AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", l, i*1000)
	}
	return b.String()
}

// FuzzNote gives reader and writer of checkpoints the same text, rightly signed: what the writer takes for its own the verifier
// reads likewise, and neither panics.
func FuzzNote(f *testing.F) {
	private, public, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), "test")
	if err != nil {
		f.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		f.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		f.Fatal(err)
	}
	text := noteText()
	f.Add(text)
	f.Add(text[3:])
	f.Add(strings.Replace(text, "time ", "", 1))
	f.Add(strings.Replace(text, "epoch 3", "epoch -3", 1))
	f.Add(text + text)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return
		}
		path := filepath.Join(dir, fmt.Sprint(os.Getpid()))
		if err := os.WriteFile(path, signed, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := readNotes(path, verifier)
		written, theirs := ledger.ParseCheckpoint(signed, verifier)
		if theirs != nil {
			return
		}
		if err != nil || len(read) != 1 {
			t.Fatalf("%d checkpoints: %v", len(read), err)
		}
		for _, l := range eventlog.Lanes {
			w := written.Lanes[l]
			if read[0].sizes[l] != w.Size || read[0].roots[l] != leaf.Hash(w.Root) || read[0].epoch != written.Epoch || !read[0].time.Equal(written.Time) {
				t.Errorf("lane %s: %+v is read as %+v", l, written, read[0])
			}
		}
	})
}

// A checkpoint that a crash cut off anywhere is passed over, the one before it is not, and nobody is alarmed. A file that somebody
// kept must hold one.
func TestCutOffCheckpoint(t *testing.T) {
	t.Parallel()
	private, public, err := note.GenerateKey(nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: noteText()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "1-2027-01-15")
	for size := range 2*len(signed) + 1 {
		if err := os.WriteFile(path, append(bytes.Clone(signed), signed...)[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := notesOf(path, verifier)
		if want := size / len(signed); err != nil || len(all) != want {
			t.Errorf("%d bytes: %d checkpoints, want %d: %v", size, len(all), want, err)
		}
		if _, err := readNotes(path, verifier); (err != nil) != (size < len(signed)) {
			t.Errorf("%d bytes that somebody kept: %v", size, err)
		}
	}
	for _, behind := range []string{"x", "\n", "protokoll ledger 2\n"} {
		if err := os.WriteFile(path, append(bytes.Clone(signed), behind...), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := notesOf(path, verifier); err == nil {
			t.Errorf("%q behind a checkpoint is passed over", behind)
		}
	}
}

// FuzzGap never panics, and whatever a file of kept hashes holds, it stands for each of its numbers once or is refused.
func FuzzGap(f *testing.F) {
	hash := leaf.Void()
	entry := func(level byte, index uint64) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{level}, index), hash[:]...)
	}
	f.Add("1-4", entry(2, 0))
	f.Add("2-4", append(entry(0, 1), entry(1, 1)...))
	f.Add("1-4", entry(48, 1<<16))
	f.Add("1-4", entry(2, 0)[1:])
	f.Add("1-281474976710655.void", []byte(nil))
	f.Add("3-7.begun", []byte(nil))
	base := f.TempDir()
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if strings.ContainsAny(name, "/\x00") || len(name) > 100 || name == "" || name == "." || name == ".." {
			return
		}
		dir := filepath.Join(base, fmt.Sprint(os.Getpid()))
		if err := os.MkdirAll(filepath.Join(dir, "kept"), 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "kept", name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
		gaps, _, err := readGaps(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range gaps {
			var sum uint64
			err := g.each(func(level int, _ leaf.Hash) error {
				sum += 1 << level
				return nil
			})
			if err == nil && sum != g.last-g.first+1 {
				t.Errorf("%q stands for %d numbers", name, sum)
			}
		}
	})
}

// FuzzBorn never panics, and whatever the tip says, hashes are looked for inside the ledger's folder only.
func FuzzBorn(f *testing.F) {
	f.Add("epoch 1\nnow 7 AAAA 1\n")
	f.Add("now 7 AAAA /../../../etc\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, tip string) {
		ledger := filepath.Join(dir, fmt.Sprint(os.Getpid()))
		if err := os.MkdirAll(ledger, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(ledger, "tip"), []byte(tip), 0o600); err != nil {
			t.Fatal(err)
		}
		if folder, err := born(ledger, eventlog.Now); err == nil && filepath.Dir(folder) != ledger {
			t.Errorf("%q leads to %s", tip, folder)
		}
	})
}
