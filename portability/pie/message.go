package pie

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"mellium.im/xmpp/jid"

	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

// message reads a message that waits. It is brought into the form in which this server stores messages: with the owner's
// stanza-id at the end, and without the delay, which is told by Received. XEP-0227 §4.5
func (p *userReader) message(n *Node) {
	if !n.Is(nsClient, "message") {
		p.ignore(n)
		return
	}
	switch n.Attr("type") {
	case "", "normal", "chat":
	default:
		p.ignore(n) // XEP-0160 §3: the others are not kept
		return
	}
	from, to := canonical(n.Attr("from")), canonical(n.Attr("to"))
	if to == "" && n.Attr("to") == "" {
		to = p.owner
	}
	if from == "" || to == "" || p.owner == "" {
		p.fault(n.Place, "a message without usable addresses")
		return
	}
	m := &schemas.OfflineMessage{StanzaId: p.stanzaID(n)}
	held := p.held(n)
	var ok bool
	if m.Received, ok = received(held); !ok {
		p.fault(n.Place, "a message with a delay that is no time")
		return
	}
	inner := appendInner(nil, n, func(c *Node) bool { return p.serverMade(c, held) })
	inner = appendAttr(appendAttr(appendAttr(append(inner, "<stanza-id"...), "xmlns", nsStanzaID), "by", p.owner), "id", m.GetStanzaId())
	tag := frame.Tag{Name: "message", XMLNS: nsClient, From: from, To: to, ID: n.Attr("id"), Type: n.Attr("type"), Lang: n.attr(nsXML, "lang")}
	m.Stanza = tag.AppendTo(nil, append(inner, "/>"...))
	if len(m.Stanza) > MaxElementBytes || !p.framed(m.Stanza, nsClient) {
		p.fault(n.Place, "a message that this server could not deliver: too long, nested too deeply, or names beyond ASCII")
		return
	}
	p.Offline = append(p.Offline, m)
}

func canonical(address string) string {
	j, err := jid.Parse(address)
	if err != nil {
		return ""
	}
	return j.String()
}

// serverMade tells whether a child was added by the server that stored the message; held is its note on the delay.
func (p *userReader) serverMade(c, held *Node) bool {
	return c == held || p.signedDelay(c) || c.Is(nsOldMAMTmp, "archived") ||
		c.Is(nsStanzaID, "stanza-id") && bare(c.Attr("by")) == p.owner
}

// signedDelay tells whether a note on a delay names the owner's server. XEP-0203 §4
func (p *userReader) signedDelay(c *Node) bool {
	from := canonical(c.Attr("from"))
	return c.Is(nsDelay, "delay") && (from == p.Domain || from == p.owner)
}

// held returns the note that says since when the owner's server kept a message: the last that names it, else one that names
// nobody; nil if there is none.
func (p *userReader) held(n *Node) (note *Node) {
	for _, c := range n.Elements() {
		switch {
		case p.signedDelay(c):
			note = c
		case note == nil && (c.Is(nsDelay, "delay") && c.Attr("from") == "" || c.Is(nsOldDelay, "x")):
			note = c
		}
	}
	return note
}

// received returns when the message was stored, 0 if it is not told.
func received(note *Node) (at int64, ok bool) {
	form := time.RFC3339Nano
	switch {
	case note == nil:
		return 0, true
	case note.Space == nsOldDelay:
		form = "20060102T15:04:05" // XEP-0091 §3
	}
	t, err := time.Parse(form, note.Attr("stamp"))
	return t.UnixMilli(), err == nil
}

// MaxStanzaID is the longest id of a message that is taken over, in bytes.
const MaxStanzaID = 128

func (p *userReader) stanzaID(n *Node) string {
	for _, c := range n.Elements() {
		if id := c.Attr("id"); c.Is(nsStanzaID, "stanza-id") && bare(c.Attr("by")) == p.owner && id != "" && len(id) <= MaxStanzaID {
			return id
		}
	}
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}
