package ledger

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"protokoll/eventlog"
)

// FuzzTip never panics, and what is accepted is exactly what is written.
func FuzzTip(f *testing.F) {
	whole := firstTip().encode()
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(bytes.Replace(whole, []byte("epoch 1"), []byte("epoch +1"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		tip, err := parseTip(data)
		if err == nil && !bytes.Equal(tip.encode(), data) {
			t.Errorf("%q is accepted", data)
		}
	})
}

func someCheckpoint() Checkpoint {
	c := Checkpoint{Epoch: 1, Time: time.Unix(1_800_000_000, 0), Lanes: map[eventlog.Lane]LaneRoot{}}
	for i, l := range eventlog.Lanes {
		c.Lanes[l] = LaneRoot{Size: uint64(i) * 1000, Root: testLeaf(uint64(i))}
	}
	return c
}

// FuzzCheckpointText never panics, and what is accepted is exactly what is signed.
func FuzzCheckpointText(f *testing.F) {
	text := someCheckpoint().text()
	f.Add(text)
	f.Add(text[1:])
	f.Add(text + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseText(text)
		if err == nil && c.text() != text {
			t.Errorf("%q is accepted", text)
		}
	})
}

// FuzzSpan never panics; a name that is accepted is that of one range, and the file has no other.
func FuzzSpan(f *testing.F) {
	for _, name := range []string{"1-2", "1-2.begun", "7-9.void", "0-1", "2-1", "01-2", "1-2.void.begun", "1-18446744073709551615"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s, ok := parseSpan(name)
		if !ok {
			return
		}
		if got := filepath.Base(s.file("")); got != name {
			t.Errorf("%q is taken for %q", name, got)
		}
		k := &kept{}
		k.insert(s)
		for _, number := range []uint64{s.first, s.last} {
			if found, ok := k.at(number); !ok || found != s {
				t.Errorf("%d is not in %q", number, name)
			}
		}
		if _, ok := k.at(s.first - 1); ok {
			t.Errorf("%d is in %q", s.first-1, name)
		}
	})
}

// FuzzKept never panics, and what was kept is found again.
func FuzzKept(f *testing.F) {
	f.Add(appendKept(nil, subtree{3, 5}, testLeaf(1)))
	f.Add(appendKept(appendKept(nil, subtree{0, 0}, testLeaf(1)), subtree{255, math.MaxUint64}, testLeaf(2)))
	f.Add([]byte("torn"))
	f.Fuzz(func(t *testing.T, data []byte) {
		nodes, err := parseKept(data)
		if err != nil {
			return
		}
		if len(nodes) > len(data)/keptSize {
			t.Errorf("%d hashes out of %d bytes", len(nodes), len(data))
		}
		for s, h := range nodes {
			if again, err := parseKept(appendKept(nil, s, h)); err != nil || again[s] != h {
				t.Errorf("%v is lost: %v", s, err)
			}
		}
	})
}

func testSigner(t testing.TB) (note.Signer, note.Verifier) {
	t.Helper()
	private, public, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), "test")
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// FuzzNotes tears a file of checkpoints anywhere and writes anything behind it: no whole checkpoint before is lost, and the next
// one is found.
func FuzzNotes(f *testing.F) {
	signer, verifier := testSigner(f)
	c := someCheckpoint()
	signed, err := c.sign(signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(2), uint16(0), []byte(nil))
	f.Add(uint8(1), uint16(40), []byte(nil))
	f.Add(uint8(3), uint16(1), []byte("protokoll ledger\nepoch 1"))
	f.Add(uint8(0), uint16(0), []byte("protokoll ledger\n"))
	f.Add(uint8(2), uint16(0), []byte("\n"))
	f.Fuzz(func(t *testing.T, whole uint8, torn uint16, tail []byte) {
		data := bytes.Repeat(signed, int(whole%8))
		data = append(data, signed[:int(torn)%len(signed)]...)
		if len(data)%len(signed) != 0 {
			tail = nil // one unfinished note: whatever a crash leaves begins as one
		}
		if !bytes.HasPrefix(signed, tail) {
			SplitNotes(append(data, tail...))
			return
		}
		l := list{dir: t.TempDir(), v: verifier}
		path := filepath.Join(l.dir, listFile{c.Epoch, c.Time.UTC().Format(time.DateOnly)}.name())
		if err := os.WriteFile(path, append(data, tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := l.add(c, signed); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.stated(data); err != nil {
			t.Error(err)
		}
		if got, want := len(SplitNotes(data)), int(whole%8)+1; got != want {
			t.Errorf("%d checkpoints, want %d", got, want)
		}
	})
}

// FuzzListFile never panics; a name that is accepted is that of one file.
func FuzzListFile(f *testing.F) {
	f.Add("1-2027-01-15")
	f.Add("01-2027-01-15")
	f.Add("1-2027-02-30")
	f.Add("1-2027-01-15 x")
	f.Fuzz(func(t *testing.T, name string) {
		if file, ok := parseListFile(name); ok && (file.name() != name || filepath.Base(name) != name) {
			t.Errorf("%q is accepted", name)
		}
	})
}
