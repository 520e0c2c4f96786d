package pie

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"protokoll/schemas"
	"protokoll/xmpp/pubsub"
)

// Nodes and items of PEP: XEP-0227 §4.10. Nodes on a service belong to that service, not to the account: they are not moved.

const nsForms = "jabber:x:data"

// nodeReader gathers what stands apart in the document.
type nodeReader struct {
	items map[string]*nodeItems // by node
	bytes int                   // of payloads
	times map[string]int64      // by the key of the fact
}

type nodeItems struct {
	Place
	known map[string]bool // ids
	all   []*schemas.ItemPublished
}

// configured reads one element of the nodes' configuration.
func (p *userReader) configured(n *Node) {
	node := n.Attr("node")
	switch {
	case node == "" || len(node) > pubsub.MaxName:
		p.fault(n.Place, "a node without a usable name")
	case n.Is(pubsub.NSOwner, "configure"):
		p.configure(n, node)
	case n.Is(pubsub.NSOwner, "affiliations"):
		p.affiliations(n, node)
	case n.Is(pubsub.NSOwner, "subscriptions"):
		p.subscriptions(n, node)
	default:
		p.ignore(n)
	}
}

// node returns a node of the account. Configuration, affiliations and subscriptions come in any order.
func (p *userReader) node(name string) *schemas.NodeConfigured {
	for _, c := range p.Nodes {
		if c.GetNode() == name {
			return c
		}
	}
	return nil
}

func (p *userReader) configure(n *Node, node string) {
	form := within(n, nsForms, "x")
	switch {
	case p.node(node) != nil:
		p.fault(n.Place, "a node configured twice")
		return
	case len(p.Nodes) >= pubsub.MaxNodes:
		p.fault(n.Place, "more nodes than this server keeps for one account")
		return
	}
	c := pubsub.Defaults("")
	c.Node = node
	if form != nil {
		p.settings(form, c)
	}
	c.Affiliations = p.granted[node]
	p.Nodes = append(p.Nodes, c)
}

func (p *userReader) settings(form *Node, c *schemas.NodeConfigured) {
	for _, f := range form.Elements() {
		if !f.Is(nsForms, "field") {
			continue
		}
		s := pubsub.Setting{Name: f.Attr("var")}
		for _, v := range f.Elements() {
			if v.Is(nsForms, "value") {
				s.Values = append(s.Values, v.text())
			}
		}
		if !pubsub.Adopt(c, s) && s.Name == pubsub.FieldAccess {
			p.fault(f.Place, "a node for readers that this server does not know: it is for its owner only")
		}
	}
}

func (p *userReader) affiliations(n *Node, node string) {
	for _, a := range n.Elements() {
		who, role := bare(a.Attr("jid")), pubsub.RoleNamed(a.Attr("affiliation"))
		switch {
		case who == "" || role == 0 || len(p.granted[node]) >= pubsub.MaxAffiliations:
			p.fault(a.Place, "an affiliation that cannot be used, or one too many")
		case who == p.owner:
		case slices.ContainsFunc(p.granted[node], func(g *schemas.NodeAffiliation) bool { return g.GetPerson() == who }):
			p.fault(a.Place, "an affiliation twice")
		default:
			if p.granted == nil {
				p.granted = map[string][]*schemas.NodeAffiliation{}
			}
			p.granted[node] = append(p.granted[node], &schemas.NodeAffiliation{Person: who, Role: role})
		}
	}
	if c := p.node(node); c != nil {
		c.Affiliations = p.granted[node]
	}
}

func (p *userReader) subscriptions(n *Node, node string) {
	count := 0
	for _, s := range n.Elements() {
		who := canonical(s.Attr("jid"))
		twice := slices.ContainsFunc(p.Subscriptions, func(o *schemas.NodeSubscribed) bool { return o.GetNode() == node && o.GetSubscriber() == who })
		switch {
		case s.Attr("subscription") != "subscribed":
			p.ignore(s)
		case who == "" || twice || count >= pubsub.MaxSubscriptions:
			p.fault(s.Place, "a subscription that cannot be used, or one too many")
		default:
			count++
			p.Subscriptions = append(p.Subscriptions, &schemas.NodeSubscribed{Node: node, Subscriber: who})
		}
	}
}

// published reads the items of one node.
func (p *userReader) published(n *Node) {
	node := n.Attr("node")
	if !n.Is(pubsub.NS, "items") {
		p.ignore(n)
		return
	}
	if node == "" || len(node) > pubsub.MaxName {
		p.fault(n.Place, "a node without a usable name")
		return
	}
	if p.nodes.items == nil {
		p.nodes.items = map[string]*nodeItems{}
	}
	at := p.nodes.items[node]
	if at == nil {
		at = &nodeItems{Place: n.Place, known: map[string]bool{}}
		p.nodes.items[node] = at
	}
	for _, item := range n.Elements() {
		p.item(item, node, at)
	}
}

func (p *userReader) item(n *Node, node string, at *nodeItems) {
	id, inner := n.Attr("id"), n.Elements()
	switch {
	case !n.Is(pubsub.NS, "item"):
		p.ignore(n)
		return
	case id == "" || len(id) > pubsub.MaxName || at.known[id]:
		p.fault(n.Place, "an item without an id of its own")
		return
	case len(inner) > 1 || len(inner) == 1 && inner[0].Space == "":
		p.fault(n.Place, "an item that is not one element with a namespace")
		return
	}
	i := &schemas.ItemPublished{Node: node, ItemId: id}
	if publisher := bare(n.Attr("publisher")); publisher != p.owner {
		i.Publisher = publisher
	}
	if len(inner) == 1 {
		if i.Payload = p.payload(inner[0]); i.Payload == nil {
			return
		}
	}
	at.known[id] = true
	at.all = append(at.all, i)
}

// payload returns what is published, nil with a fault if it cannot be kept.
func (p *userReader) payload(n *Node) []byte {
	b := n.AppendTo(nil, "")
	switch {
	case len(b) > pubsub.MaxItemBytes || p.nodes.bytes+len(b) > pubsub.MaxAccountBytes:
		p.fault(n.Place, "an item that is longer than this server keeps, or more than it keeps for one account")
	case !p.framed(b, nsClient):
		p.fault(n.Place, "an element that this server could not send: names beyond ASCII, or nested too deeply")
	default:
		p.nodes.bytes += len(b)
		return b
	}
	return nil
}

// since reads when nodes, items and subscriptions came about, for which XEP-0227 has no place.
func (p *userReader) since(n *Node) {
	if p.nodes.times == nil {
		p.nodes.times = map[string]int64{}
	}
	for _, c := range n.Elements() {
		t, err := time.Parse(stampFormat, c.Attr("at"))
		if err != nil {
			p.fault(c.Place, "an element of this server's own that cannot be read")
			continue
		}
		p.nodes.times[c.Local+"\x00"+c.Attr("node")+"\x00"+c.Attr("id")] = t.UnixMilli()
	}
}

// gatherNodes brings nodes and items together. Items of a node of which is not said who may read it are left out: its readers
// could be more than the person allowed.
func (p *userReader) gatherNodes() {
	for _, c := range p.Nodes {
		c.Created = p.nodes.times["node\x00"+c.GetNode()+"\x00"]
		slices.SortFunc(c.Affiliations, func(a, b *schemas.NodeAffiliation) int { return cmp.Compare(a.GetPerson(), b.GetPerson()) })
		at := p.nodes.items[c.GetNode()]
		if at == nil {
			continue
		}
		delete(p.nodes.items, c.GetNode())
		if over := len(at.all) - pubsub.Room(c); over > 0 {
			p.fault(at.Place, fmt.Sprintf("a node with %d items more than it keeps; the first are left out", over))
			at.all = at.all[over:]
		}
		for number, i := range at.all {
			i.Number, i.Published = uint64(number)+1, p.nodes.times["item\x00"+i.GetNode()+"\x00"+i.GetItemId()]
			p.Items = append(p.Items, i)
		}
	}
	for _, at := range p.nodes.items {
		p.fault(at.Place, "items of a node without a configuration")
	}
	p.Subscriptions = slices.DeleteFunc(p.Subscriptions, func(s *schemas.NodeSubscribed) bool {
		s.Since = p.nodes.times["subscription\x00"+s.GetNode()+"\x00"+s.GetSubscriber()]
		return p.node(s.GetNode()) == nil
	})
}

func sortNodes(u *User) {
	slices.SortFunc(u.Nodes, func(a, b *schemas.NodeConfigured) int { return cmp.Compare(a.GetNode(), b.GetNode()) })
	slices.SortFunc(u.Items, func(a, b *schemas.ItemPublished) int {
		return cmp.Or(cmp.Compare(a.GetNode(), b.GetNode()), cmp.Compare(a.GetNumber(), b.GetNumber()), cmp.Compare(a.GetItemId(), b.GetItemId()))
	})
	slices.SortFunc(u.Subscriptions, func(a, b *schemas.NodeSubscribed) int {
		return cmp.Or(cmp.Compare(a.GetNode(), b.GetNode()), cmp.Compare(a.GetSubscriber(), b.GetSubscriber()))
	})
}

// appendNodes writes nodes, items and when they came about.
func appendNodes(b []byte, u *User) ([]byte, error) {
	if len(u.Nodes) == 0 {
		return b, nil
	}
	b = append(b, "\n<pubsub xmlns='"+pubsub.NSOwner+"'>"...)
	for _, c := range u.Nodes {
		b = appendConfiguration(b, u, c)
	}
	b = append(b, "</pubsub>\n<pubsub xmlns='"+pubsub.NS+"'>"...)
	for _, c := range u.Nodes {
		b = append(appendAttr(append(b, "\n<items"...), "node", c.GetNode()), '>')
		for _, i := range u.Items {
			if i.GetNode() != c.GetNode() {
				continue
			}
			var err error
			if b, err = appendItem(b, i); err != nil {
				return nil, err
			}
		}
		b = append(b, "</items>"...)
	}
	return appendSince(append(b, "</pubsub>"...), u), nil
}

func appendItem(b []byte, i *schemas.ItemPublished) ([]byte, error) {
	b = appendAttr(append(b, "\n<item"...), "id", i.GetItemId())
	if i.GetPublisher() != "" {
		b = appendAttr(b, "publisher", i.GetPublisher())
	}
	if len(i.GetPayload()) == 0 {
		return append(b, "/>"...), nil
	}
	n, err := parse(i.GetPayload())
	if err != nil {
		return nil, fmt.Errorf("write a published item: %w", err)
	}
	return append(n.AppendTo(append(b, '>'), pubsub.NS), "</item>"...), nil
}

func appendConfiguration(b []byte, u *User, c *schemas.NodeConfigured) []byte {
	b = append(appendAttr(append(b, "\n<configure"...), "node", c.GetNode()), "><x xmlns='"+nsForms+"' type='form'>"...)
	b = append(b, "<field var='FORM_TYPE' type='hidden'><value>"+pubsub.FormConfig+"</value></field>"...)
	for _, s := range pubsub.Settings(c) {
		b = append(appendAttr(append(b, "<field"...), "var", s.Name), '>')
		for _, v := range s.Values {
			b = append(appendText(append(b, "<value>"...), v), "</value>"...)
		}
		b = append(b, "</field>"...)
	}
	b = append(b, "</x></configure>"...)
	var inner []byte
	for _, a := range c.GetAffiliations() {
		inner = appendAttr(append(inner, "<affiliation"...), "jid", a.GetPerson())
		inner = append(appendAttr(inner, "affiliation", pubsub.RoleName(a.GetRole())), "/>"...)
	}
	b = appendOf(b, "affiliations", c.GetNode(), inner)
	inner = nil
	for _, s := range u.Subscriptions {
		if s.GetNode() == c.GetNode() {
			inner = append(appendAttr(append(inner, "<subscription"...), "jid", s.GetSubscriber()), " subscription='subscribed'/>"...)
		}
	}
	return appendOf(b, "subscriptions", c.GetNode(), inner)
}

// appendOf appends an element about a node, if there is anything in it.
func appendOf(b []byte, name, node string, inner []byte) []byte {
	if len(inner) == 0 {
		return b
	}
	b = append(appendAttr(append(append(b, "\n<"...), name...), "node", node), '>')
	return append(append(append(append(b, inner...), "</"...), name...), '>')
}

func appendSince(b []byte, u *User) []byte {
	var inner []byte
	since := func(name, node, id string, ms int64) {
		if ms == 0 {
			return
		}
		inner = appendAttr(append(append(inner, "\n<"...), name...), "node", node)
		if id != "" {
			inner = appendAttr(inner, "id", id)
		}
		inner = append(appendAttr(inner, "at", stamp(ms)), "/>"...)
	}
	for _, c := range u.Nodes {
		since("node", c.GetNode(), "", c.GetCreated())
	}
	for _, i := range u.Items {
		since("item", i.GetNode(), i.GetItemId(), i.GetPublished())
	}
	for _, s := range u.Subscriptions {
		since("subscription", s.GetNode(), s.GetSubscriber(), s.GetSince())
	}
	if len(inner) == 0 {
		return b
	}
	return append(append(append(b, "\n<published xmlns='"+NSOwn+"'>"...), inner...), "</published>"...)
}

// text is the text directly inside, as it is.
func (n *Node) text() string {
	var b strings.Builder
	for _, k := range n.Kids {
		b.WriteString(k.Text)
	}
	return b.String()
}
