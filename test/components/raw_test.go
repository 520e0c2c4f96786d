package components

import (
	"crypto/sha1" //nolint:gosec // XEP-0114 §3
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"protokoll/test/wire"
)

// program is a component written by hand.
type program struct {
	t    testing.TB
	conn net.Conn
	in   *wire.Reader
	name string
}

func (s *site) connect(t testing.TB, name string) *program {
	t.Helper()
	c, err := net.Dial("tcp", s.components)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(4*wire.Patience)))
	p := &program{t: t, conn: c, in: wire.NewReader(c, nil), name: name}
	p.send("<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='" + name + "'>")
	header, err := p.in.Open()
	must(t, err)
	sum := sha1.Sum([]byte(header.Get("id") + secret)) //nolint:gosec // XEP-0114 §3
	p.send("<handshake>" + hex.EncodeToString(sum[:]) + "</handshake>")
	if n := p.next(); n.Name.Local != "handshake" {
		t.Fatalf("got %v", n)
	}
	return p
}

func (p *program) send(text string) {
	p.t.Helper()
	_, err := io.WriteString(p.conn, text)
	must(p.t, err)
}

func (p *program) next() *wire.Node {
	p.t.Helper()
	for {
		n, err := p.in.Next()
		must(p.t, err)
		if !n.IsText() {
			return n
		}
	}
}

// until returns the next element that fits; others may come before.
func until(t testing.TB, next func() *wire.Node, fits func(*wire.Node) bool) *wire.Node {
	t.Helper()
	for {
		if n := next(); fits(n) {
			return n
		}
	}
}

func with(attr, value string) func(*wire.Node) bool {
	return func(n *wire.Node) bool { return n.Get(attr) == value }
}

// user is somebody who is signed in.
type user struct {
	t    testing.TB
	conn *wire.Conn
}

func (s *site) arrive(t testing.TB, name string) *user {
	t.Helper()
	c, _, err := wire.SignIn(s.target, name, "secret")
	must(t, err)
	_, err = c.Bind("here")
	must(t, err)
	t.Cleanup(c.Drop)
	u := &user{t, c}
	u.send("<presence/>")
	until(t, u.next, func(n *wire.Node) bool { return n.Name.Local == "presence" })
	return u
}

func (u *user) send(text string) {
	u.t.Helper()
	must(u.t, u.conn.Write(text))
}

func (u *user) next() *wire.Node {
	u.t.Helper()
	n, err := u.conn.Next()
	must(u.t, err)
	return n
}

// condition is that of an error.
func condition(n *wire.Node) string {
	for _, e := range n.Elements() {
		if e.Name.Local == "error" && len(e.Elements()) > 0 {
			return e.Get("type") + " " + e.Elements()[0].Name.Local
		}
	}
	return ""
}

// TestAnswers: what a component is answered that asks the server, accounts, services, strangers and another component.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := start(t)
	p, bot := s.connect(t, gateway), s.connect(t, other)
	u := s.arrive(t, "user1")
	for i, c := range []struct{ to, payload, want string }{
		{"localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>", ""},
		{"localhost", "<query xmlns='http://jabber.org/protocol/disco#items'/>", ""},
		{"localhost", "<ping xmlns='urn:xmpp:ping'/>", ""},
		{"localhost", "<query xmlns='jabber:iq:version'/>", ""},
		{"localhost", "<query xmlns='jabber:iq:register'/>", "cancel service-unavailable"},
		{"localhost", "<command xmlns='http://jabber.org/protocol/commands' node='x'/>", "cancel service-unavailable"},
		{"localhost", "", "cancel service-unavailable"},
		{"pubsub.localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "cancel service-unavailable"},
		{"user1@localhost", "<vCard xmlns='vcard-temp'/>", "cancel service-unavailable"}, // there is none
		{"user1@localhost", "<query xmlns='jabber:iq:roster'/>", "cancel service-unavailable"},
		{"user1@localhost", "<query xmlns='urn:xmpp:mam:2'/>", "cancel service-unavailable"},
		{"nobody@localhost", "<query xmlns='jabber:iq:roster'/>", "cancel service-unavailable"},
		{"user1@localhost/away", "<ping xmlns='urn:xmpp:ping'/>", "cancel service-unavailable"},
		{"elsewhere.example", "<ping xmlns='urn:xmpp:ping'/>", "cancel remote-server-not-found"},
		{"a@b@c", "<ping xmlns='urn:xmpp:ping'/>", "modify jid-malformed"},
	} {
		id := fmt.Sprint("q", i)
		p.send(fmt.Sprintf("<iq from='%s' to='%s' type='get' id='%s'>%s</iq>", gateway, c.to, id, c.payload))
		n := until(t, p.next, with("id", id))
		if got := condition(n); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.to, c.payload, got, c.want)
		}
	}
	// Between components.
	p.send("<message from='a@" + gateway + "' to='b@" + other + "' id='m'><body>x</body></message>")
	if n := bot.next(); n.Get("from") != "a@"+gateway || n.Get("to") != "b@"+other {
		t.Errorf("got %v", n)
	}
	// What nobody takes comes back; what is blocked too.
	for to, want := range map[string]string{"nobody@localhost": "cancel service-unavailable", "a@elsewhere.example": "cancel remote-server-not-found"} {
		p.send("<message from='a@" + gateway + "' to='" + to + "' id='lost' type='chat'><body>x</body></message>")
		if got := condition(until(t, p.next, with("id", "lost"))); got != want {
			t.Errorf("to %s: %s", to, got)
		}
	}
	u.send("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='" + gateway + "'/></block></iq>")
	until(t, u.next, with("id", "b"))
	p.send("<message from='" + gateway + "' to='user1@localhost' id='blocked' type='chat'><body>x</body></message>")
	if got := condition(until(t, p.next, with("id", "blocked"))); got != "cancel service-unavailable" {
		t.Errorf("a blocked component: %s", got)
	}
}

// TestUserKeepsWhatWasSent: messages to and from a component are in the archive of who turned that on, and other clients get copies.
func TestUserKeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	s := start(t)
	p, u := s.connect(t, gateway), s.arrive(t, "user1")
	second, _, err := wire.SignIn(s.target, "user1", "secret")
	must(t, err)
	t.Cleanup(second.Drop)
	_, err = second.Bind("there")
	must(t, err)
	v := &user{t, second}
	v.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	until(t, v.next, with("id", "c"))
	u.send("<iq type='set' id='p'><prefs xmlns='urn:xmpp:mam:2' default='always'/></iq>")
	if n := until(t, u.next, with("id", "p")); n.Get("type") != "result" {
		t.Fatal(n)
	}
	u.send("<message to='bot@" + gateway + "' type='chat' id='out'><body>to the bot</body></message>")
	if n := p.next(); n.Get("from") != "user1@localhost/here" || n.Get("id") != "out" {
		t.Errorf("got %v", n)
	}
	if n := until(t, v.next, func(n *wire.Node) bool { return n.Find("urn:xmpp:carbons:2", "sent") != nil }); !strings.Contains(n.String(), "to the bot") {
		t.Errorf("copied: %v", n)
	}
	p.send("<message from='bot@" + gateway + "' to='user1@localhost/here' type='chat' id='in'><body>to the user</body></message>")
	until(t, u.next, with("id", "in"))
	u.send("<iq type='set' id='a'><query xmlns='urn:xmpp:mam:2'/></iq>")
	var kept []string
	until(t, u.next, func(n *wire.Node) bool {
		if f := n.Find("urn:xmpp:forward:0", "forwarded"); f != nil {
			kept = append(kept, f.Find(wire.NSClient, "body").Content())
		}
		return n.Get("id") == "a"
	})
	if fmt.Sprint(kept) != "[to the bot to the user]" {
		t.Errorf("the archive has %q", kept)
	}
}

// TestDirectedPresence: a component that was shown a presence hears of its end, and a roster item may be a bare host.
func TestDirectedPresence(t *testing.T) {
	t.Parallel()
	s := start(t)
	p, u := s.connect(t, gateway), s.arrive(t, "user1")
	u.send("<presence to='#room@" + gateway + "/nick'/>")
	if n := p.next(); n.Get("from") != "user1@localhost/here" || n.Get("to") != "#room@"+gateway+"/nick" {
		t.Errorf("got %v", n)
	}
	p.send("<presence from='#room@" + gateway + "/nick' to='user1@localhost/here'/>")
	until(t, u.next, with("from", "#room@"+gateway+"/nick"))
	u.send("<presence to='" + gateway + "' type='subscribe'/>")
	if n := until(t, p.next, with("type", "subscribe")); n.Get("from") != "user1@localhost" || n.Get("to") != gateway {
		t.Errorf("got %v", n)
	}
	u.conn.Drop()
	if n := until(t, p.next, with("type", "unavailable")); n.Get("to") != "#room@"+gateway+"/nick" {
		t.Errorf("got %v", n)
	}
}

// TestStop: a stop of the server ends the stream of a component, whatever it does.
func TestStop(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.connect(t, gateway)
	must(t, s.Stop())
	n := p.next()
	if n.Name.Local != "error" || n.Elements()[0].Name.Local != "system-shutdown" {
		t.Errorf("got %v", n)
	}
}
