package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// deafReader is a client with XEP-0198 that is connected and acknowledges nothing: the slowest recipient there is.
func deafReader(t *testing.T, target wire.Target, user string) (*peer, *bodies) {
	t.Helper()
	p, shown := client(target, user, "desk")
	online(t, p, available)
	must(t, p.settle())
	must(t, p.ping())
	p.deafen(true)
	return p, shown
}

// TestDinoWindow is F51: a client that keeps ten stanzas unacknowledged, IQs among them, writes to somebody who acknowledges
// nothing. It never stands still for four seconds, and its IQs are answered while a message before them is held.
func TestDinoWindow(t *testing.T) {
	t.Parallel()
	_, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	online(t, sender, available)
	slow, shown := deafReader(t, target, "user2")
	const stanzas = 60
	overtook := 0
	for i := range stanzas {
		if !until(patience, func() bool { return sender.unacknowledged() < window }) {
			t.Fatalf("stanza %d: still %d unacknowledged after %v", i, sender.unacknowledged(), patience)
		}
		if i%3 < 2 {
			must(t, sender.send(posted{text: fmt.Sprintf("<message type='chat' id='d%d' to='%s'><body>d%d</body></message>", i, slow.bare(), i)}))
			continue
		}
		must(t, sender.ping())
		if sender.unacknowledged() > 1 { // more than the ping itself
			overtook++
		}
	}
	if !until(patience, func() bool { return sender.unacknowledged() == 0 }) {
		t.Errorf("%d stanzas stay unacknowledged", sender.unacknowledged())
	}
	if overtook < stanzas/6 {
		t.Errorf("only %d of %d IQs were answered while a message was held", overtook, stanzas/3)
	}
	slow.drop()
	slow.deafen(false)
	must(t, slow.connect())
	if !until(wire.Patience, func() bool { return len(shown.list()) == stanzas*2/3 }) {
		t.Errorf("%d of %d messages came in the end", len(shown.list()), stanzas*2/3)
	}
	slow.signOut()
	sender.signOut()
}

// requestsHeld is how many times a client may ask for one message that is held. F51
const requestsHeld = 20

// TestMonalAsks is F51: a client answers every <a/> with a new <r/> while something is unacknowledged, and takes the connection
// for dead after four seconds without an answer.
func TestMonalAsks(t *testing.T) {
	t.Parallel()
	_, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	online(t, sender, available)
	slow, _ := deafReader(t, target, "user2")
	var asked atomic.Int32
	sender.onNonza(func(c *wire.Conn, n *wire.Node) bool {
		if n.Name.Local != "a" {
			return false
		}
		sender.mu.Lock()
		defer sender.mu.Unlock()
		if err := sender.cover(n); err != nil {
			t.Error(err)
		}
		if len(sender.pending) > 0 {
			asked.Add(1)
			_ = c.Write(request)
		}
		return true
	})
	for i := range 10 {
		asked.Store(0)
		must(t, sender.send(posted{text: fmt.Sprintf("<message type='chat' id='m%d' to='%s'><body>m%d</body></message>", i, slow.bare(), i)}))
		if !until(patience, func() bool { return sender.unacknowledged() == 0 }) {
			t.Fatalf("message %d is not acknowledged after %v", i, patience)
		}
		if n := asked.Load(); n > requestsHeld {
			t.Errorf("the client asked %d times for message %d", n, i)
		}
	}
	sender.drop()
	slow.drop()
}

// TestSmackQueue is F51: a client has 1,024 messages on their way to somebody whose client acknowledges nothing. The recipient's
// queue is bounded: its session ends, and what it held is stored. Each message is shown once and in order, or came back.
func TestSmackQueue(t *testing.T) {
	t.Parallel()
	const queue = 1024
	_, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	refused := errorsOf(sender)
	online(t, sender, available)
	slow, _ := deafReader(t, target, "user2")
	var texts []string
	for i := range queue {
		texts = append(texts, fmt.Sprintf("q%04d", i))
	}
	say(t, sender, slow.bare(), texts...)
	slow.drop()
	later, shown := client(target, "user2", "desk")
	online(t, later, available)
	say(t, sender, later.bare(), "end")
	if !until(wire.Patience, func() bool { return shown.count("end") > 0 }) {
		t.Fatalf("the end did not come, %d messages did", len(shown.list()))
	}
	got := shown.list()
	if !slices.IsSorted(got[:len(got)-1]) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Error("the order is wrong, or a message came twice")
	}
	if len(got)-1+len(refused()) < queue {
		t.Errorf("%d messages came, %d came back, %d were sent", len(got)-1, len(refused()), queue)
	}
	t.Logf("%d came, %d came back", len(got)-1, len(refused()))
	later.signOut()
	sender.signOut()
}

// TestConversations is F53: what makes Conversations give up. No request before the answer to bind, none of the stream's elements
// that it does not know, previd echoed, and a stream that goes on with bind after a resumption that failed.
func TestConversations(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 3})
	sender, _ := client(target, "user1", "pen")
	online(t, sender, available)
	me := "user2@" + target.Domain
	must(t, sender.send(posted{text: "<presence type='subscribe' to='" + me + "'/>"}))
	var texts []string
	for i := range 150 {
		texts = append(texts, fmt.Sprintf("w%d", i))
	}
	say(t, sender, me, texts...)

	c, id := conversations(t, target, "")
	seen := map[string]bool{}
	read := uint32(0)
	must(t, c.Write(available+"<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"))
	for messages := 0; messages < len(texts); {
		n, err := c.Next()
		must(t, err)
		if n.Name.Space != wire.NSClient {
			seen[n.Name.Space+" "+n.Name.Local] = true
			if n.Name.Local == "r" {
				must(t, c.Write(fmt.Sprintf("<a xmlns='%s' h='%d'/>", wire.NSSM, read)))
			}
			continue
		}
		read++
		if n.Name.Local == "message" {
			messages++
		}
	}
	for name := range seen {
		if name != wire.NSSM+" r" && name != wire.NSSM+" a" {
			t.Errorf("a stream element that no client expects: %s", name)
		}
	}
	c.Drop()

	c = resumed(t, target, id, read)
	c.Drop()
	say(t, sender, "user3@"+target.Domain, "x") // stored behind the end of what was acknowledged, which nobody waits for
	s.Kill()
	sender.lost()
	again(t, s)
	c = resumed(t, target, id, read)
	c.Drop()
	c, _ = conversations(t, target, "nonsense")
	must(t, c.Close())
	sender.drop()
}

// conversations signs in as Conversations does: it resumes if it has something to resume by, and binds otherwise.
func conversations(t *testing.T, target wire.Target, previd string) (c *wire.Conn, id string) {
	t.Helper()
	c, features, err := wire.SignIn(target, "user2", password)
	must(t, err)
	if features.Child(wire.NSBind, "bind") == nil || features.Child(wire.NSSM, "sm") == nil {
		t.Fatalf("features: %v", features)
	}
	if previd != "" {
		must(t, c.Write("<resume xmlns='"+wire.NSSM+"' h='0' previd='"+previd+"'/>"))
		n, err := c.Next()
		must(t, err)
		if !n.Is(wire.NSSM, "failed") || n.Child(wire.NSStanza, "item-not-found") == nil {
			t.Fatalf("the answer to a resumption that must fail: %v", n)
		}
	}
	if _, err := c.Bind("phone"); err != nil { // fails if anything else comes first
		t.Fatal(err)
	}
	must(t, c.Write("<enable xmlns='"+wire.NSSM+"' resume='true'/>"))
	n, err := c.Next()
	must(t, err)
	if !n.Is(wire.NSSM, "enabled") || n.Get("resume") != "true" || n.Get("id") == "" {
		t.Fatalf("the answer to enable: %v", n)
	}
	return c, n.Get("id")
}

// resumed resumes; <resumed/> comes first and names the session, and nothing that was had comes behind it.
func resumed(t *testing.T, target wire.Target, id string, had uint32) *wire.Conn {
	t.Helper()
	c, _, err := wire.SignIn(target, "user2", password)
	must(t, err)
	must(t, c.Write(fmt.Sprintf("<resume xmlns='%s' h='%d' previd='%s'/><r xmlns='%[1]s'/>", wire.NSSM, had, id)))
	n, err := c.Next()
	must(t, err)
	if !n.Is(wire.NSSM, "resumed") || n.Get("previd") != id {
		t.Fatalf("the answer to resume: %v", n)
	}
	for {
		n, err := c.NextWithin(time.Second)
		switch {
		case errors.Is(err, wire.ErrStreamEnd) || err == nil && n.Is(wire.NSStream, "error"):
			t.Fatalf("the stream ends: %v", n)
		case err != nil || n.Is(wire.NSSM, "a"):
			return c
		case n.Find(wire.NSClient, "body") != nil && strings.HasPrefix(n.Find(wire.NSClient, "body").Content(), "w"):
			t.Fatalf("came before, and was covered by h: %v", n)
		case n.Is(wire.NSBind, "bound"), strings.HasPrefix(n.Name.Space, "urn:xmpp:bind"):
			t.Fatalf("bound beside resumed: %v", n)
		}
	}
}
