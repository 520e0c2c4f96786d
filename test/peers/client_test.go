package peers

import (
	"strings"
	"testing"

	"protokoll/test/wire"
)

const password = "open sesame"

// client is somebody who signed in.
type client struct {
	*wire.Conn
	t   *testing.T
	jid string
	ids int
	put []*wire.Node // what came while something else was awaited
}

func signIn(t *testing.T, at wire.Target, user string) *client {
	t.Helper()
	conn, _, err := wire.SignIn(at, user, password)
	if err != nil {
		t.Fatalf("%s signs in: %v", user, err)
	}
	jid, err := conn.Bind("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Drop)
	return &client{Conn: conn, t: t, jid: jid}
}

func (c *client) send(s string) {
	c.t.Helper()
	if err := c.Write(s); err != nil {
		c.t.Fatal(err)
	}
}

// await returns the first stanza, of those that came and come, that is wanted.
func (c *client) await(what string, wanted func(*wire.Node) bool) *wire.Node {
	c.t.Helper()
	for i, n := range c.put {
		if wanted(n) {
			c.put = append(c.put[:i:i], c.put[i+1:]...)
			return n
		}
	}
	for {
		n, err := c.Next()
		if err != nil {
			c.t.Fatalf("%s: waiting for %s: %v", c.jid, what, err)
		}
		if wanted(n) {
			return n
		}
		c.put = append(c.put, n)
	}
}

// iq asks and returns the result.
func (c *client) iq(kind, payload string) *wire.Node {
	c.t.Helper()
	c.ids++
	id := "q" + strings.Repeat("x", c.ids)
	c.send("<iq type='" + kind + "' id='" + id + "'>" + payload + "</iq>")
	n := c.await("an answer", func(n *wire.Node) bool { return n.Name.Local == "iq" && n.Get("id") == id })
	if n.Get("type") != "result" {
		c.t.Fatalf("%s: %s is answered\n%v", c.jid, payload, n)
	}
	return n
}

// settle returns when everything sent before was handled.
func (c *client) settle() {
	c.iq("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>")
}

// keeps sends a stanza and returns when the server acknowledged it: what must be stored is stored then. An answer to a later IQ
// does not say so.
func (c *client) keeps(stanza string) {
	c.t.Helper()
	c.send("<enable xmlns='" + wire.NSSM + "'/>")
	c.await("that acknowledgements are on", func(n *wire.Node) bool { return n.Is(wire.NSSM, "enabled") })
	c.send(stanza + "<r xmlns='" + wire.NSSM + "'/>")
	c.await("the acknowledgement", func(n *wire.Node) bool { return n.Is(wire.NSSM, "a") && n.Get("h") == "1" })
}

const (
	card      = "<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN><NICKNAME>J &amp; &lt;R&gt;</NICKNAME></vCard>"
	bookmarks = "<storage xmlns='storage:bookmarks'><conference jid='verona@rooms.example' name='V'/></storage>"
)

// live fills the accounts of juliet, romeo, nurse and tybalt by what their clients do: juliet and romeo are contacts, nurse waits for an
// answer, tybalt is blocked, and romeo's message waits.
func live(t *testing.T, at wire.Target, names [4]string) {
	t.Helper()
	address := func(i int) string { return names[i] + "@" + at.Domain }
	juliet, romeo := signIn(t, at, names[0]), signIn(t, at, names[1])
	for _, c := range []*client{juliet, romeo} {
		c.iq("get", "<query xmlns='jabber:iq:roster'/>")
		c.send("<presence/>")
		c.settle()
	}
	juliet.iq("set", "<query xmlns='jabber:iq:roster'><item jid='"+address(1)+"' name='Romeo &amp; &lt;Co&gt;'><group>Montague</group><group>Ärger</group></item></query>")
	for _, pair := range [][2]*client{{juliet, romeo}, {romeo, juliet}} {
		to, _, _ := strings.Cut(pair[1].jid, "/")
		from, _, _ := strings.Cut(pair[0].jid, "/")
		pair[0].send("<presence type='subscribe' to='" + to + "'/>")
		pair[1].await("a request", presenceOf("subscribe", from))
		pair[1].send("<presence type='subscribed' to='" + from + "'/>")
		pair[0].await("an answer", presenceOf("subscribed", to))
	}
	juliet.iq("set", card)
	juliet.iq("set", "<query xmlns='jabber:iq:private'>"+bookmarks+"</query>")
	juliet.iq("set", "<block xmlns='urn:xmpp:blocking'><item jid='"+address(3)+"'/></block>")
	nurse := signIn(t, at, names[2])
	nurse.send("<presence/><presence type='subscribe' to='" + address(0) + "'><status>it is me</status></presence>")
	nurse.settle()
	juliet.settle()
	if err := juliet.Close(); err != nil {
		t.Fatal(err)
	}
	romeo.await("that juliet went", presenceOf("unavailable", address(0)))
	romeo.keeps("<message type='chat' id='late' to='" + address(0) + "'><body>What light &lt;through&gt; yonder window ü</body></message>")
	for _, c := range []*client{romeo, nurse} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func presenceOf(kind, bare string) func(*wire.Node) bool {
	return func(n *wire.Node) bool {
		from, _, _ := strings.Cut(n.Get("from"), "/")
		return n.Name.Local == "presence" && n.Get("type") == kind && from == bare
	}
}

// sees says what a check asks for beside roster, vCard and private storage.
type sees struct{ messages, blocks bool }

// check signs in as juliet and looks.
func check(t *testing.T, at wire.Target, names [4]string, s sees) {
	t.Helper()
	address := func(i int) string { return names[i] + "@" + at.Domain }
	c := signIn(t, at, names[0])
	list := c.iq("get", "<query xmlns='jabber:iq:roster'/>").Child("jabber:iq:roster", "query")
	item := list.Child("jabber:iq:roster", "item")
	if item == nil || item.Get("jid") != address(1) || item.Get("subscription") != "both" || item.Get("name") != "Romeo & <Co>" {
		t.Errorf("the roster is\n%v", list)
	} else if groups := item.Elements(); len(groups) != 2 || !strings.Contains(groups[0].Content()+groups[1].Content(), "Ärger") {
		t.Errorf("romeo's groups are\n%v", item)
	}
	if got := c.iq("get", "<vCard xmlns='vcard-temp'/>").Find("vcard-temp", "NICKNAME"); got == nil || got.Content() != "J & <R>" {
		t.Errorf("the vCard holds %v", got)
	}
	got := c.iq("get", "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>").Find("storage:bookmarks", "conference")
	if got == nil || got.Get("jid") != "verona@rooms.example" {
		t.Errorf("private storage holds %v", got)
	}
	if s.blocks {
		blocked := c.iq("get", "<blocklist xmlns='urn:xmpp:blocking'/>").Find("urn:xmpp:blocking", "item")
		if blocked == nil || blocked.Get("jid") != address(3) {
			t.Errorf("blocked is %v", blocked)
		}
	}
	c.send("<presence/>")
	c.await("the nurse's request", presenceOf("subscribe", address(2)))
	if s.messages {
		m := c.await("the message that waits", func(n *wire.Node) bool { return n.Name.Local == "message" })
		body, delay := m.Find("jabber:client", "body"), m.Find("urn:xmpp:delay", "delay")
		if body == nil || body.Content() != "What light <through> yonder window ü" || delay == nil {
			t.Errorf("the message is\n%v", m)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
