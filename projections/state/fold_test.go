package state

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"protokoll/eventlog"
	"protokoll/schemas"
)

const (
	account = schemas.Family_ACCOUNT_FACTS
	roster  = schemas.Family_ROSTER_FACTS
	offline = schemas.Family_OFFLINE_FACTS
	session = schemas.Family_SESSION_FACTS
)

// TestFold is events in, state out. The payload of the n-th event is the byte n; want lists owner 1's payloads by rank.
func TestFold(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		family schemas.Family
		events []*schemas.Envelope
		want   []byte
	}{
		{"nothing", roster, nil, nil},
		{"set", roster, []*schemas.Envelope{set(1, 1, roster)}, []byte{1}},
		{"set again", roster, []*schemas.Envelope{set(1, 1, roster), set(1, 2, roster), set(1, 1, roster)}, []byte{2, 3}},
		{"end", roster, []*schemas.Envelope{set(1, 1, roster), set(1, 2, roster), end(1, 1, roster)}, []byte{2}},
		{"end of nothing", roster, []*schemas.Envelope{end(1, 1, roster)}, nil},
		{"set after end", roster, []*schemas.Envelope{set(1, 1, roster), end(1, 1, roster), set(1, 1, roster)}, []byte{3}},
		{"another owner", roster, []*schemas.Envelope{set(1, 1, roster), end(2, 1, roster), set(2, 1, roster)}, []byte{1}},
		{"another family", roster, []*schemas.Envelope{set(1, 1, roster), end(1, 1, account)}, []byte{1}},
		{"close", roster, []*schemas.Envelope{set(1, 1, roster), set(1, 2, roster), closed(1), set(1, 3, roster)}, []byte{4}},
		{"close of another", roster, []*schemas.Envelope{set(1, 1, roster), closed(2)}, []byte{1}},
		{"moved", roster, []*schemas.Envelope{set(1, 1, roster), set(1, 2, roster), moved(set(1, 1, roster), 1)}, []byte{3, 2}},
		{"moved, older", roster, []*schemas.Envelope{set(1, 1, roster), set(1, 1, roster), moved(set(1, 1, roster), 1)}, []byte{2}},
		{"end moved, older", roster, []*schemas.Envelope{end(1, 1, roster), set(1, 1, roster), moved(end(1, 1, roster), 1)}, []byte{2}},
		{"close moved, older", roster, []*schemas.Envelope{closed(1), set(1, 1, roster), moved(closed(1), 1)}, []byte{2}},
		{"offline in order", offline, []*schemas.Envelope{set(1, 9, offline), set(1, 3, offline), set(1, 5, offline)}, []byte{1, 2, 3}},
		{"session", session, []*schemas.Envelope{set(1, 1, session), set(1, 2, session), end(1, 1, session)}, []byte{2}},
		{"session closed", session, []*schemas.Envelope{set(1, 1, session), set(1, 2, session), closed(1)}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log, dir := newMemLog(), t.TempDir()
			lane := eventlog.LaneOf(c.family)
			s, stop := running(t, dir, log)
			for i, e := range c.events {
				wait(t, s, log.put(lane, e, []byte{byte(i + 1)}))
			}
			if got := payloads(t, s, 1, c.family); !bytes.Equal(got, c.want) {
				t.Errorf("live: %v, want %v", got, c.want)
			}
			stop()
			s, _ = running(t, dir, log)
			if got := payloads(t, s, 1, c.family); !bytes.Equal(got, c.want) {
				t.Errorf("after a restart: %v, want %v", got, c.want)
			}
			same(t, s, log)
		})
	}
}

func TestFactIsWhatTheEnvelopeSays(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	s, _ := running(t, dir, log)
	e := set(1, 7, account, 3)
	p := log.put(eventlog.Lasting, e, []byte("sealed"))
	wait(t, s, p)
	f, ok, err := s.Get(schemas.OwnerID(id(1)), account, schemas.EntityID(id(7)))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if f.Position != p || f.Rank != 1 || f.Type != "account.opened" || f.Version != 1 || f.Time != e.Time || f.Op != schemas.Op_SET ||
		f.Cause != schemas.Cause_CLIENT || f.Family != account || string(f.Sealed) != "sealed" || !bytes.Equal(f.Owner[:], id(1)) || !bytes.Equal(f.Entity[:], id(7)) {
		t.Errorf("got %+v", f)
	}
	if _, ok, err := s.Get(schemas.OwnerID(id(1)), account, schemas.EntityID(id(8))); ok || err != nil {
		t.Errorf("an unknown entity: %v, %v", ok, err)
	}
	if _, _, err := s.Get(schemas.OwnerID(id(1)), schemas.Family_AUDIT_FACTS, schemas.EntityID(id(8))); err == nil {
		t.Error("a family that is not kept")
	}
}

func TestHandles(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	s, stop := running(t, dir, log)
	steps := []struct {
		e    *schemas.Envelope
		want map[uint64]uint64 // handle to owner, 0 for none
	}{
		{set(1, 1, account, 10, 11), map[uint64]uint64{10: 1, 11: 1, 12: 0}},
		{set(2, 1, account, 12), map[uint64]uint64{10: 1, 12: 2}},
		{set(1, 1, account, 11, 13), map[uint64]uint64{10: 0, 11: 1, 13: 1}}, // address change
		{set(1, 2, account), map[uint64]uint64{11: 1, 13: 1}},                // another account fact without handles
		{closed(1), map[uint64]uint64{11: 0, 13: 0, 12: 2}},
		{set(3, 1, account, 11), map[uint64]uint64{11: 3}},
		{moved(set(2, 1, account, 12), 2), map[uint64]uint64{12: 2}},
		{end(2, 1, account), map[uint64]uint64{12: 0}},
	}
	check := func(want map[uint64]uint64) {
		t.Helper()
		for h, owner := range want {
			got, ok, err := s.OwnerByHandle(schemas.Handle(id(h)))
			if err != nil || ok != (owner != 0) || ok && !bytes.Equal(got[:], id(owner)) {
				t.Errorf("handle %d: %s %v %v, want owner %d", h, got, ok, err, owner)
			}
		}
	}
	for _, step := range steps {
		wait(t, s, log.put(eventlog.Lasting, step.e, nil))
		check(step.want)
	}
	same(t, s, log)
	stop()
	s, _ = running(t, dir, log)
	check(map[uint64]uint64{10: 0, 11: 3, 12: 0, 13: 0})
}

func TestEach(t *testing.T) {
	t.Parallel()
	log, dir := newMemLog(), t.TempDir()
	var all []eventlog.Record
	for n := range uint64(3 * eachRows) {
		all = append(all, eventlog.Record{Envelope: set(n, 1, roster), Sealed: []byte{1}}, eventlog.Record{Envelope: set(n, 1, account), Sealed: []byte{2}})
	}
	log.putAll(eventlog.Lasting, all)
	_, stop := running(t, dir, log)
	stop()
	s, _ := running(t, dir, log)
	wait(t, s, log.put(eventlog.Lasting, end(0, 1, account), nil))
	wait(t, s, log.put(eventlog.Lasting, set(1, 1, account), []byte{3}))
	wait(t, s, log.put(eventlog.Lasting, set(1, 2, account), []byte{3}))
	seen, changed := map[string]bool{}, 0
	err := s.Each(account, func(f Fact) error {
		if k := string(f.Owner[:]) + string(f.Entity[:]); seen[k] {
			t.Errorf("fact of owner %s twice", f.Owner)
		} else {
			seen[k] = true
		}
		if f.Sealed[0] == 3 {
			changed++
		}
		_, _, err := s.Get(f.Owner, account, f.Entity)
		return err
	})
	if err != nil || len(seen) != 3*eachRows || changed != 2 {
		t.Errorf("%d facts, %d changed, %v", len(seen), changed, err)
	}
	stopped := errors.New("enough")
	if err := s.Each(account, func(Fact) error { return stopped }); !errors.Is(err, stopped) {
		t.Errorf("fn's error became %v", err)
	}
}

func payloads(t testing.TB, s *State, owner uint64, f schemas.Family) (got []byte) {
	t.Helper()
	facts, err := s.Facts(schemas.OwnerID(id(owner)), f)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(facts, func(a, b Fact) int { return int(int64(a.Rank - b.Rank)) }) {
		t.Error("facts are not in the order of ranks")
	}
	for _, f := range facts {
		got = append(got, f.Sealed...)
	}
	return got
}

func wait(t testing.TB, s *State, p ...eventlog.Position) {
	t.Helper()
	if err := s.Wait(context.Background(), p...); err != nil {
		t.Fatal(err)
	}
}

// same folds the log a second time and compares.
func same(t testing.TB, s *State, log eventlog.Log) {
	t.Helper()
	was, rebuilt, err := Check(context.Background(), s, log, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if was.SHA256 != rebuilt.SHA256 || was.Events != rebuilt.Events {
		t.Errorf("live %s after %d events, rebuilt %s after %d", was, was.Events, rebuilt, rebuilt.Events)
	}
}
