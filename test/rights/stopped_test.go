package rights

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// start starts a server of this test's own.
func start(t *testing.T) (*server.Server, wire.Target) {
	t.Helper()
	s, err := server.Start(server.Options{Binary: binary, Accounts: 4})
	must(t, err)
	t.Cleanup(s.Remove)
	target, err := s.Target()
	must(t, err)
	return s, target
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person is a client of user N.
type person struct {
	*wire.Conn
	t    *testing.T
	bare string
}

func arrive(t *testing.T, target wire.Target, user, resource string) *person {
	t.Helper()
	c, _, err := wire.SignIn(target, user, "secret")
	must(t, err)
	t.Cleanup(c.Drop)
	_, err = c.Bind(resource)
	must(t, err)
	p := &person{c, t, user + "@" + target.Domain}
	p.subscription("") // from now on it gets what changes. RFC 6121 §2.2
	p.send("<presence/>")
	return p
}

// await passes over everything until f holds.
func (p *person) await(f func(*wire.Node) bool) *wire.Node {
	p.t.Helper()
	for {
		n, err := p.Next()
		must(p.t, err)
		if f(n) {
			return n
		}
	}
}

func (p *person) send(text string) {
	p.t.Helper()
	must(p.t, p.Write(text))
}

func (p *person) typed(kind string) *wire.Node {
	p.t.Helper()
	return p.await(func(n *wire.Node) bool { return n.Get("type") == kind && n.Name.Local == "presence" })
}

// befriend lets two people subscribe to each other.
func befriend(a, b *person) {
	a.t.Helper()
	for _, pair := range [][2]*person{{a, b}, {b, a}} {
		pair[0].send("<presence type='subscribe' to='" + pair[1].bare + "'/>")
		pair[1].typed("subscribe")
		pair[1].send("<presence type='subscribed' to='" + pair[0].bare + "'/>")
		pair[0].typed("subscribed")
	}
}

// subscription is what a roster says of a contact.
func (p *person) subscription(contact string) string {
	p.t.Helper()
	p.send("<iq type='get' id='roster?'><query xmlns='jabber:iq:roster'/></iq>")
	n := p.await(func(n *wire.Node) bool { return n.Get("id") == "roster?" })
	for _, item := range n.Elements()[0].Elements() {
		if item.Get("jid") == contact {
			return item.Get("subscription")
		}
	}
	return "none at all"
}

// An erasure on the stopped folder: a contact whose session could have been resumed cannot resume it, because it would never
// hear of the change; nothing of the person comes back with the start.
func TestEraseOnStoppedFolder(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	romeo, juliet := arrive(t, target, "user1", "orchard"), arrive(t, target, "user2", "balcony")
	befriend(romeo, juliet)
	resume := map[*person]string{}
	for _, p := range []*person{romeo, juliet} {
		p.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
		resume[p] = p.await(func(n *wire.Node) bool { return n.Is(wire.NSSM, "enabled") }).Get("id")
	}
	must(t, s.Stop())
	out, err := s.Command("erase", romeo.bare, "--yes", "--reason", "requested")
	if err != nil || !strings.Contains(out, "contacts of this server told: 1\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	must(t, s.Again())
	c, _, err := wire.SignIn(target, "user2", "secret")
	must(t, err)
	defer c.Drop()
	must(t, c.Write("<resume xmlns='urn:xmpp:sm:3' h='0' previd='"+resume[juliet]+"'/>"))
	if n, err := c.Next(); err != nil || !n.Is(wire.NSSM, "failed") {
		t.Fatalf("%v, %v", n, err)
	}
	_, err = c.Bind("balcony")
	must(t, err)
	if got := (&person{c, t, juliet.bare}).subscription(romeo.bare); got != "none" {
		t.Errorf("her roster says %q", got)
	}
	if _, _, err := wire.SignIn(target, "user1", "secret"); err == nil {
		t.Error("the erased person signed in")
	}
	must(t, s.Stop())
	out, err = s.Command("rebuild", "--check")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// needle is a word that stands nowhere else.
const needle = "Zwetschgenkuchenrezept"

// The key is gone from every file: what is still in the segments is noise, and the word is in no file in the clear.
func TestErasedIsUnreadable(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	romeo := arrive(t, target, "user1", "orchard")
	romeo.send("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>" + needle + "</FN></vCard></iq>")
	romeo.await(func(n *wire.Node) bool { return n.Get("id") == "v" && n.Get("type") == "result" })
	if out, err := s.Command("erase", romeo.bare, "--yes"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	romeo.await(func(n *wire.Node) bool { return n.Is(wire.NSStream, "error") })
	out, err := s.Command("account", "show", romeo.bare)
	if err == nil || !strings.Contains(out, "no such account") {
		t.Errorf("%v\n%s", err, out)
	}
	must(t, s.Stop())
	must(t, filepath.WalkDir(s.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(needle)) {
			t.Errorf("the word is in %s", path)
		}
		return err
	}))
	if strings.Contains(s.Output(), needle) {
		t.Error("the word is in the log")
	}
}
