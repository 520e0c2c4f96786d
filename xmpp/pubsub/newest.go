package pubsub

import (
	"slices"
	"strings"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Newest is the newest item of a node at an owner's own address that goes to whoever comes online and asks for the node. It is
// small: there is one for each such node of every owner that was looked at since the start. XEP-0060 §16.4.4
type Newest struct {
	Node string
	id   string
	// plain is set where the owner's presence decides who may read, and the notification is as usual: then the configuration need
	// not be read again.
	plain bool
}

// Newest lists them in order.
func (c *Catalogue) Newest() (all []Newest) {
	for r, n := range c.nodes {
		if r.Host != "" || n.Config.GetLastItem() != schemas.NodeLastItem_LAST_ITEM_ON_PRESENCE || n.Config.GetSilent() {
			continue
		}
		if id, ok := n.newest(); ok {
			all = append(all, Newest{r.Name, id, plain(n.Config)})
		}
	}
	slices.SortFunc(all, func(a, b Newest) int { return strings.Compare(a.Node, b.Node) })
	return all
}

func plain(c *schemas.NodeConfigured) bool {
	return (c.GetAccess() == schemas.NodeAccess_ACCESS_OPEN || c.GetAccess() == schemas.NodeAccess_ACCESS_PRESENCE) &&
		len(c.GetAffiliations()) == 0 && c.GetMessageType() == "" && !c.GetWithoutPayload()
}

// Entity is the natural key of the item.
func (n Newest) Entity() string { return Ref{"", n.Node}.item(n.id) }

// Event returns the notification for somebody who came online; nil if they may not read the node.
func (n Newest) Event(o Owner, bare string) (*features.Notice, error) {
	config := &schemas.NodeConfigured{Node: n.Node}
	if !n.plain {
		c, err := o.Nodes()
		if err != nil {
			return nil, err
		}
		node := c.Node(Ref{"", n.Node})
		if node == nil || mayRead(o, node.Config, bare) != nil {
			return nil, nil
		}
		config = node.Config
	} else if !o.Shows(bare) {
		return nil, nil
	}
	i, err := itemOf(o, Ref{"", n.Node}, n.id)
	if err != nil || i == nil {
		return nil, err
	}
	return &features.Notice{Owner: o.Bare(), From: o.Bare(), Node: n.Node, Type: messageType(config), Payload: LastItem(config, i)}, nil
}
