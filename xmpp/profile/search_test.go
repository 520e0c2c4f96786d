package profile

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// crowd are people who may be found.
type crowd []Person

func (c crowd) Find(_ context.Context, q Query, limit int) (found []Person, err error) {
	for _, p := range c {
		if q.Matches(p) && len(found) < limit {
			found = append(found, p)
		}
	}
	return found, nil
}

func searching(t *testing.T, r *features.Registry, kind features.Kind, inner string) string {
	t.Helper()
	f, err := frame.Parse([]byte("<iq id='1' type='set'><query xmlns='jabber:iq:search'>"+inner+"</query></iq>"), frame.NSClient, frame.AfterLogin())
	if err != nil {
		t.Fatal(err)
	}
	reply, err := r.Serve(&features.Request{Kind: kind, Target: features.Server, From: romeo + "/x", To: "search.example.net", Lang: "de", Frame: &f})
	if err == nil && reply.Later != nil {
		reply, err = reply.Later(context.Background())
	}
	if err != nil {
		return features.StanzaError(err).Condition
	}
	return string(reply.Payload)
}

func TestSearch(t *testing.T) {
	t.Parallel()
	people := crowd{{"julia@example.net", "Julia Müller-Lüdenscheidt", "julia.mueller@example.net"}, {"tybalt@example.net", "Capulet, Tybalt", ""}}
	for range 3 * MaxFound {
		people = append(people, Person{"x@example.net", "Anna Many", "many@example.net"})
	}
	now := epoch
	r := Search(people, "Suche", func() time.Time { return now }, slog.New(slog.DiscardHandler))
	form := func(name, value string) string {
		return "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>jabber:iq:search</value></field><field var='" + name + "'><value>" + value + "</value></field></x>"
	}
	for n, c := range []struct {
		inner, want string
		items       int
	}{
		{"<last>Lüden</last>", "jid='julia@example.net'", 1},
		{"<first>JULIA</first><last>müll</last>", "<last>Müller-Lüdenscheidt</last>", 1},
		{"<last>scheidt</last>", "", 0},
		{"<email>julia.mueller@</email>", "<email>julia.mueller@example.net</email>", 1},
		{"<nick>tyb</nick>", "<first>Tybalt</first><last>Capulet</last>", 1},
		{form("nick", "tyb"), "<field var='jid'><value>tybalt@example.net</value></field>", 1},
		{"<nick>Anna</nick>", "", MaxFound},
		{"<nick>*</nick>", "not-acceptable", 0},
		{"<nick>***</nick>", "", 0},
		{"<nick>(a+)+$</nick>", "", 0},
		{"<nick>%%%</nick>", "", 0},
		{"<nick>ju</nick>", "not-acceptable", 0},
		{"<nick>" + strings.Repeat("x", MaxSearch+1) + "</nick>", "not-acceptable", 0},
		{"<x xmlns='jabber:x:data' type='cancel'/>", "bad-request", 0},
		{"", "not-acceptable", 0},
	} {
		now = now.Add(time.Minute)
		got := searching(t, r, features.Set, c.inner)
		if !strings.Contains(got, c.want) || strings.Count(got, "<item") != c.items {
			t.Errorf("%d: %.300s", n, got)
		}
	}
	if got := searching(t, r, features.Get, ""); !strings.Contains(got, "Personen finden") || !strings.Contains(got, "<first/><last/><nick/><email/>") {
		t.Error(got)
	}
}

// TestSearchRate: the limit at its edge, and forgotten after a minute.
func TestSearchRate(t *testing.T) {
	t.Parallel()
	now := epoch
	r := Search(crowd{}, "Search", func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for n := range SearchesPerMinute + 1 {
		got := searching(t, r, features.Set, fmt.Sprintf("<nick>name%d</nick>", n))
		if (got == "resource-constraint") != (n == SearchesPerMinute) {
			t.Errorf("search %d: %s", n, got)
		}
	}
	now = now.Add(time.Minute)
	if got := searching(t, r, features.Set, "<nick>name</nick>"); got == "resource-constraint" {
		t.Error("a minute later still refused")
	}
}
