package ledger

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/internal/durable"
)

// days makes a list with some checkpoints on each of some days, and says which sizes of lane inbox each day stated.
func days(t *testing.T, epochs []uint64, first time.Time, n, each int) (l list, all []uint64) {
	t.Helper()
	signer, verifier := testSigner(t)
	l = list{dir: t.TempDir(), v: verifier}
	for _, epoch := range epochs {
		for day := range n {
			for i := range each {
				c := someCheckpoint()
				c.Epoch, c.Time = epoch, first.AddDate(0, 0, day).Add(time.Duration(i)*time.Minute)
				size := uint64(len(all)+1) * 10
				all = append(all, size)
				c.Lanes[eventlog.Inbox] = LaneRoot{Size: size, Root: testLeaf(size)}
				signed, err := c.sign(signer)
				if err != nil {
					t.Fatal(err)
				}
				if err := l.add(c, signed); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return l, all
}

func notesIn(t *testing.T, l list) (counts []int) {
	t.Helper()
	files, err := l.files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(l.dir, f.name()))
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, len(SplitNotes(data)))
	}
	return counts
}

// Days that are long past keep one checkpoint, and every size; a recent day, and the last one of an epoch, keep all.
func TestThin(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	l, all := days(t, []uint64{1, 2}, first, 3, 4)
	newest, signed, err := l.newest()
	if err != nil {
		t.Fatal(err)
	}
	now := first.AddDate(0, 0, keepAllDays+1) // the second day is the first that stays whole
	th := thinner{}
	for i, want := range [][]int{{1, 4, 4, 4, 4, 4}, {1, 4, 4, 1, 4, 4}, {1, 4, 4, 1, 4, 4}} {
		if err := th.next(l, now); err != nil {
			t.Fatal(err)
		}
		if got := notesIn(t, l); !slices.Equal(got, want) {
			t.Fatalf("turn %d: %v, want %v", i, got, want)
		}
	}
	for range 4 { // whoever starts anew looks again, and finds what there is
		th = thinner{done: maps.Clone(th.done)}
		if err := th.next(l, now.AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := notesIn(t, l), []int{1, 1, 4, 1, 1, 4}; !slices.Equal(got, want) {
		t.Errorf("a year later: %v, want %v", got, want)
	}
	if c, again, err := l.newest(); err != nil || !c.sameTrees(newest) || !bytes.Equal(again, signed) {
		t.Errorf("the newest is another one: %v", err)
	}
	for from := range all { // every range, so also those that begin or end inside a thinned day
		for to := from; to < len(all); to++ {
			sizes, err := l.sizes(eventlog.Inbox, all[from], all[to])
			if err != nil || !slices.Equal(sizes, all[from:to+1]) {
				t.Fatalf("sizes from %d to %d: %v, %v", all[from], all[to], sizes, err)
			}
		}
	}
}

// A kill while a file is replaced leaves the whole one; what lies aside is no checkpoint and is written over.
func TestThinAfterKill(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	l, all := days(t, []uint64{1}, first, 2, 3)
	files, err := l.files()
	if err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(l.dir, files[0].name()+durable.Aside)
	if err := os.WriteFile(aside, []byte("protokoll led"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := l.files(); err != nil || len(again) != 2 {
		t.Fatalf("%v, %v", again, err)
	}
	th := thinner{}
	for range 2 {
		if err := th.next(l, first.AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if sizes, err := l.sizes(eventlog.Inbox, 0, 1000); err != nil || !slices.Equal(sizes, all) {
		t.Errorf("%v, %v", sizes, err)
	}
	if _, err := os.Stat(aside); err == nil {
		t.Error("what lay aside still does")
	}
}

// A thinned file that was changed keeps the ledger from forgetting anything by it.
func TestThinnedDamaged(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	l, _ := days(t, []uint64{1}, first, 2, 3)
	th := thinner{}
	if err := th.next(l, first.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	files, _ := l.files()
	path := filepath.Join(l.dir, files[0].name())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte(thinnedHead)) + len(thinnedHead)
	for name, data := range map[string][]byte{
		"cut off": whole[:len(whole)-1], "a line less": whole[:bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1],
		"changed": bytes.Replace(whole, []byte("inbox 10 "), []byte("inbox 11 "), 1), "more": append(slices.Clone(whole), '\n'),
		"nothing behind the head": whole[:at],
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if sizes, err := l.sizes(eventlog.Inbox, 0, 1000); err == nil {
			t.Errorf("%s: read as %v", name, sizes)
		}
	}
}

// FuzzThinned never panics, and what is accepted is written again as it was.
func FuzzThinned(f *testing.F) {
	note := []byte("note\n")
	f.Add(encodeThinned(note, sizesOf{}))
	f.Add(encodeThinned(note, sizesOf{eventlog.Inbox: {0, 1, 1<<63 - 1}, eventlog.Proof: {7}}))
	f.Add([]byte(fmt.Sprint("note\n", thinnedHead)))
	f.Fuzz(func(t *testing.T, data []byte) {
		sizes, err := parseThinned(data)
		if err != nil || sizes == nil {
			return
		}
		end := bytes.Index(data, []byte("\n"+thinnedHead)) + 1
		if again, err := parseThinned(encodeThinned(data[:end], sizes)); err != nil || !maps.EqualFunc(sizes, again, slices.Equal) {
			t.Errorf("%q is read as %v, then as %v, %v", data, sizes, again, err)
		}
	})
}
