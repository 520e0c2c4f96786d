package pie

import (
	"slices"
	"strconv"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// privacy reads all lists. What the default one denies wholly is the block list. What this server would not take from a
// client is counted as ignored.
func (p *userReader) privacy(n *Node) {
	for _, list := range n.Elements() {
		p.readable(list)
	}
	read, err := features.ReadLists(n.AppendTo(nil, NS))
	if err != nil {
		p.ignore(n)
		return
	}
	for _, address := range read.Blocked {
		p.Blocked = append(p.Blocked, &schemas.BlockedAddress{Address: address})
	}
	p.Lists, p.DefaultList = read.Lists, read.Default
	for range read.Refused {
		p.ignore(&Node{Space: nsPrivacy, Local: "list"})
	}
}

// readable takes from a list the items that say nothing, and numbers those that do not tell their place: they are in order.
func (p *userReader) readable(list *Node) {
	order := 0
	list.Kids = slices.DeleteFunc(list.Kids, func(k Kid) bool {
		if k.Node == nil || !k.Node.Is(nsPrivacy, "item") {
			return false
		}
		if k.Node.Attr("type") == "jid" && canonical(k.Node.Attr("value")) == "" {
			p.fault(k.Node.Place, "a blocked address that is none")
			return true
		}
		if order++; k.Node.Attr("order") == "" {
			k.Node.Attrs = append(k.Node.Attrs, Attr{Local: "order", Value: strconv.Itoa(order)})
		}
		return false
	})
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
