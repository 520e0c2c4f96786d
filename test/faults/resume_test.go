package faults

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// bodies collects the bodies that a client shows, carbons included.
type bodies struct {
	mu  sync.Mutex
	all []string
}

func (b *bodies) take(n *wire.Node) {
	if n.Name.Local != "message" || n.Get("type") == "error" {
		return
	}
	if m := n.Find(wire.NSClient, "body"); m != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all = append(b.all, m.Content())
	}
}

func (b *bodies) list() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

func (b *bodies) count(body string) (n int) {
	for _, s := range b.list() {
		if s == body {
			n++
		}
	}
	return n
}

// client is a peer that remembers what it showed.
func client(target wire.Target, user, resource string) (*peer, *bodies) {
	b := &bodies{}
	return &peer{target: target, user: user, resource: resource, managed: true, stanza: b.take}, b
}

// online connects and sends presence.
func online(t *testing.T, p *peer, presence string) {
	t.Helper()
	must(t, p.connect())
	must(t, p.send(posted{text: presence}))
	must(t, p.ping())
	if p.managed && !until(wire.Patience, func() bool { return p.unacknowledged() == 0 }) {
		t.Fatal("presence is not acknowledged")
	}
}

// say sends messages and waits until all are acknowledged.
func say(t *testing.T, p *peer, to string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		must(t, p.send(posted{text: "<message type='chat' id='" + text + "' to='" + to + "'><body>" + text + "</body></message>"}))
	}
	if !until(wire.Patience, func() bool { return p.unacknowledged() == 0 }) {
		t.Fatalf("%d messages are not acknowledged", p.unacknowledged())
	}
}

// deafen makes a peer lose all that comes from now on, as a network does that nobody has noticed to be gone.
func (p *peer) deafen(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

// TestResumeTwice: a session is resumed after a kill that lost stanzas which are not stored (presence), and again after
// another. The numbers under which messages were stored before the first must not be taken for those after it. F52
func TestResumeTwice(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	reader, read := client(target, "user2", "desk")
	online(t, sender, available)
	online(t, reader, available)
	must(t, reader.settle())
	must(t, reader.ping())
	reader.deafen(true)
	for i := range 3 {
		must(t, sender.send(posted{text: fmt.Sprintf("<presence to='%s'><status>%d</status></presence>", reader.full(), i)}))
	}
	say(t, sender, reader.bare(), "A")
	kill(t, s, sender, reader)
	reader.comeBack(t) // gets A under another number, and loses it again
	say(t, sender, reader.bare(), "B", "C", "D")
	kill(t, s, sender, reader)
	reader.deafen(false)
	must(t, reader.connect())
	must(t, reader.ping())
	say(t, sender, reader.bare(), "E")
	if !until(wire.Patience, func() bool { return read.count("E") > 0 }) {
		t.Fatal("E did not come")
	}
	if got, want := read.list(), []string{"A", "B", "C", "D", "E"}; !slices.Equal(got, want) {
		t.Errorf("shown: %v, sent: %v", got, want)
	}
	reader.signOut()
	later, left := client(target, "user2", "desk")
	online(t, later, available)
	if got := left.list(); len(got) > 0 {
		t.Errorf("still stored although acknowledged: %v", got)
	}
	for _, p := range []*peer{sender, reader, later} {
		p.drop()
	}
}

// comeBack resumes deaf: what is sent then is lost, but for the answer to the resumption.
func (p *peer) comeBack(t *testing.T) {
	t.Helper()
	must(t, p.connect())
}

// kill kills the server, starts it, and brings the sender back; the others are left without a connection.
func kill(t *testing.T, s *server.Server, sender *peer, others ...*peer) {
	t.Helper()
	s.Kill()
	for _, p := range append(others, sender) {
		p.lost()
	}
	again(t, s)
	must(t, sender.connect())
}

// TestResumeWhileTaking: a client with XEP-0198 is sent what waited for it, and the server is killed before the client's
// acknowledgement. Its resumption says what it had; that must not come again, whatever the client makes of stanza-ids. F52
func TestResumeWhileTaking(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	online(t, sender, available)
	reader, read := client(target, "user2", "desk")
	var texts []string
	for i := range 10 {
		texts = append(texts, fmt.Sprintf("w%d", i))
	}
	say(t, sender, reader.bare(), texts...)
	reader.onNonza(func(_ *wire.Conn, n *wire.Node) bool { return n.Name.Local == "r" }) // never answers
	online(t, reader, available)
	if !until(wire.Patience, func() bool { return len(read.list()) == len(texts) }) {
		t.Fatalf("came: %v", read.list())
	}
	kill(t, s, sender, reader)
	reader.onNonza(nil)
	must(t, reader.connect())
	must(t, reader.ping())
	say(t, sender, reader.bare(), "end")
	if !until(wire.Patience, func() bool { return read.count("end") > 0 }) {
		t.Fatal("the end did not come")
	}
	if got, want := read.list(), append(texts, "end"); !slices.Equal(got, want) {
		t.Errorf("shown: %v, sent: %v", got, want)
	}
	sender.drop()
	reader.drop()
}
