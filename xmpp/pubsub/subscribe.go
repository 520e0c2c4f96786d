package pubsub

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"mellium.im/xmpp/jid"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// address checks the address that somebody subscribes: the own one, with a resource or without. XEP-0060 §6.1.1, §6.2.1
func (a *asked) address() (string, error) {
	j, err := jid.Parse(a.JID)
	if err != nil || a.JID == "" {
		return "", invalidJID()
	}
	if j.Bare().String() != a.bare {
		return "", invalidJID() // XEP-0060 §6.1.3.1
	}
	return j.String(), nil
}

// subscribe answers who wants to be told of a node. XEP-0060 §6.1
func subscribe(a *asked) (features.Reply, error) {
	address, err := a.address()
	if err != nil {
		return features.Reply{}, err
	}
	may := func(d *Draft, n *Node) error {
		return hidden(d, a.host, a.bare, mayRead(d, n.Config, a.bare))
	}
	reply, err := a.onNode(may, func(d *Draft, r Ref, n *Node) error {
		if err := d.Subscribe(r, address); err != nil {
			return err
		}
		return d.welcome(r, address)
	})
	b := append([]byte("<pubsub xmlns='"+NS+"'>"), subscription(a.Node, address)...)
	reply.Payload = append(b, "</pubsub>"...)
	return reply, err
}

// welcome sends the newest item to a new subscriber. XEP-0060 §6.1.7
func (d *Draft) welcome(r Ref, address string) error {
	n := d.Node(r)
	if n.Config.GetLastItem() < schemas.NodeLastItem_LAST_ITEM_ON_SUBSCRIPTION || n.Config.GetSilent() {
		return nil
	}
	i, err := d.Newest(r)
	if err != nil || i == nil {
		return err
	}
	from := r.Host
	if from == "" {
		from = d.Bare()
	}
	d.Notices = append(d.Notices, &features.Notice{Owner: d.Bare(), From: from, Node: r.Name, Type: messageType(n.Config),
		Payload: LastItem(n.Config, i), Subscribers: []string{address}})
	return nil
}

func subscription(node, address string) []byte {
	b := appendAttr([]byte("<subscription"), "node", node)
	return append(appendAttr(b, "jid", address), " subscription='subscribed'/>"...)
}

// unsubscribe answers who no longer wants to be told. XEP-0060 §6.2
func unsubscribe(a *asked) (features.Reply, error) {
	address, err := a.address()
	if err != nil {
		return features.Reply{}, err
	}
	may := func(d *Draft, n *Node) error {
		if !n.subscribed(a.bare) {
			return hidden(d, a.host, a.bare, notSubscribed())
		}
		return nil
	}
	return a.onNode(may, func(d *Draft, r Ref, n *Node) error {
		if !d.Unsubscribe(r, address) {
			return notSubscribed()
		}
		return nil
	})
}

// subscriptions lists the asker's subscriptions, at one node or at all. XEP-0060 §5.6
func subscriptions(a *asked) (features.Reply, error) {
	return a.listOwn("subscriptions", func(o Owner, r Ref, n *Node) (b []byte) {
		for _, s := range n.subscribers {
			if bareOf(s) == a.bare {
				b = append(b, subscription(r.Name, s)...)
			}
		}
		return b
	})
}

// affiliations lists what the asker is to nodes. XEP-0060 §5.7
func affiliations(a *asked) (features.Reply, error) {
	return a.listOwn("affiliations", func(o Owner, r Ref, n *Node) []byte {
		role := roleWord(roleOf(o, n.Config, a.bare))
		if role == "none" {
			return nil
		}
		b := appendAttr([]byte("<affiliation"), "node", r.Name)
		return append(appendAttr(b, "affiliation", role), "/>"...)
	})
}

// listOwn answers with what there is about the asker at the nodes of this face, or at the one that is named.
func (a *asked) listOwn(name string, of func(o Owner, r Ref, n *Node) []byte) (features.Reply, error) {
	b := []byte("<pubsub xmlns='" + NS + "'><" + name)
	if a.Node != "" {
		b = appendAttr(b, "node", a.Node)
	}
	b = append(b, '>')
	known, empty := a.host != "", len(b)
	err := a.eachNode(func(o Owner, r Ref, n *Node) {
		known = known || o.Shows(a.bare)
		if a.Node == "" || a.Node == r.Name {
			b = append(b, of(o, r, n)...)
		}
	})
	if err == nil && !known && len(b) == empty && a.bare != bareOf(a.To) {
		return features.Reply{}, features.ItemNotFound() // as for who does not exist. RFC 6121 §8.5.1
	}
	b = append(append(append(b, "</"...), name...), "></pubsub>"...)
	return features.Reply{Payload: b}, err
}

// eachNode calls fn with the nodes that there are at this face, in order.
func (a *asked) eachNode(fn func(o Owner, r Ref, n *Node)) error {
	return a.face.each(a.Request, fn)
}

func (f face) each(req *features.Request, fn func(o Owner, r Ref, n *Node)) error {
	if f.host == "" {
		return f.eachOf(bareOf(req.To), fn)
	}
	var owners []string
	for _, owner := range f.hosted.at(f.host) {
		owners = append(owners, owner)
	}
	slices.Sort(owners)
	for _, owner := range slices.Compact(owners) {
		if err := f.eachOf(owner, fn); err != nil && !errors.Is(err, ErrNoOwner) {
			return err
		}
	}
	return nil
}

func (f face) eachOf(owner string, fn func(o Owner, r Ref, n *Node)) error {
	return f.owners.Read(owner, func(o Owner) error {
		c, err := o.Nodes()
		if err != nil {
			return err
		}
		for _, r := range c.Refs(f.host) {
			fn(o, r, c.Node(r))
		}
		return nil
	})
}

// roles are the words of affiliations. XEP-0060 §4.1
var roles = map[string]schemas.NodeRole{
	"owner": schemas.NodeRole_NODE_OWNER, "publisher": schemas.NodeRole_NODE_PUBLISHER,
	"publish-only": schemas.NodeRole_NODE_PUBLISH_ONLY, "member": schemas.NodeRole_NODE_MEMBER,
	"outcast": schemas.NodeRole_NODE_OUTCAST, "none": schemas.NodeRole_NODE_ROLE_UNSPECIFIED,
}

func roleWord(r schemas.NodeRole) string {
	for _, word := range slices.SortedFunc(maps.Keys(roles), strings.Compare) {
		if roles[word] == r {
			return word
		}
	}
	return "none"
}
