package pie

import (
	"fmt"
	"time"

	"protokoll/schemas"
	"protokoll/xmpp/frame"
)

// Message archives: XEP-0227 §4.9.

const (
	nsMAM       = NS + "#mam"
	nsResult    = "urn:xmpp:mam:2"
	nsForwarded = "urn:xmpp:forward:0"
)

// archived reads one result of an archive.
func (p *userReader) archived(n *Node) {
	forwarded := within(n, nsForwarded, "forwarded")
	if !n.Is(nsResult, "result") || forwarded == nil {
		p.ignore(n)
		return
	}
	message, delay := within(forwarded, nsClient, "message"), within(forwarded, nsDelay, "delay")
	if message == nil {
		p.ignore(n)
		return
	}
	switch message.Attr("type") {
	case "", "normal", "chat":
	default:
		p.ignore(message)
		return
	}
	id := n.Attr("id")
	if id == "" || len(id) > MaxStanzaID || p.archiveIDs[id] {
		p.fault(n.Place, "an archived message without an id of its own")
		return
	}
	m := &schemas.ArchivedMessage{StanzaId: id}
	if delay == nil || !p.at(delay, m) {
		p.fault(n.Place, "an archived message without a time")
		return
	}
	if p.addressed(message, m) {
		if p.archiveIDs == nil {
			p.archiveIDs = map[string]bool{}
		}
		p.archiveIDs[id] = true
		p.Archive = append(p.Archive, m)
	}
}

func within(n *Node, space, local string) *Node {
	for _, c := range n.Elements() {
		if c.Is(space, local) {
			return c
		}
	}
	return nil
}

func (p *userReader) at(delay *Node, m *schemas.ArchivedMessage) bool {
	t, err := time.Parse(time.RFC3339Nano, delay.Attr("stamp"))
	m.Received = t.UnixMilli()
	return err == nil
}

// addressed brings the message into the form in which this server archives it.
func (p *userReader) addressed(n *Node, m *schemas.ArchivedMessage) bool {
	from, to := canonical(n.Attr("from")), canonical(n.Attr("to"))
	if to == "" && n.Attr("to") == "" {
		to = p.owner
	}
	m.Sent, m.With = bare(from) == p.owner, from
	if m.Sent {
		m.With = to
	}
	if from == "" || to == "" || p.owner == "" || !m.Sent && bare(to) != p.owner {
		p.fault(n.Place, "an archived message that is neither from nor to the owner")
		return false
	}
	inner := appendInner(nil, n, func(c *Node) bool { return c.Is(nsStanzaID, "stanza-id") && bare(c.Attr("by")) == p.owner })
	if !m.Sent {
		inner = appendAttr(appendAttr(appendAttr(append(inner, "<stanza-id"...), "xmlns", nsStanzaID), "by", p.owner), "id", m.GetStanzaId())
		inner = append(inner, "/>"...)
	}
	tag := frame.Tag{Name: "message", XMLNS: nsClient, From: from, To: to, ID: n.Attr("id"), Type: n.Attr("type"), Lang: n.attr(nsXML, "lang")}
	m.Stanza = tag.AppendTo(nil, inner)
	if len(m.Stanza) > MaxElementBytes || !p.framed(m.Stanza, nsClient) {
		p.fault(n.Place, "an archived message that this server could not deliver: too long, nested too deeply, or names beyond ASCII")
		return false
	}
	return true
}

// thin leaves the newest messages, of an archive that holds more than are taken over.
func (p *userReader) thin() {
	if over := len(p.Archive) - MaxArchived; over > 0 {
		p.Archive = p.Archive[over:]
		p.fault(p.Place, fmt.Sprintf("an archive with %d messages more than are taken over; the oldest are left out", over))
	}
}

// defaults of archiving, as XEP-0441 §2.1 names them.
var archiveDefaults = map[string]schemas.ArchiveDefault{
	"never": schemas.ArchiveDefault_ARCHIVE_NEVER, "always": schemas.ArchiveDefault_ARCHIVE_ALWAYS, "roster": schemas.ArchiveDefault_ARCHIVE_ROSTER,
}

// maxArchiveListed is how many addresses both lists of the preferences may hold.
const maxArchiveListed = 500

// archiving reads the preferences, for which XEP-0227 has no place.
func (p *userReader) archiving(n *Node) {
	d, known := archiveDefaults[n.Attr("default")]
	m := &schemas.ArchivePreferences{ByDefault: d}
	for _, c := range n.Elements() {
		address := canonical(c.Attr("jid"))
		known = known && address != ""
		switch c.Local {
		case "always":
			m.Always = append(m.Always, address)
		case "never":
			m.Never = append(m.Never, address)
		}
	}
	if !known || len(m.Always)+len(m.Never) > maxArchiveListed {
		p.fault(n.Place, "an element of this server's own that cannot be read")
		return
	}
	p.ArchivePreferences = m
}

// appendArchive writes the archive and its preferences.
func appendArchive(b []byte, u *User) ([]byte, error) {
	if m := u.ArchivePreferences; m != nil {
		name := "never"
		for n, d := range archiveDefaults {
			if d == m.GetByDefault() {
				name = n
			}
		}
		b = append(appendAttr(append(b, "\n<archiving xmlns='"+NSOwn+"'"...), "default", name), '>')
		for _, j := range m.GetAlways() {
			b = append(appendAttr(append(b, "<always"...), "jid", j), "/>"...)
		}
		for _, j := range m.GetNever() {
			b = append(appendAttr(append(b, "<never"...), "jid", j), "/>"...)
		}
		b = append(b, "</archiving>"...)
	}
	if len(u.Archive) == 0 {
		return b, nil
	}
	b = append(b, "\n<archive xmlns='"+nsMAM+"'>"...)
	for _, m := range u.Archive {
		n, err := parse(m.GetStanza())
		if err != nil {
			return nil, fmt.Errorf("write an archived message: %w", err)
		}
		b = append(appendAttr(append(b, "\n<result xmlns='"+nsResult+"'"...), "id", m.GetStanzaId()), "><forwarded xmlns='"+nsForwarded+"'>"...)
		b = append(appendAttr(append(b, "<delay xmlns='"+nsDelay+"'"...), "stamp", stamp(m.GetReceived())), "/>"...)
		b = append(n.AppendTo(b, nsForwarded), "</forwarded></result>"...)
	}
	return append(b, "</archive>"...), nil
}
