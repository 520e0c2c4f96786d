package archive

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	index "protokoll/projections/archive"
	"protokoll/schemas"
)

// shelf is a Store in memory.
type shelf struct {
	owner *seal.Owner
	rows  []index.Row
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	dir := t.TempDir()
	keys, err := seal.Create(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	id := schemas.NewOwnerID()
	if err := keys.Add(id); err != nil {
		t.Fatal(err)
	}
	owner, err := keys.Owner(id)
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{owner: owner}
}

// put archives a message: its fact is of a moment after it was received.
func (s *shelf) put(t testing.TB, id, with string, received int64, cause schemas.Cause, size int) {
	t.Helper()
	about := seal.About{Owner: s.owner.ID(), Family: schemas.Family_ARCHIVE_FACTS, Entity: s.owner.Entity(schemas.Family_ARCHIVE_FACTS, id),
		Op: schemas.Op_SET, Type: "archive.message", Version: 1, Time: received + 3, Cause: cause}
	if cause == schemas.Cause_IMPORT {
		about.Time = 9_000_000
	}
	payload, err := proto.Marshal(&schemas.ArchivedMessage{StanzaId: id, With: with, Received: received, Stanza: []byte("<message>" + strings.Repeat("x", size) + "</message>")})
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.owner.Seal(nil, about, payload)
	s.rows = append(s.rows, index.Row{About: about, Rank: uint64(10 * (len(s.rows) + 1)), Sealed: sealed})
}

func (s *shelf) Wait(context.Context, ...eventlog.Position) error { return nil }

func (s *shelf) Find(_ schemas.OwnerID, e schemas.EntityID) (uint64, bool, error) {
	for _, r := range s.rows {
		if r.Entity == e {
			return r.Rank, true, nil
		}
	}
	return 0, false, nil
}

func (s *shelf) Rows(_ schemas.OwnerID, r index.Range) (rows []index.Row, more bool, err error) {
	if r.Before == 0 {
		r.Before = 1<<64 - 1
	}
	for _, row := range s.rows {
		if row.Rank > r.After && row.Rank < r.Before {
			rows = append(rows, row)
		}
	}
	if r.Newest {
		slices.Reverse(rows)
	}
	if len(rows) > r.Max {
		return rows[:r.Max], true, nil
	}
	return rows, false, nil
}

func TestRead(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for i := range 300 {
		with := []string{"anna@x/desk", "bela@x", "anna@x/phone"}[i%3]
		s.put(t, fmt.Sprint("m", i), with, int64(1000*i), schemas.Cause_CLIENT, 10)
	}
	at := func(i int) string {
		return time.UnixMilli(int64(1000 * i)).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	field := func(name, value string) string {
		return "<field var='" + name + "'><value>" + value + "</value></field>"
	}
	set := func(inner string) string { return "<set xmlns='http://jabber.org/protocol/rsm'>" + inner + "</set>" }
	with := func(fields, set string) string {
		return strings.Replace(submitted(fields), "</query>", set+"</query>", 1)
	}
	for _, c := range []struct {
		name, query string
		first, last string
		n           int
		complete    bool
	}{
		{"the oldest", with("", ""), "m0", "m49", 50, false},
		{"the newest", with("", set("<max>3</max><before/>")), "m297", "m299", 3, false},
		{"before", with("", set("<max>3</max><before>m3</before>")), "m0", "m2", 3, true},
		{"after the last", with("", set("<after>m299</after>")), "", "", 0, true},
		{"with bare", with(field("with", "bela@x"), set("<max>2</max>")), "m1", "m4", 2, false},
		{"with full", with(field("with", "anna@x/phone"), set("<max>2</max><before/>")), "m296", "m299", 2, false},
		{"all of one", with(field("with", "bela@x")+field("start", at(280)), ""), "m280", "m298", 7, true},
		{"from a moment on", with(field("start", at(298)), ""), "m298", "m299", 2, true},
		{"up to a moment", with(field("end", at(1)), ""), "m0", "m1", 2, true},
		{"up to a moment, backwards", with(field("end", at(5)), set("<max>2</max><before/>")), "m4", "m5", 2, false},
		{"between", with(field("after-id", "m10")+field("before-id", "m13"), ""), "m11", "m12", 2, true},
		{"nothing between", with(field("after-id", "m13")+field("before-id", "m10"), ""), "", "", 0, true},
		{"by ids, each once", with("<field var='ids'><value>m7</value><value>m5</value><value>m7</value></field>", ""), "m5", "m7", 2, true},
		{"no ids", with("<field var='ids'/>", ""), "", "", 0, true},
		{"a page of none", with("", set("<max>0</max>")), "", "", 0, false},
	} {
		q, err := ParseQuery([]byte(c.query))
		if err != nil {
			t.Fatal(c.name, err)
		}
		p, err := Read(context.Background(), s, s.owner, q)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		first, last := "", ""
		if n := len(p.Items); n > 0 {
			first, last = p.Items[0].Message.GetStanzaId(), p.Items[n-1].Message.GetStanzaId()
		}
		if first != c.first || last != c.last || len(p.Items) != c.n || p.Complete != c.complete {
			t.Errorf("%s: %s to %s, %d, complete %t", c.name, first, last, len(p.Items), p.Complete)
		}
	}
	for _, unknown := range []string{"", "m300", "lasting/1", "M1"} {
		q := &Query{Max: 1, IDs: []string{unknown}}
		if _, err := Read(context.Background(), s, s.owner, q); condition(err) != "item-not-found" {
			t.Errorf("%q: %v", unknown, err)
		}
	}
}

// What was imported has its facts at one moment, and its messages at theirs.
func TestReadImported(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for i := range 10 {
		s.put(t, fmt.Sprint("m", i), "anna@x", int64(1000*i), schemas.Cause_IMPORT, 10)
	}
	q := &Query{Max: 50, Start: time.UnixMilli(3000), End: time.UnixMilli(5000)}
	for _, q.Last = range []bool{false, true} {
		p, err := Read(context.Background(), s, s.owner, q)
		if err != nil || len(p.Items) != 3 || p.Items[0].Message.GetStanzaId() != "m3" {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

// A page is not larger than MaxPageBytes, but holds one message in any case.
func TestPageBytes(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for i := range 4 {
		s.put(t, fmt.Sprint("m", i), "anna@x", 1, schemas.Cause_CLIENT, []int{MaxPageBytes/2 - 50, MaxPageBytes/2 - 50, 1000, 2 * MaxPageBytes}[i])
	}
	for after, want := range map[string]int{"": 2, "m1": 1, "m2": 1} {
		p, err := Read(context.Background(), s, s.owner, &Query{Max: 50, After: after})
		if err != nil || len(p.Items) != want {
			t.Errorf("after %q: %d, %v", after, len(p.Items), err)
		}
	}
}

// BenchmarkPage answers with 50 messages of 600 bytes: all but finding the rows.
func BenchmarkPage(b *testing.B) {
	s := newShelf(b)
	for i := range 51 {
		s.put(b, fmt.Sprint("m", i), "anna@x/desk", int64(i), schemas.Cause_CLIENT, 600)
	}
	payload := []byte(paged("<max>50</max><before/>"))
	b.ReportAllocs()
	for b.Loop() {
		q, err := ParseQuery(payload)
		if err != nil {
			b.Fatal(err)
		}
		p, err := Read(context.Background(), s, s.owner, q)
		if err != nil || len(p.results(q, "anna@x", "anna@x/desk")) != 50 || len(p.fin()) == 0 {
			b.Fatal(err)
		}
	}
}
