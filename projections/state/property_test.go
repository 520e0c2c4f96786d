package state

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"protokoll/eventlog"
	"protokoll/schemas"
)

// truth is what the rules of DESIGN §4 make of events, computed the slow way: of each entity the highest rank counts.
type truth struct {
	facts map[truthKey]eventlog.Record
}

type truthKey struct {
	owner, entity string
	family        schemas.Family
}

func keyOf(e *schemas.Envelope) truthKey {
	return truthKey{string(e.GetOwner()), string(e.GetEntity()), e.GetFamily()}
}

func (m *truth) fold(r eventlog.Record) {
	e := r.Envelope
	switch e.GetOp() {
	case schemas.Op_CLOSE:
		maps.DeleteFunc(m.facts, func(k truthKey, f eventlog.Record) bool {
			return k.owner == string(e.GetOwner()) && eventlog.LaneOf(k.family) == r.Position.Lane && f.Rank() < r.Rank()
		})
		return
	case schemas.Op_SET:
		if old, ok := m.facts[keyOf(e)]; !ok || old.Rank() <= r.Rank() {
			m.facts[keyOf(e)] = r
		}
	case schemas.Op_END:
		if old, ok := m.facts[keyOf(e)]; ok && old.Rank() <= r.Rank() {
			delete(m.facts, keyOf(e))
		}
	}
}

func (m *truth) owner(h []byte) (owner string, ok bool) {
	var rank uint64
	for k, f := range m.facts {
		for _, other := range f.Envelope.GetHandles() {
			if bytes.Equal(h, other) && f.Rank() > rank {
				owner, rank, ok = k.owner, f.Rank(), true
			}
		}
	}
	return owner, ok
}

// check compares everything that can be read with the truth.
func (m *truth) check(t *rapid.T, s *State) {
	t.Helper()
	for _, f := range families {
		seen := 0
		err := s.Each(f, func(f Fact) error {
			seen++
			return m.compare(t, f)
		})
		if err != nil {
			t.Fatal(err)
		}
		for owner := range uint64(owners) {
			facts, err := s.Facts(schemas.OwnerID(id(owner)), f)
			if err != nil {
				t.Fatal(err)
			}
			seen -= len(facts)
			for i, f := range facts {
				if i > 0 && facts[i-1].Rank >= f.Rank {
					t.Fatal("facts are not in the order of ranks")
				}
				if err := m.compare(t, f); err != nil {
					t.Fatal(err)
				}
			}
		}
		for k := range m.facts {
			if k.family != f {
				continue
			}
			if _, ok, err := s.Get(schemas.OwnerID([]byte(k.owner)), f, schemas.EntityID([]byte(k.entity))); !ok || err != nil {
				t.Fatalf("a fact is missing: %v", err)
			}
		}
		if seen != 0 {
			t.Fatalf("Each gave %d facts more than Facts", seen)
		}
	}
	for h := range uint64(handles) {
		want, has := m.owner(id(h))
		got, ok, err := s.OwnerByHandle(schemas.Handle(id(h)))
		if err != nil || ok != has || ok && string(got[:]) != want {
			t.Fatalf("handle %d: %v %v", h, ok, err)
		}
	}
}

func (m *truth) compare(t *rapid.T, f Fact) error {
	want, ok := m.facts[truthKey{string(f.Owner[:]), string(f.Entity[:]), f.Family}]
	if !ok || want.Position != f.Position || want.Rank() != f.Rank || !bytes.Equal(want.Sealed, f.Sealed) || want.Envelope.GetType() != f.Type {
		t.Fatalf("fact %s is not the newest: %v", f.Position, want.Position)
	}
	return nil
}

const (
	owners   = 4
	entities = 5
	handles  = 6
)

var families = []schemas.Family{account, roster, offline, session, schemas.Family_PRESENCE_FACTS}

// draw makes the next event: new, ended, closed, or moved from anywhere in its lane as a sweep might.
func draw(t *rapid.T, log *memLog) (eventlog.Lane, *schemas.Envelope) {
	f := rapid.SampledFrom(families).Draw(t, "family")
	lane := eventlog.LaneOf(f)
	owner, entity := rapid.Uint64Range(0, owners-1).Draw(t, "owner"), rapid.Uint64Range(0, entities-1).Draw(t, "entity")
	switch what := rapid.IntRange(0, 19).Draw(t, "what"); {
	case what < 11:
		return lane, withHandles(t, set(owner, entity, f), entity)
	case what < 15:
		return lane, end(owner, entity, f)
	case what < 16:
		return lane, closed(owner)
	}
	if all := log.lanes[lane]; len(all) > 0 {
		r := all[rapid.IntRange(0, len(all)-1).Draw(t, "old")]
		if movable(log, lane, r) {
			e := r.Envelope
			return lane, &schemas.Envelope{
				Type: e.Type, Version: e.Version, Owner: e.Owner, Family: e.Family, Entity: e.Entity, Op: e.Op, Time: e.Time, Cause: e.Cause,
				Handles: e.Handles, Origin: r.Rank(),
			}
		}
	}
	return lane, set(owner, entity, f)
}

// movable tells whether a sweep may append r again: not when its entity or its owner was ended later, because of that no
// fold keeps a trace.
func movable(log *memLog, lane eventlog.Lane, r eventlog.Record) bool {
	if r.Envelope.GetOp() == schemas.Op_CLOSE {
		return false
	}
	for _, other := range log.lanes[lane] {
		o := other.Envelope
		if other.Rank() > r.Rank() && string(o.GetOwner()) == string(r.Envelope.GetOwner()) &&
			(o.GetOp() == schemas.Op_CLOSE || o.GetOp() == schemas.Op_END && keyOf(o) == keyOf(r.Envelope)) {
			return false
		}
	}
	return true
}

func withHandles(t *rapid.T, e *schemas.Envelope, entity uint64) *schemas.Envelope {
	if e.Family == account && entity == 0 {
		for _, h := range rapid.SliceOfNDistinct(rapid.Uint64Range(0, handles-1), 0, 2, rapid.ID[uint64]).Draw(t, "handles") {
			e.Handles = append(e.Handles, id(h))
		}
	}
	return e
}

// TestProperties folds random events and, in between, restarts, restarts from what a power cut leaves, and rebuilds: what is
// read is always the truth, and live, restarted and rebuilt are the same bytes. F14, F41.
func TestProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log, dir := newMemLog(), t.TempDir()
		m := &truth{map[truthKey]eventlog.Record{}}
		s, stop := running(t, dir, log)
		defer func() { stop() }()
		n := 0
		var last []eventlog.Position
		write := func(rt *rapid.T) {
			for range rapid.IntRange(1, 30).Draw(rt, "events") {
				lane, e := draw(rt, log)
				n++
				p := log.put(lane, e, []byte{byte(n), byte(n >> 8)})
				m.fold(log.lanes[lane][len(log.lanes[lane])-1])
				last = append(last, p)
			}
			wait(t, s, last...)
			last = nil
		}
		rt.Repeat(map[string]func(*rapid.T){
			"write": write,
			"restart": func(rt *rapid.T) {
				stop()
				s, stop = running(t, dir, log)
			},
			"power cut": func(rt *rapid.T) {
				cut := t.TempDir()
				copyFiles(t, dir, cut)
				stop()
				dir = cut
				s, stop = running(t, dir, log)
			},
			"damage": func(rt *rapid.T) {
				stop()
				name := filepath.Join(dir, rapid.SampledFrom([]string{"now.db", "inbox.db", "lasting.db"}).Draw(rt, "file"))
				harm(t, rt, name)
				s, stop = running(t, dir, log)
			},
			"check": func(rt *rapid.T) {
				was, rebuilt, err := Check(context.Background(), s, log, t.TempDir(), nil)
				if err != nil || was.SHA256 != rebuilt.SHA256 || was.Events != rebuilt.Events {
					rt.Fatalf("live %s, rebuilt %s: %v", was, rebuilt, err)
				}
			},
			"": func(rt *rapid.T) { m.check(rt, s) },
		})
	})
}

// copyFiles copies the state as it lies on disk. Commits are one synced transaction each; the copy is made between two
// because bbolt's lock is not held, or in one, which leaves the older of the two roots.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(name)), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func harm(t *testing.T, rt *rapid.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := rapid.IntRange(0, min(len(data), 48<<10)-1).Draw(rt, "at")
	switch rapid.IntRange(0, 3).Draw(rt, "harm") {
	case 0:
		data = data[:at]
	case 1:
		clear(data[at:min(at+4096, len(data))])
	case 2:
		data[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
	case 3:
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
