package retention

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"protokoll/accounts"
	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// mark is what is searched for. Every bit of it is turned round, so that nobody who looks through this process's memory finds
// the search itself.
type mark []byte

func turned(data []byte) []byte {
	for i := range data {
		data[i] = ^data[i]
	}
	return data
}

func hide(data []byte) mark { return turned(bytes.Clone(data)) }

// in tells whether data, which is lost, holds what is searched for.
func (m mark) in(data []byte) bool { return bytes.Contains(turned(data), m) }

// secrets are all keys that were there while the word was.
type secrets struct {
	owners   map[schemas.OwnerID]*seal.Owner
	segments map[seal.SegmentID]*seal.Segment
}

func newSecrets() secrets {
	return secrets{owners: map[schemas.OwnerID]*seal.Owner{}, segments: map[seal.SegmentID]*seal.Segment{}}
}

// note adds the keys that are there now.
func (k *secrets) note(s *server) {
	s.t.Helper()
	k.owners[s.Keys.Server().ID()] = s.Keys.Server()
	err := s.Accounts.List(func(a accounts.Account) error {
		k.owners[a.Owner.ID()] = a.Owner
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range eventlog.Lanes {
		for _, segment := range s.Log.Segments(l) {
			if key, err := s.Keys.Segment(segment.ID); err == nil {
				k.segments[segment.ID] = key
			}
		}
	}
}

// sealed hands the families and sealed payloads of the events that open to something with the mark in it to hit.
func (s *server) sealed(known secrets, m mark, hit func(schemas.Family, []byte)) {
	s.t.Helper()
	s.read(func(r eventlog.Record) {
		about, err := seal.AboutOf(r.Envelope)
		if err != nil {
			s.t.Fatal(err)
		}
		o := known.owners[about.Owner]
		if o == nil || len(r.Sealed) == 0 {
			return
		}
		if plain, err := o.Open(nil, about, r.Sealed); err == nil && m.in(plain) {
			hit(r.Envelope.GetFamily(), bytes.Clone(r.Sealed))
		}
	})
}

// files returns the files below the data folder that hold the mark in the clear, or one of some ciphertexts.
func (s *server) files(m mark, ciphertexts [][]byte) (hits []string) {
	s.t.Helper()
	err := filepath.WalkDir(s.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it went while we looked
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		if slices.ContainsFunc(ciphertexts, func(c []byte) bool { return bytes.Contains(data, c) }) || m.in(data) {
			hits = append(hits, path)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return hits
}

// heap tells whether a heap dump of this process holds the mark.
func (s *server) heap(m mark) bool {
	s.t.Helper()
	f, err := os.Create(filepath.Join(s.t.TempDir(), "heap"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	debug.WriteHeapDump(f.Fd())
	dump, err := os.ReadFile(f.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	return m.in(dump)
}

// checkForgotten expects that what was dropped cannot be opened with a key that is still there.
func checkForgotten(t *testing.T, s *server, known secrets) {
	t.Helper()
	live := map[seal.SegmentID]bool{}
	for _, l := range eventlog.Lanes {
		for _, segment := range s.Log.Segments(l) {
			live[segment.ID] = true
		}
	}
	for id := range known.segments {
		if _, err := s.Keys.Segment(id); err == nil && !live[id] {
			t.Error("the key of a dropped segment is still there")
		}
	}
}
