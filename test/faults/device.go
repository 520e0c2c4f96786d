package faults

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"protokoll/test/wire"
)

// device is a client with stream management. All its methods are called by one goroutine.
type device struct {
	target         wire.Target
	user, password string
	resource       string
	ledger         *ledger

	conn    *wire.Conn
	id      string // to resume by
	out     uint32 // stanzas sent on the session, and received. XEP-0198 §4
	in      uint32
	held    []held // sent and not acknowledged, oldest first
	fresh   []string
	resumed int // how often it resumed, and how often that was refused
	refused int
	pings   int
	told    map[string]int // unavailable presence by sender
}

type held struct {
	number uint32 // of the stanza on the session
	id     string // of the message; empty for other stanzas
	to     string
	text   string
}

func (d *device) bare() string { return d.user + "@" + d.target.Domain }
func (d *device) full() string { return d.bare() + "/" + d.resource }

// connect resumes the session, or starts one and sends again what was not acknowledged.
func (d *device) connect() error {
	d.drop()
	c, _, err := wire.SignIn(d.target, d.user, d.password)
	if err != nil {
		return err
	}
	d.conn = c
	if d.id != "" {
		done, err := d.resume()
		if err != nil || done {
			return err
		}
	}
	return d.begin()
}

// resume is XEP-0198 §5: the server says what it has, the rest goes out again.
func (d *device) resume() (bool, error) {
	err := d.conn.Write(fmt.Sprintf("<resume xmlns='%s' h='%d' previd='%s'/>", wire.NSSM, d.in, wire.Escape(d.id)))
	if err != nil {
		return false, err
	}
	n, err := d.conn.Next()
	if err != nil {
		return false, err
	}
	if h, ok := n.Attr("h"); ok {
		if err := d.covered(h); err != nil {
			return false, err
		}
	}
	if !n.Is(wire.NSSM, "resumed") {
		d.refused++
		d.id = ""
		return false, nil
	}
	d.resumed++
	return true, d.again()
}

// begin binds and enables stream management; numbers start at zero.
func (d *device) begin() error {
	if _, err := d.conn.Bind(d.resource); err != nil {
		return err
	}
	if err := d.conn.Write("<enable xmlns='" + wire.NSSM + "' resume='true'/>"); err != nil {
		return err
	}
	n, err := d.conn.Next()
	if err != nil {
		return err
	}
	if !n.Is(wire.NSSM, "enabled") || n.Get("id") == "" {
		return fmt.Errorf("stream management refused:\n%v", n)
	}
	d.id, d.in, d.out, d.fresh = n.Get("id"), 0, 0, nil
	old := d.held
	d.held = nil
	if err := d.push("", "", "<presence/>"); err != nil {
		return err
	}
	for _, h := range old {
		if h.id != "" {
			if err := d.message(h.id, h.to); err != nil {
				return err
			}
		}
	}
	return nil
}

// again sends what the resumed session had not received, under the numbers it has.
func (d *device) again() error {
	for _, h := range d.held {
		if h.id != "" {
			d.ledger.sent(h.id, h.to)
		}
		if err := d.conn.Write(h.text); err != nil {
			return err
		}
	}
	return nil
}

// push sends a stanza and holds it until it is acknowledged.
func (d *device) push(id, to, text string) error {
	d.out++
	d.held = append(d.held, held{d.out, id, to, text})
	return d.conn.Write(text)
}

// message sends a chat message; the same id again is a resend.
func (d *device) message(id, to string) error {
	d.ledger.sent(id, to)
	return d.push(id, to, "<message type='chat' id='"+id+"' to='"+to+"'><body>"+id+"</body><origin-id xmlns='urn:xmpp:sid:0' id='"+id+"'/></message>")
}

// covered takes what an h acknowledges from what is held.
func (d *device) covered(h string) error {
	n, err := strconv.ParseUint(h, 10, 32)
	if err != nil || uint32(n) > d.out {
		return fmt.Errorf("%s acknowledged h='%s' after %d stanzas", d.user, h, d.out)
	}
	for len(d.held) > 0 && d.held[0].number <= uint32(n) {
		if d.held[0].id != "" {
			d.ledger.acked(d.held[0].id)
		}
		d.held = d.held[1:]
	}
	return nil
}

// await reads until f holds, keeping the books on the way.
func (d *device) await(f func(*wire.Node) bool) error {
	for {
		n, err := d.conn.Next()
		if err != nil {
			return err
		}
		if err := d.take(n); err != nil {
			return err
		}
		if f(n) {
			return nil
		}
	}
}

func (d *device) take(n *wire.Node) error {
	switch {
	case n.Is(wire.NSSM, "r"):
		return d.acknowledge()
	case n.Is(wire.NSSM, "a"):
		return d.covered(n.Get("h"))
	case n.Is(wire.NSStream, "error"):
		return fmt.Errorf("%s: stream error\n%v", d.user, n)
	case n.Name.Space != wire.NSClient:
		return nil
	}
	d.in++
	switch n.Name.Local {
	case "message":
		d.received(n)
	case "presence":
		if n.Get("type") == "unavailable" && d.told != nil {
			d.told[n.Get("from")]++
		}
	case "iq":
		if n.Get("type") == "get" && n.Get("from") == d.target.Domain {
			return d.push("", "", "<iq type='error' id='"+wire.Escape(n.Get("id"))+"' to='"+d.target.Domain+"'><error type='cancel'><service-unavailable xmlns='"+wire.NSStanza+"'/></error></iq>")
		}
	}
	return nil
}

func (d *device) received(n *wire.Node) {
	id := n.Get("id")
	if n.Get("type") == "error" {
		d.ledger.bounced(id)
		return
	}
	stanzaID := ""
	for _, c := range n.Elements() {
		if c.Is("urn:xmpp:sid:0", "stanza-id") && c.Get("by") == d.bare() {
			stanzaID = c.Get("id")
		}
	}
	d.ledger.arrived(id, stanzaID)
	d.fresh = append(d.fresh, id)
}

func (d *device) acknowledge() error {
	return d.conn.Write(fmt.Sprintf("<a xmlns='%s' h='%d'/>", wire.NSSM, d.in))
}

// flush asks for acknowledgement until nothing is held.
func (d *device) flush() error {
	if len(d.held) == 0 {
		return nil
	}
	if err := d.conn.Write("<r xmlns='" + wire.NSSM + "'/>"); err != nil {
		return err
	}
	return d.await(func(*wire.Node) bool { return len(d.held) == 0 })
}

// settle acknowledges everything and pings behind it: when the ping is answered the server has taken the acknowledgement.
func (d *device) settle() error {
	for {
		mark := len(d.fresh)
		if err := d.acknowledge(); err != nil {
			return err
		}
		if err := d.ping(); err != nil {
			return err
		}
		if len(d.fresh) == mark {
			break
		}
	}
	for _, id := range d.fresh {
		d.ledger.settled(id)
	}
	d.fresh = nil
	return d.flush()
}

func (d *device) ping() error {
	d.pings++
	id := "ping-" + strconv.Itoa(d.pings)
	if err := d.push("", "", "<iq type='get' id='"+id+"' to='"+d.target.Domain+"'><ping xmlns='urn:xmpp:ping'/></iq>"); err != nil {
		return err
	}
	return d.await(func(n *wire.Node) bool { return n.Name.Local == "iq" && n.Get("id") == id })
}

// leave ends the session properly.
func (d *device) leave() error {
	err := d.conn.Close()
	d.conn, d.id = nil, ""
	return err
}

func (d *device) drop() {
	if d.conn != nil {
		d.conn.Drop()
		d.conn = nil
	}
}

// lost tells an end that a kill explains from one that it does not.
func lost(err error) bool {
	return err != nil && !strings.Contains(err.Error(), "stream error\n") && !errors.Is(err, errProtocol)
}

var errProtocol = errors.New("faults: the server broke the protocol")
