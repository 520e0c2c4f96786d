package faults

import (
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// stops is how often TestStop stops the server.
const stops = 4

// stopWithin is how long a stop may take.
const stopWithin = 5 * time.Second

// TestStop is F8: SIGTERM under load, start, resume. Nothing is lost, and, unlike after a kill, nothing that had been
// handled is asked for again.
func TestStop(t *testing.T) {
	s, target := start(t, server.Options{Accounts: castAccounts})
	given := seed(t)
	c, r := newCast(t, target, given), choices(given, 1000)
	if err := c.arrive(); err != nil {
		t.Fatal(err)
	}
	if err := c.shower.befriend(); err != nil {
		t.Fatal(err)
	}
	for round := range uint64(stops) {
		acting := c.act(round)
		time.Sleep(time.Duration(200+r.IntN(400)) * time.Millisecond) // the random moment
		begin := time.Now()
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took >= stopWithin {
			t.Errorf("stop %d took %v", round+1, took)
		} else {
			t.Logf("stop %d took %v", round+1, took)
		}
		acting.Wait()
		again(t, s)
		if err := c.check(s); err != nil {
			t.Fatalf("after stop %d: %v\n%s", round+1, err, c.book.totals())
		}
	}
	t.Log(c.book.totals())
	for _, l := range c.book.order {
		if len(l.ids) > 1 {
			t.Errorf("%s was delivered, and asked for again", l.body)
		}
	}
}

// TestStopIsTold is the other half of F8: clients are told why, and nobody is told that they went.
func TestStopIsTold(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	seen := make(chan *wire.Node, 100)
	anna := &peer{target: target, user: "user1", resource: "a", managed: true}
	ben := &peer{target: target, user: "user2", resource: "b", managed: true, stanza: func(n *wire.Node) { seen <- n }}
	for _, p := range []*peer{anna, ben} {
		must(t, p.connect())
		must(t, p.send(posted{text: available}))
		must(t, p.ping())
	}
	must(t, anna.send(posted{text: "<presence type='subscribed' to='" + ben.bare() + "'/>"}))
	must(t, anna.ping())
	must(t, ben.send(posted{text: "<presence type='subscribe' to='" + anna.bare() + "'/>"}))
	must(t, ben.ping())
	raw, _, err := wire.SignIn(target, "user1", password)
	must(t, err)
	if _, err := raw.Bind("raw"); err != nil {
		t.Fatal(err)
	}
	must(t, s.Stop())
	told := false
	for {
		n, err := raw.Next()
		if err != nil {
			break
		}
		told = told || n.Is(wire.NSStream, "error") && n.Child(wire.NSError, "system-shutdown") != nil
	}
	if !told {
		t.Error("no system-shutdown")
	}
	anna.lost()
	ben.lost()
	again(t, s)
	must(t, ben.connect())
	must(t, ben.ping())
	close(seen)
	for n := range seen {
		if n.Name.Local == "presence" && n.Get("type") == "unavailable" && strings.HasSuffix(n.Get("from"), "/a") {
			t.Error("a contact heard that a client went whose session can be resumed")
		}
	}
	must(t, anna.connect())
	anna.drop()
	ben.drop()
}
