package archive

import (
	"fmt"
	"testing"

	"protokoll/test/wire"
)

// person is a client, and what it has shown to whom it belongs, over all sessions.
type person struct {
	*wire.Conn
	t      *testing.T
	name   string
	modern bool            // XEP-0198, 0280, 0313; else as Spark: none of them
	known  map[string]bool // stanza-ids of this account, which only a modern client looks at
	last   string          // the newest of them
	shown  map[string]int  // bodies
	h      uint32          // stanzas taken
	asks   int
}

// signIn begins a session. A modern client loads what it does not know of the archive, once it is bound and before it says
// that it is there.
func (p *person) signIn() {
	p.t.Helper()
	conn, _, err := wire.SignIn(target, p.name, password)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Conn, p.h = conn, 0
	if _, err := conn.Bind(map[bool]string{true: "phone", false: "spark"}[p.modern]); err != nil {
		p.t.Fatal(err)
	}
	if p.modern {
		p.write("<enable xmlns='" + wire.NSSM + "' resume='true'/>")
		p.await("enabled", func(n *wire.Node) bool { return n.Is(wire.NSSM, "enabled") })
		p.h = 0
		p.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
	}
	p.ask("get", "<query xmlns='jabber:iq:roster'/>")
	if p.modern {
		p.load()
	}
	p.write("<presence/>")
	p.quiet()
}

// load reads the archive from where it is known, page by page.
func (p *person) load() {
	p.t.Helper()
	for {
		after := ""
		if p.last != "" {
			after = "<after>" + p.last + "</after>"
		}
		r := p.ask("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>2</max>"+after+"</set></query>")
		fin := r.Child("urn:xmpp:mam:2", "fin")
		if fin == nil && after != "" { // the id was of a time when nothing was archived
			p.last = ""
			continue
		}
		if fin == nil {
			p.t.Fatalf("no end of a page: %v", r)
		}
		if last := fin.Find("http://jabber.org/protocol/rsm", "last"); last != nil {
			p.last = last.Content()
		}
		if fin.Get("complete") == "true" {
			return
		}
	}
}

func (p *person) write(s string) {
	p.t.Helper()
	if err := p.Write(s); err != nil {
		p.t.Fatal(err)
	}
}

// ask sends a request and returns its answer; what comes before it is taken.
func (p *person) ask(kind, payload string) *wire.Node {
	p.t.Helper()
	p.asks++
	id := fmt.Sprint("ask", p.asks)
	p.write("<iq type='" + kind + "' id='" + id + "'>" + payload + "</iq>")
	return p.await(payload, func(n *wire.Node) bool { return n.Name.Local == "iq" && n.Get("id") == id })
}

// quiet returns when everything that was on its way has come: an answer follows it.
func (p *person) quiet() {
	p.t.Helper()
	p.ask("get", "<ping xmlns='urn:xmpp:ping'/>")
}

// await takes what comes until it is what was waited for.
func (p *person) await(what string, is func(*wire.Node) bool) *wire.Node {
	p.t.Helper()
	for {
		n, err := p.Next()
		if err != nil {
			p.t.Fatalf("%s, waiting for %s: %v", p.name, what, err)
		}
		p.take(n)
		if is(n) {
			return n
		}
	}
}

// take does what a client does with anything that comes.
func (p *person) take(n *wire.Node) {
	p.t.Helper()
	if n.Name.Space == wire.NSClient {
		p.h++
	}
	switch {
	case n.Is(wire.NSSM, "r"):
		p.write(fmt.Sprintf("<a xmlns='%s' h='%d'/>", wire.NSSM, p.h))
	case n.Name.Local == "iq" && n.Get("type") == "get": // is anybody there?
		p.write("<iq type='error' id='" + n.Get("id") + "' to='" + n.Get("from") + "'><error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
	case n.Name.Local == "message":
		p.message(n)
	}
}

func (p *person) message(n *wire.Node) {
	id := ""
	if r := n.Child("urn:xmpp:mam:2", "result"); r != nil {
		id = r.Get("id")
		n = r.Find(wire.NSClient, "message")
	}
	body := n.Child(wire.NSClient, "body")
	if body == nil {
		return
	}
	if sid := n.Child("urn:xmpp:sid:0", "stanza-id"); sid != nil && sid.Get("by") == p.name+"@"+target.Domain {
		id = sid.Get("id")
	}
	if p.modern && id != "" {
		if p.known[id] {
			return
		}
		p.known[id] = true
	}
	p.shown[body.Content()]++
}

// say sends a message that is acknowledged.
func (p *person) say(to, body string) {
	p.t.Helper()
	p.write(fmt.Sprintf("<message type='chat' id='%s' to='%s@%s'><body>%s</body></message><r xmlns='%s'/>", body, to, target.Domain, body, wire.NSSM))
	p.await("an acknowledgement", func(n *wire.Node) bool { return n.Is(wire.NSSM, "a") })
}

// leave ends the session in good order.
func (p *person) leave() {
	p.t.Helper()
	p.quiet()
	if err := p.Close(); err != nil {
		p.t.Fatal(err)
	}
}
