package addresses

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/test/wire"
)

const (
	password = "secret-Pa55"
	users    = 8
)

// guest is everything that is done from one address over one port.
type guest struct {
	t      *testing.T
	target wire.Target
	direct bool
	user   string // its own account
	friend string
	heard  *transcript
	web    string // where files are uploaded
	relay  string // where bytestreams are relayed
}

// transcript is what the server said to anybody.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (h *transcript) add(what any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(&h.text, "%v\n", what)
}

// visit does everything.
func (g *guest) visit() {
	g.behave()
	g.fail()
	g.babble()
	g.breakTLS()
	g.vanish()
	g.sleep()
	g.trap()
	g.transfer()
	g.behave()
}

// secured is a connection with TLS and no stream.
func (g *guest) secured() *wire.Conn {
	g.t.Helper()
	c, err := wire.DialTLS(g.target)
	if !g.direct {
		if c, err = wire.Dial(g.target); err == nil {
			err = c.StartTLS()
		}
	}
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Drop)
	return c
}

func (g *guest) bound(resource string) *wire.Conn {
	g.t.Helper()
	c := g.secured()
	if _, err := c.SignIn("PLAIN", g.user, password); err != nil {
		g.t.Fatal(err)
	}
	if _, err := c.Bind(resource); err != nil {
		g.t.Fatal(err)
	}
	return c
}

// say sends what the server may hang up upon.
func say(c *wire.Conn, text string) { _ = c.Write(text) }

// listen notes what comes until the answer with an id, or the end of the stream.
func (g *guest) listen(c *wire.Conn, id string) bool {
	for {
		n, err := c.Next()
		if err != nil {
			g.heard.add(err)
			return false
		}
		g.heard.add(n)
		if n.Get("id") == id {
			return true
		}
	}
}

func (g *guest) ask(c *wire.Conn, id, kind, to, payload string) {
	g.t.Helper()
	say(c, "<iq type='"+kind+"' id='"+id+"' to='"+to+"'>"+payload+"</iq>")
	if !g.listen(c, id) {
		g.t.Fatalf("%s: no answer", id)
	}
}

// behave is an ordinary session that leaves something of every kind of event, and its resumption.
func (g *guest) behave() {
	g.t.Helper()
	c, bare := g.bound("phone"), g.user+"@"+g.target.Domain
	say(c, "<enable xmlns='"+wire.NSSM+"' resume='true'/>")
	n, err := c.Next()
	if err != nil || n.Get("id") == "" {
		g.t.Fatal("not resumable: ", n, err)
	}
	g.heard.add(n)
	say(c, "<presence><status>here</status></presence>")
	for i, payload := range []string{
		"<query xmlns='jabber:iq:roster'><item jid='" + g.friend + "' name='friend'/></query>",
		"<vCard xmlns='vcard-temp'><FN>Somebody</FN></vCard>",
		"<query xmlns='jabber:iq:private'><x xmlns='urn:x'>note</x></query>",
		"<block xmlns='urn:xmpp:blocking'><item jid='nobody@nowhere.example'/></block>",
		"<enable xmlns='urn:xmpp:carbons:2'/>",
	} {
		g.ask(c, fmt.Sprintf("set%d", i), "set", bare, payload)
	}
	for i, payload := range []string{"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<query xmlns='jabber:iq:version'/>",
		"<query xmlns='jabber:iq:last'/>", "<time xmlns='urn:xmpp:time'/>", "<address xmlns='urn:xmpp:sic:1'/>"} {
		g.ask(c, fmt.Sprintf("get%d", i), "get", g.target.Domain, payload)
		g.ask(c, fmt.Sprintf("own%d", i), "get", bare, payload)
	}
	say(c, "<presence type='subscribe' to='"+g.friend+"'/><presence type='subscribed' to='"+g.friend+"'/>"+
		"<message type='chat' id='m' to='"+g.friend+"'><body>for later</body></message><r xmlns='"+wire.NSSM+"'/>")
	c.Drop()
	c = g.secured()
	if _, err := c.SignIn("SCRAM-SHA-256", g.user, password); err != nil {
		g.t.Fatal(err)
	}
	say(c, "<resume xmlns='"+wire.NSSM+"' h='0' previd='"+n.Get("id")+"'/><iq type='get' id='back' to='"+g.target.Domain+"'><ping xmlns='urn:xmpp:ping'/></iq>")
	if !g.listen(c, "back") {
		g.t.Fatal("not resumed")
	}
	if err := c.Close(); err != nil {
		g.t.Error(err)
	}
}

// fail signs in wrongly in many ways.
func (g *guest) fail() {
	for _, auth := range []string{
		wire.Auth("PLAIN", "\x00"+g.user+"\x00wrong"), wire.Auth("PLAIN", "\x00nobody\x00wrong"), wire.Auth("PLAIN", "garbage"),
		wire.Auth("SCRAM-SHA-256", "n,,n="+g.user+",r=abc"), wire.Auth("NONSENSE", "x"),
		"<auth xmlns='" + wire.NSSASL + "' mechanism='PLAIN'>!!!</auth>", "<response xmlns='" + wire.NSSASL + "'/>",
	} {
		c := g.secured()
		if _, err := c.Open(); err != nil {
			g.t.Fatal(err)
		}
		for range 4 { // three, and then the stream ends
			say(c, auth)
			n, err := c.Next()
			g.heard.add(n)
			g.heard.add(err)
			if err != nil {
				break
			}
		}
		c.Drop()
	}
}

// babble sends what is no XMPP, in every state.
func (g *guest) babble() {
	for _, junk := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00garbage", "<a><b></a>", "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>",
		wire.Header("elsewhere.example"), wire.Header(g.target.Domain) + "<message/>", strings.Repeat("<x>", 5000)} {
		c, err := wire.Dial(g.target)
		if err != nil {
			g.t.Fatal(err)
		}
		say(c, junk)
		g.drain(c)
		c = g.secured()
		say(c, junk)
		g.drain(c)
		c = g.bound("junk")
		say(c, junk)
		g.drain(c)
	}
}

// drain reads raw bytes until the server hangs up, or has nothing more to say.
func (g *guest) drain(c *wire.Conn) {
	_ = c.TCP().SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if c.TLS().HandshakeComplete {
		_ = c.TCP().CloseWrite() // half-closed: the server sees the end in the middle of TLS
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := c.TCP().Read(buf)
		g.heard.add(string(buf[:n]))
		if err != nil {
			break
		}
	}
	c.Drop()
}

// breakTLS makes handshakes fail on either side.
func (g *guest) breakTLS() {
	for _, cfg := range []*tls.Config{
		{ServerName: "wrong.example"}, {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, {NextProtos: []string{"h2"}},
		{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
		{RootCAs: nil, VerifyConnection: func(tls.ConnectionState) error { return fmt.Errorf("refused by the client") }},
	} {
		c := g.beforeTLS()
		g.heard.add(c.Handshake(cfg))
		c.Drop()
	}
	c := g.beforeTLS()
	say(c, "\x16\x03\x01\x00\x05nonsense")
	g.drain(c)
	c = g.beforeTLS()
	say(c, "\x16\x03\x01\x02\x00") // the start of a ClientHello, and then a reset
	c.Drop()
}

// beforeTLS is a connection on which a ClientHello is due.
func (g *guest) beforeTLS() *wire.Conn {
	g.t.Helper()
	if g.direct {
		there := g.target
		there.Addr = there.TLSAddr
		c, err := wire.Dial(there)
		if err != nil {
			g.t.Fatal(err)
		}
		return c
	}
	c, err := wire.Dial(g.target)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := c.Open(); err != nil {
		g.t.Fatal(err)
	}
	say(c, "<starttls xmlns='"+wire.NSTLS+"'/>")
	if n, err := c.Next(); err != nil || !n.Is(wire.NSTLS, "proceed") {
		g.t.Fatal("no proceed: ", n, err)
	}
	return c
}

// vanish resets the connection in every state, and half-closes it in every state.
func (g *guest) vanish() {
	states := []func() *wire.Conn{
		func() *wire.Conn { // connected
			c, err := wire.Dial(g.target)
			if err != nil {
				g.t.Fatal(err)
			}
			return c
		},
		g.beforeTLS,
		g.secured,
		func() *wire.Conn { // a stream over TLS
			c := g.secured()
			_, _ = c.Open()
			return c
		},
		func() *wire.Conn { // in the middle of SASL
			c := g.secured()
			_, _ = c.Open()
			say(c, wire.Auth("SCRAM-SHA-256", "n,,n="+g.user+",r=abc"))
			_, _ = c.Next()
			return c
		},
		func() *wire.Conn { // signed in
			c := g.secured()
			_, _ = c.SignIn("PLAIN", g.user, password)
			return c
		},
		func() *wire.Conn { return g.bound("gone") },
		func() *wire.Conn { // in the middle of a stanza
			c := g.bound("gone")
			say(c, "<presence/><message to='"+g.friend+"'><body>never")
			return c
		},
	}
	for _, state := range states {
		state().Drop()
		c := state()
		_ = c.TCP().CloseWrite()
		g.drain(c)
	}
}

// sleep is a client that stops reading until the server gives it up.
func (g *guest) sleep() {
	stuck, full := g.bound("stuck"), g.user+"@"+g.target.Domain+"/stuck"
	say(stuck, "<presence/>")
	busy := g.bound("busy")
	text := strings.Repeat("x", 60<<10)
	for i := range 120 { // more than the queue and the buffers of the kernel hold
		say(busy, "<message type='headline' to='"+full+"'><body>"+text+"</body></message>")
		if i%20 == 19 {
			g.ask(busy, fmt.Sprintf("sync%d", i), "get", g.target.Domain, "<ping xmlns='urn:xmpp:ping'/>")
		}
	}
	busy.Drop()
	stuck.Drop()
}

// trap makes a handler panic.
func (g *guest) trap() {
	c := g.bound("trap")
	say(c, "<iq type='get' id='trap' to='"+g.target.Domain+"'><ping xmlns='urn:xmpp:ping' trap='panic'/></iq>")
	n, err := c.Next()
	g.heard.add(n)
	g.heard.add(err)
	c.Drop()
}

// from is the server as seen from a source.
func from(s source, target wire.Target, port, tlsPort string) wire.Target {
	target.Source = &net.TCPAddr{IP: s.ip.AsSlice()}
	target.Addr, target.TLSAddr = net.JoinHostPort(s.to, port), net.JoinHostPort(s.to, tlsPort)
	return target
}
