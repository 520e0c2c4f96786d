package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"protokoll/test/wire"
)

// client is one connected client of a script.
type client struct {
	name     string
	line     ClientLine
	user     string // localpart of the account it was given
	bare     string
	full     string
	target   wire.Target
	password string

	conn   *wire.Conn
	offer  *wire.Node   // the features after sign-in
	inbox  []*wire.Node // received while waiting for something else
	pings  int
	id     string // to resume by, XEP-0198 §5
	sent   uint32 // stanzas sent and received since <enabled/>, XEP-0198 §4
	recv   uint32
	counts bool
}

func (c *client) me() own { return own{full: c.full, bare: c.bare} }

func (c *client) signIn() error {
	var err error
	mechanism := "PLAIN"
	if c.line.Options["scram"] {
		mechanism = "SCRAM-SHA-256"
	}
	if c.line.Options["direct tls"] {
		c.conn, err = wire.DialTLS(c.target)
	} else if c.conn, err = wire.Dial(c.target); err == nil {
		err = c.conn.StartTLS()
	}
	if err != nil {
		return err
	}
	c.inbox, c.counts = nil, false
	c.offer, err = c.conn.SignIn(mechanism, c.user, c.password)
	return err
}

func (c *client) connect() error {
	if err := c.signIn(); err != nil {
		return err
	}
	full, err := c.conn.Bind(c.line.Resource)
	if err != nil {
		return err
	}
	if want := c.bare + "/" + c.line.Resource; full != want {
		return fmt.Errorf("bound %q, not %q", full, want)
	}
	c.full = full
	if c.line.Options["sm"] || c.line.Options["sm by hand"] {
		return c.enable()
	}
	return nil
}

// enable asks for stream management with resumption. XEP-0198 §3.
func (c *client) enable() error {
	if err := c.conn.Write("<enable xmlns='" + wire.NSSM + "' resume='true'/>"); err != nil {
		return err
	}
	n, err := c.conn.Next()
	if err != nil {
		return err
	}
	if !n.Is(wire.NSSM, "enabled") || n.Get("id") == "" {
		return fmt.Errorf("stream management was not enabled:\n%v", n)
	}
	c.id, c.sent, c.recv, c.counts = n.Get("id"), 0, 0, true
	return nil
}

// online connects and becomes available and interested. RFC 6121 §2.2, §4.2.
func (c *client) online() error {
	if err := c.connect(); err != nil {
		return err
	}
	if err := c.write("<iq type='get' id='script-roster'><query xmlns='jabber:iq:roster'/></iq><presence/>"); err != nil {
		return err
	}
	for roster, echo := false, false; !roster || !echo; {
		n, err := c.read()
		switch {
		case err != nil:
			return err
		case n.Name.Local == "iq" && n.Get("id") == "script-roster":
			roster = true
		case n.Name.Local == "presence" && n.Get("from") == c.full:
			echo = true // RFC 6121 §4.2.2
		default:
			c.keep(n)
		}
	}
	return nil
}

// resume opens a new connection and resumes the session of the old one. XEP-0198 §5.
func (c *client) resume() error {
	if err := c.signIn(); err != nil {
		return err
	}
	h := strconv.FormatUint(uint64(c.recv), 10)
	if err := c.conn.Write("<resume xmlns='" + wire.NSSM + "' h='" + h + "' previd='" + wire.Escape(c.id) + "'/>"); err != nil {
		return err
	}
	n, err := c.conn.Next()
	if err != nil {
		return err
	}
	if !n.Is(wire.NSSM, "resumed") || n.Get("previd") != c.id {
		return fmt.Errorf("the session was not resumed:\n%v", n)
	}
	if got := n.Get("h"); got != strconv.FormatUint(uint64(c.sent), 10) {
		return fmt.Errorf("resumed with h='%s' after %d stanzas were sent", got, c.sent)
	}
	c.counts = true
	return nil
}

// write sends bytes, counting the stanzas among them.
func (c *client) write(text string) error {
	if c.counts {
		c.sent += countStanzas(text)
	}
	return c.conn.Write(text)
}

// read returns the next element; requests for acknowledgement and the server's own questions are
// answered on the way.
func (c *client) read() (*wire.Node, error) {
	for {
		n, err := c.conn.Next()
		if err != nil {
			return nil, err
		}
		if n.Is(wire.NSSASL2, "success") {
			c.signedIn(n)
		}
		if c.counts && isStanza(n) {
			c.recv++
		}
		switch {
		case n.Is(wire.NSSM, "r"):
			err = c.answer()
		case n.Name.Local == "iq" && n.Get("type") == "get" && n.Get("from") == c.target.Domain && !c.line.Options["sees questions"]:
			err = c.refuse(n)
		default:
			return n, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// signedIn notes what resource SASL2 has bound, and that stanzas are counted from here on. XEP-0386 §3.2, XEP-0198 §6
func (c *client) signedIn(n *wire.Node) {
	if id := n.Child(wire.NSSASL2, "authorization-identifier"); id != nil && strings.Contains(id.Content(), "/") {
		c.full = id.Content()
	}
	if on := n.Find(wire.NSSM, "enabled"); on != nil {
		c.id, c.sent, c.recv, c.counts = on.Get("id"), 0, 0, true
	} else if n.Find(wire.NSSM, "resumed") != nil {
		c.counts = true
	}
}

// refuse answers what the server asks of a client to see whether it is there, as a client does that knows nothing of it.
// RFC 6120 §8.4
func (c *client) refuse(n *wire.Node) error {
	return c.write("<iq type='error' id='" + wire.Escape(n.Get("id")) + "' to='" + wire.Escape(n.Get("from")) +
		"'><error type='cancel'><service-unavailable xmlns='" + wire.NSStanza + "'/></error></iq>")
}

// answer tells the server how much has arrived. XEP-0198 §4.
func (c *client) answer() error {
	if !c.line.Options["sm"] {
		return nil
	}
	return c.conn.Write("<a xmlns='" + wire.NSSM + "' h='" + strconv.FormatUint(uint64(c.recv), 10) + "'/>")
}

// next is read behind what was set aside before, without what is not the script's business.
func (c *client) next() (*wire.Node, error) {
	if len(c.inbox) > 0 {
		n := c.inbox[0]
		c.inbox = c.inbox[1:]
		return n, nil
	}
	for {
		n, err := c.read()
		if err != nil || !c.ignores(n) {
			return n, err
		}
	}
}

func (c *client) keep(n *wire.Node) {
	if !c.ignores(n) {
		c.inbox = append(c.inbox, n)
	}
}

// ignores holds for what the script asked not to see, and for the unavailable presence of a bare JID: a server may
// answer a probe with it when the contact is away (RFC 6121 §4.3.2), and no resource has become unavailable by it.
func (c *client) ignores(n *wire.Node) bool {
	kind := n.Get("type")
	switch n.Name.Local {
	case "presence":
		return c.line.Options["ignores presence"] && (kind == "" || kind == "unavailable") ||
			kind == "unavailable" && !strings.Contains(n.Get("from"), "/")
	case "message":
		return c.line.Options["ignores messages"]
	}
	return false
}

// ping sets aside everything that comes before the answer to a ping: what the server did with all we have sent before
// has then left. XEP-0199 §4.2; an error is an answer too.
func (c *client) ping() error {
	c.pings++
	id := "script-ping-" + strconv.Itoa(c.pings)
	if err := c.write("<iq type='get' id='" + id + "' to='" + c.target.Domain + "'><ping xmlns='urn:xmpp:ping'/></iq>"); err != nil {
		return err
	}
	for {
		n, err := c.read()
		if err != nil {
			return err
		}
		if n.Name.Local == "iq" && n.Get("id") == id {
			return nil
		}
		c.keep(n)
	}
}

// acknowledged asks until an <a/> covers everything that was sent. XEP-0198 §4.
func (c *client) acknowledged() error {
	if err := c.conn.Write("<r xmlns='" + wire.NSSM + "'/>"); err != nil {
		return err
	}
	want := strconv.FormatUint(uint64(c.sent), 10)
	for {
		n, err := c.read()
		if err != nil {
			return fmt.Errorf("waiting for <a h='%s'/>: %w", want, err)
		}
		if !n.Is(wire.NSSM, "a") {
			c.keep(n)
		} else if n.Get("h") == want {
			return nil
		}
	}
}

// ended waits for the end of the stream, which comes next.
func (c *client) ended() error {
	n, err := c.next()
	if err == nil {
		return fmt.Errorf("expected the end of the stream, got\n%v", n)
	}
	if !errors.Is(err, wire.ErrStreamEnd) {
		return err
	}
	c.conn.Drop()
	c.conn = nil
	return nil
}

func isStanza(n *wire.Node) bool {
	return n.Name.Local == "message" || n.Name.Local == "presence" || n.Name.Local == "iq"
}
