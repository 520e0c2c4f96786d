package verify_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/eventlog/ledger/verify"
	"protokoll/schemas"
)

// whole is a store with a swept segment, closed segments, checkpoints inside all of them and a restart in between.
func whole(t testing.TB) (dir string, early []byte) {
	t.Helper()
	s := newStore(t)
	s.messages(23)
	early = s.checkpoint()
	s.messages(100)
	s.checkpoint()
	s.sweep(2)
	s.messages(70)
	s.close()
	s = open(t, s.dir)
	s.openLedger(nil)
	s.owner = s.keys.Server()
	s.append(s.owner, eventlog.Set("later", &schemas.OfflineMessage{Stanza: []byte("<message/>")}))
	s.close()
	return s.dir, early
}

func TestWholeStore(t *testing.T) {
	t.Parallel()
	dir, early := whole(t)
	r := run(t, verify.Options{Data: dir, Checkpoints: []string{writeFile(t, filepath.Join(t.TempDir(), "early"), early)}})
	mustBeTrue(t, r)
	l := laneOf(r, eventlog.Inbox)
	if l.Covered["moved"] != 5 || l.Covered["waiting.delivered"] != 45 || l.Events+l.Void+50 != l.Size || l.Events < 149 {
		t.Errorf("got %+v", l)
	}
	if r.Proved < 5 {
		t.Errorf("%d checkpoints proved", r.Proved)
	}
}

// A sweep that stopped at any step is pending, not forged. F49
func TestHalfFinishedSweep(t *testing.T) {
	t.Parallel()
	for step := range 3 {
		s := newStore(t)
		s.messages(120)
		s.checkpoint()
		s.sweep(step)
		s.checkpoint()
		r := run(t, verify.Options{Data: s.dir}) // beside the one that writes
		mustBeTrue(t, r)
		want := uint64(perSegment)
		if step == 2 {
			want = 0
		}
		if got := laneOf(r, eventlog.Inbox).Pending; got != want {
			t.Errorf("step %d: %d pending", step, got)
		}
		s.close()
		mustBeTrue(t, run(t, verify.Options{Data: s.dir}))
	}
}

func segmentFolders(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "log", "segments", "inbox-*"))
	if err != nil || len(found) == 0 {
		t.Fatal("no segments", err)
	}
	return found
}

func edit(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, change(data))
}

// records cuts a block into its records, whose length stands first.
func records(block []byte) (all [][]byte) {
	for len(block) > 0 {
		n := binary.LittleEndian.Uint32(block)
		all, block = append(all, block[:n:n]), block[n:]
	}
	return all
}

// Whatever is done to a stopped folder is found, with its position.
func TestTampering(t *testing.T) {
	t.Parallel()
	dir, _ := whole(t)
	block := func(copied string) (largest string) { // segments have random names, and the last one is short
		var most int64
		for _, folder := range segmentFolders(t, copied) {
			found, _ := filepath.Glob(filepath.Join(folder, "msgs", "*.blk"))
			for _, path := range found {
				if info, err := os.Stat(path); err == nil && info.Size() > most {
					largest, most = path, info.Size()
				}
			}
		}
		return largest
	}
	leaves := func(copied string) string { return filepath.Join(copied, "ledger", "inbox.1", "0", "0") }
	for name, c := range map[string]struct {
		tamper func(copied string)
		where  string // beginning of the position
		what   string
	}{
		"flipped bit": {func(d string) {
			edit(t, block(d), func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		}, "inbox/", ""},
		"cut-off tail": {func(d string) {
			edit(t, block(d), func(b []byte) []byte { return b[:len(b)*2/3] })
		}, "inbox/", ""},
		"event taken out": {func(d string) {
			edit(t, block(d), func(b []byte) []byte {
				r := records(b)
				return bytes.Join(append(r[:7:7], r[8:]...), nil)
			})
		}, "inbox/", "belongs"},
		"events swapped": {func(d string) {
			edit(t, block(d), func(b []byte) []byte {
				r := records(b)
				r[7], r[20] = r[20], r[7]
				return bytes.Join(r, nil)
			})
		}, "inbox/", "belongs"},
		"segment taken away": {func(d string) {
			if err := os.RemoveAll(segmentFolders(t, d)[0]); err != nil {
				t.Fatal(err)
			}
		}, "inbox/", "not there"},
		"leaf flipped": {func(d string) {
			edit(t, leaves(d), func(b []byte) []byte { b[32*99+5] ^= 1; return b })
		}, "inbox/100", "not the event"},
		"tile taken away": {func(d string) {
			if err := os.Remove(leaves(d)); err != nil {
				t.Fatal(err)
			}
		}, "inbox/51", "missing"},
		"kept hash changed": {func(d string) {
			edit(t, filepath.Join(d, "ledger", "inbox.1", "kept", "1-50"), func(b []byte) []byte { b[20] ^= 1; return b })
		}, "inbox/23", "not what was signed"},
		"kept hashes taken away": {func(d string) {
			if err := os.Remove(filepath.Join(d, "ledger", "inbox.1", "kept", "1-50")); err != nil {
				t.Fatal(err)
			}
		}, "inbox/1", ""},
		"manifest without its first segment": {func(d string) { dropFromManifest(t, d) }, "inbox/51", "no record says"},
		"checkpoint changed": {func(d string) {
			found, _ := filepath.Glob(filepath.Join(d, "ledger", "checkpoints", "*"))
			edit(t, found[0], func(b []byte) []byte { return bytes.Replace(b, []byte("epoch 1"), []byte("epoch 2"), 1) })
		}, "", "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := copyOf(t, dir)
			c.tamper(copied)
			r := run(t, verify.Options{Data: copied})
			if len(r.Faults) == 0 {
				t.Fatal("not noticed")
			}
			if f := r.Faults[0].String(); !strings.HasPrefix(f, c.where) || !strings.Contains(f, c.what) {
				t.Errorf("got %s", f)
			}
		})
	}
}
