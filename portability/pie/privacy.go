package pie

import "protokoll/schemas"

// privacy takes from XEP-0016 lists what XEP-0191 can say: addresses whose every stanza is denied by the list that is in
// force. Anything else in that list is ignored and counted; other lists are too.
func (p *userReader) privacy(n *Node) {
	active, known := "", false
	for _, c := range n.Elements() {
		if c.Is(nsPrivacy, "default") {
			active, known = c.Attr("name"), true
		}
	}
	for _, list := range n.Elements() {
		switch {
		case !list.Is(nsPrivacy, "list"):
		case known && list.Attr("name") == active:
			p.denied(list)
		default:
			p.ignore(list)
		}
	}
}

func (p *userReader) denied(list *Node) {
	for _, item := range list.Elements() {
		switch {
		case !item.Is(nsPrivacy, "item"):
			p.ignore(item)
		case item.Attr("type") == "" && item.Attr("action") == "allow": // for whom no other item is
		case item.Attr("type") == "jid" && item.Attr("action") == "deny" && everything(item):
			p.blocked(item, item.Attr("value"))
		default:
			p.ignore(item)
		}
	}
}

// everything tells whether an item is about all stanzas: it names none, or all of them. XEP-0016 §2.1
func everything(item *Node) bool {
	kinds := map[string]bool{}
	for _, c := range item.Elements() {
		kinds[c.Local] = true
	}
	return len(kinds) == 0 || len(kinds) == 4 && kinds["message"] && kinds["iq"] && kinds["presence-in"] && kinds["presence-out"]
}

// blockList reads the form of XEP-0191 §3.2, which some servers write.
func (p *userReader) blockList(n *Node) {
	for _, item := range n.Elements() {
		if item.Is(nsBlocking, "item") {
			p.blocked(item, item.Attr("jid"))
		} else {
			p.ignore(item)
		}
	}
}

func (p *userReader) blocked(at *Node, address string) {
	if address = canonical(address); address == "" {
		p.fault(at.Place, "a blocked address that is none")
		return
	}
	p.Blocked = append(p.Blocked, &schemas.BlockedAddress{Address: address})
}
