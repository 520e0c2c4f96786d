package pubsub

import (
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// NSEvent is the namespace of notifications. XEP-0060 §16.7
const NSEvent = "http://jabber.org/protocol/pubsub#event"

// tell notes that everybody who wants to hear of a node gets a message.
func (d *Draft) tell(r Ref, n *Node, payload []byte) {
	if n.Config.GetSilent() {
		return
	}
	audience, err := d.recipients(r, n)
	if err != nil {
		return // nobody can be told: the change itself stands
	}
	audience.Payload = payload
	d.Notices = append(d.Notices, audience)
}

// recipients says who hears of a node: of a node of the owner's own address those who may read it and ask for it by their
// capabilities, and everywhere those who subscribed and still may read. XEP-0163 §4.3
func (d *Draft) recipients(r Ref, n *Node) (*features.Notice, error) {
	to := &features.Notice{Owner: d.Bare(), From: r.Host, Node: r.Name, Type: messageType(n.Config)}
	if r.Host == "" {
		contacts, err := d.Audience()
		if err != nil {
			return nil, err
		}
		to.From, to.Own, to.Contacts = d.Bare(), true, d.readers(n, contacts)
	}
	for _, s := range n.subscribers {
		if bare := bareOf(s); !d.Blocks(s) && mayRead(d, n.Config, bare) == nil {
			to.Subscribers = append(to.Subscribers, s)
		}
	}
	return to, nil
}

// readers are the contacts who may read a node. Where all may, the list is not copied.
func (d *Draft) readers(n *Node, contacts []string) []string {
	switch n.Config.GetAccess() {
	case schemas.NodeAccess_ACCESS_OPEN, schemas.NodeAccess_ACCESS_PRESENCE:
		if len(n.Config.GetAffiliations()) == 0 {
			return contacts
		}
	}
	var may []string
	for _, c := range contacts {
		if mayRead(d, n.Config, c) == nil {
			may = append(may, c)
		}
	}
	return may
}

func messageType(c *schemas.NodeConfigured) string {
	if t := c.GetMessageType(); t != "" {
		return t
	}
	return "headline" // XEP-0060 §16.4.4
}

// LastItem returns the notification of an item that was published before. XEP-0060 §6.1.7
func LastItem(c *schemas.NodeConfigured, i *schemas.ItemPublished) []byte {
	return publishedEvent(c, i)
}

func publishedEvent(c *schemas.NodeConfigured, i *schemas.ItemPublished) []byte {
	b := openItems(c)
	b = appendAttr(append(b, "<item"...), "id", i.GetItemId())
	if i.GetPublisher() != "" {
		b = appendAttr(b, "publisher", i.GetPublisher())
	}
	if c.GetWithoutPayload() || len(i.GetPayload()) == 0 {
		return append(b, "/></items></event>"...)
	}
	b = append(append(b, '>'), i.GetPayload()...)
	return append(b, "</item></items></event>"...)
}

func retractedEvent(c *schemas.NodeConfigured, id string) []byte {
	b := appendAttr(append(openItems(c), "<retract"...), "id", id)
	return append(b, "/></items></event>"...)
}

func openItems(c *schemas.NodeConfigured) []byte { return append(openEvent("items", c), '>') }

func openEvent(name string, c *schemas.NodeConfigured) []byte {
	b := append([]byte("<event xmlns='"+NSEvent+"'><"), name...)
	return appendAttr(b, "node", c.GetNode())
}

func purgedEvent(c *schemas.NodeConfigured) []byte {
	return append(openEvent("purge", c), "/></event>"...)
}
func deletedEvent(c *schemas.NodeConfigured) []byte {
	return append(openEvent("delete", c), "/></event>"...)
}

// configurationEvent tells the new configuration. XEP-0060 §8.2.5
func configurationEvent(n *Node) []byte {
	b := append(openEvent("configuration", n.Config), '>')
	return append(appendForm(b, "result", FormConfig, n.Config, ""), "</configuration></event>"...)
}

func appendAttr(dst []byte, name, value string) []byte {
	dst = append(append(append(append(dst, ' '), name...), '='), '\'')
	return append(frame.AppendEscaped(dst, value), '\'')
}
