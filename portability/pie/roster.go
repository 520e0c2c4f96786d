package pie

import (
	"slices"

	"protokoll/schemas"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/roster"
)

var subscriptions = map[string]schemas.Subscription{
	"": schemas.Subscription_NONE, "none": schemas.Subscription_NONE, "to": schemas.Subscription_TO,
	"from": schemas.Subscription_FROM, "both": schemas.Subscription_BOTH,
}

// rosterItem reads an item as clients see it. RFC 6121 §2.1.2
func (p *userReader) rosterItem(n *Node) {
	if !n.Is(nsRoster, "item") {
		p.ignore(n)
		return
	}
	if n.Attr("subscription") == "remove" {
		return // a contact that is being removed is none
	}
	item := &schemas.RosterItem{Contact: bare(n.Attr("jid")), Name: n.Attr("name"), Listed: true}
	var known bool
	item.Subscription, known = subscriptions[n.Attr("subscription")]
	item.Groups = groups(n)
	switch {
	case item.Contact == "":
		p.fault(n.Place, "a contact without a usable address")
	case !known:
		p.fault(n.Place, "a contact with an unknown subscription")
	case len(item.Name) > roster.MaxNameBytes, len(item.Groups) > roster.MaxGroups, slices.ContainsFunc(item.Groups, tooLong):
		p.fault(n.Place, "a contact whose name or groups are longer than this server keeps")
	case slices.ContainsFunc(p.Roster, func(other *schemas.RosterItem) bool { return other.GetContact() == item.Contact }):
		p.fault(n.Place, "a contact twice")
	default:
		live := roster.FromFact(item)
		item.Ask = n.Attr("ask") == "subscribe" && !live.SubscribedTo()
		item.Approved = isTrue(n.Attr("approved")) && !live.SubscribedFrom()
		p.Roster = append(p.Roster, item)
	}
}

func tooLong(group string) bool { return len(group) > roster.MaxGroupBytes }

func isTrue(s string) bool { return s == "true" || s == "1" }

// groups are a set; other servers keep empty ones too.
func groups(n *Node) (all []string) {
	for _, c := range n.Elements() {
		if name := text(c); c.Is(nsRoster, "group") && name != "" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// text is the text directly inside an element as it is.
func text(n *Node) (all string) {
	for _, k := range n.Kids {
		all += k.Text
	}
	return all
}

// request reads somebody's request to see the owner's presence. XEP-0227 §4.8
func (p *userReader) request(n *Node) {
	if t := n.Attr("type"); t != "subscribe" {
		p.ignore(n)
		return
	}
	contact := bare(n.Attr("from"))
	if contact == "" || p.owner == "" {
		p.fault(n.Place, "a request without a usable address")
		return
	}
	tag := frame.Tag{Name: "presence", From: contact, To: p.owner, ID: n.Attr("id"), Type: "subscribe", Lang: n.attr(nsXML, "lang")}
	stanza := tag.AppendTo(nil, appendInner(nil, n, never))
	if len(stanza) > roster.MaxRequestBytes || !p.framed(stanza, nsClient) {
		p.fault(n.Place, "a request that this server could not keep")
		return
	}
	if p.requests == nil {
		p.requests = map[string]*schemas.RosterItem{}
	}
	p.requests[contact] = &schemas.RosterItem{Contact: contact, Request: stanza}
}

// addRequest puts a request into the item of its contact. One that was granted is over.
func (p *userReader) addRequest(request *schemas.RosterItem) {
	i := slices.IndexFunc(p.Roster, func(item *schemas.RosterItem) bool { return item.GetContact() == request.GetContact() })
	switch {
	case i < 0:
		p.Roster = append(p.Roster, request)
	case !roster.FromFact(p.Roster[i]).SubscribedFrom() && !p.Roster[i].GetApproved():
		p.Roster[i].Request = request.GetRequest()
	}
}
