package pubsub

import (
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// publish answers a publication. XEP-0060 §7.1, XEP-0163 §3
func publish(a *asked) (features.Reply, error) {
	items, err := a.publications()
	if err != nil {
		return features.Reply{}, err
	}
	conditions, err := a.body.options()
	if err != nil {
		return features.Reply{}, err
	}
	owner, err := a.owner()
	if err != nil {
		return features.Reply{}, err
	}
	var ids []string
	reply, err := a.change(owner, a.cause(owner), func(d *Draft) error {
		if err := a.prepare(d, conditions); err != nil {
			return err
		}
		published, err := a.publishAll(d, items)
		if err != nil {
			return err
		}
		for _, i := range published {
			ids = append(ids, i.GetItemId())
		}
		return a.follow(d, Change{Ref: a.ref(), Published: published})
	})
	a.forget(err)
	reply.Payload = publishedAnswer(a.Node, ids)
	return reply, err
}

// publications checks the items of a request. XEP-0060 §7.1.3
func (a *asked) publications() ([]Publication, error) {
	switch {
	case a.Node == "":
		return nil, nodeRequired()
	case len(a.Items) == 0:
		return nil, itemRequired()
	case len(a.Items) > MaxPublished:
		return nil, tooManyItems()
	}
	var all []Publication
	seen := map[string]bool{}
	for i := range a.Items {
		element, err := a.Items[i].element()
		if err != nil {
			return nil, err
		}
		id := a.Items[i].ID
		if id != "" && seen[id] {
			return nil, features.BadRequest("an id comes twice")
		}
		seen[id] = true
		all = append(all, Publication{Ref: a.ref(), ID: id, Payload: element, Publisher: a.bare})
	}
	return all, nil
}

// prepare finds the node or makes it, and checks what the publisher takes for granted. XEP-0060 §7.1.4, §7.1.5
func (a *asked) prepare(d *Draft, conditions *form) error {
	n := d.Node(a.ref())
	if n == nil {
		return a.create(d, conditions)
	}
	switch {
	case !mayPublish(d, n, a.bare):
		return hidden(d, a.host, a.bare, features.Forbidden()) // XEP-0060 §7.1.3.1
	case conditions != nil && !meets(n.Config, conditions):
		return preconditionNotMet()
	}
	return nil
}

// create makes a node that is published to. XEP-0060 §7.1.4
func (a *asked) create(d *Draft, conditions *form) error {
	if a.bare != d.Bare() || a.host != "" {
		return features.ItemNotFound() // XEP-0060 §7.1.3.3
	}
	c := Defaults(a.host)
	if conditions != nil {
		if !known(conditions) {
			return preconditionNotMet()
		}
		wanted, err := apply(c, conditions)
		if err != nil {
			return err
		}
		c = wanted
	}
	return d.Create(a.ref(), c)
}

func (a *asked) publishAll(d *Draft, items []Publication) (all []*schemas.ItemPublished, err error) {
	n := d.Node(a.ref())
	if len(items) > 1 && len(items) > Room(n.Config) && !n.Config.GetVolatile() {
		return nil, tooManyItems() // XEP-0060 §12.8
	}
	for _, p := range items {
		if p.Payload == nil && !n.Config.GetVolatile() && !n.Config.GetWithoutPayload() {
			return nil, payloadRequired() // XEP-0060 §7.1.3.6
		}
		i, err := d.Publish(p)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

// publishedAnswer tells the ids, those that were made included. XEP-0060 §7.1.2
func publishedAnswer(node string, ids []string) []byte {
	b := append(appendAttr([]byte("<pubsub xmlns='"+NS+"'><publish"), "node", node), '>')
	for _, id := range ids {
		b = append(appendAttr(append(b, "<item"...), "id", id), "/>"...)
	}
	return append(b, "</publish></pubsub>"...)
}

// retract answers the removal of items. XEP-0060 §7.2
func retract(a *asked) (features.Reply, error) {
	if len(a.Items) == 0 {
		return features.Reply{}, itemRequired() // XEP-0060 §7.2.3.4
	}
	if len(a.Items) > MaxAsked {
		return features.Reply{}, tooManyItems()
	}
	return a.onNode(a.mayRetract, func(d *Draft, r Ref, n *Node) error {
		var gone []string
		for _, i := range a.Items {
			if i.ID == "" {
				return itemRequired()
			}
			if !d.Retract(r, i.ID, flagged(a.Notify)) {
				return features.ItemNotFound() // XEP-0060 §7.2.3.3
			}
			gone = append(gone, i.ID)
		}
		return a.follow(d, Change{Ref: r, Retracted: gone})
	})
}

// mayRetract lets owners and publishers take items out: publishers their own. XEP-0060 §7.2.3.1
func (a *asked) mayRetract(d *Draft, n *Node) error {
	if roleOf(d, n.Config, a.bare) == schemas.NodeRole_NODE_OWNER {
		return nil
	}
	if !mayPublish(d, n, a.bare) {
		return hidden(d, a.host, a.bare, features.Forbidden())
	}
	for _, i := range a.Items {
		item, err := d.Item(a.ref(), i.ID)
		if err != nil {
			return err
		}
		if item != nil && item.GetPublisher() != a.bare {
			return features.Forbidden()
		}
	}
	return nil
}

// items answers with items: those named, the newest, or a page. XEP-0060 §6.5
func items(a *asked) (features.Reply, error) {
	limit, err := a.limit()
	if err != nil {
		return features.Reply{}, err
	}
	if len(a.Items) > MaxAsked {
		return features.Reply{}, tooManyItems()
	}
	var b []byte
	var derived Derived
	err = a.readingOr(func(o Owner) { derived = a.deriving(o) }, func(o Owner, n *Node) error {
		if refusal := mayRead(o, n.Config, a.bare); refusal != nil {
			return hidden(o, a.host, a.bare, refusal)
		}
		b, err = a.answerItems(o, n, limit)
		return err
	})
	if derived != nil {
		return a.later(derived, limit), nil
	}
	return features.Reply{Payload: b}, err
}

func (a *asked) answerItems(o features.Facts, n *Node, limit int) ([]byte, error) {
	ids := a.wanted(n)
	p, err := a.body.Page.cut(ids)
	if err != nil {
		return nil, err
	}
	if limit > 0 && a.body.Page == nil {
		p.from = max(0, p.to-limit) // XEP-0060 §6.5.7
	}
	b := append(appendAttr([]byte("<pubsub xmlns='"+NS+"'><items"), "node", a.Node), '>')
	size := 0
	newest := a.body.Page == nil || a.body.Page.Before != nil
	parts := make([][]byte, 0, p.to-p.from)
	for k := range p.to - p.from {
		at := p.from + k
		if newest {
			at = p.to - 1 - k
		}
		item, err := itemOf(o, a.ref(), ids[at])
		if err != nil {
			return nil, err
		}
		part := appendItem(nil, item)
		if size += len(part); size > MaxAnswerBytes && k > 0 {
			p.shorten(at, newest)
			break
		}
		parts = append(parts, part)
	}
	b = join(b, parts, newest)
	b = append(b, "</items>"...)
	if a.body.Page != nil || p.to-p.from < p.total && len(a.Items) == 0 && limit == 0 {
		b = p.append(b, ids) // XEP-0060 §6.5.4
	}
	return append(b, "</pubsub>"...), nil
}

// shorten leaves out the item at a place of the list and what would follow it.
func (p *page) shorten(at int, newest bool) {
	if newest {
		p.from = at + 1
	} else {
		p.to = at
	}
}

// join appends parts in the order of the list.
func join(dst []byte, parts [][]byte, backwards bool) []byte {
	for k := range parts {
		if backwards {
			k = len(parts) - 1 - k
		}
		dst = append(dst, parts[k]...)
	}
	return dst
}

// wanted lists the ids of a node that are asked for; of those named, the ones that are there. XEP-0060 §6.5.8
func (a *asked) wanted(n *Node) (ids []string) {
	if len(a.Items) == 0 {
		for _, e := range n.items {
			ids = append(ids, e.id)
		}
		return ids
	}
	seen := map[string]bool{}
	for _, i := range a.Items {
		if !seen[i.ID] && n.find(i.ID) >= 0 {
			seen[i.ID] = true
			ids = append(ids, i.ID)
		}
	}
	return ids
}

func appendItem(dst []byte, i *schemas.ItemPublished) []byte {
	dst = appendAttr(append(dst, "<item"...), "id", i.GetItemId())
	if i.GetPublisher() != "" {
		dst = append(frame.AppendEscaped(append(dst, " publisher='"...), i.GetPublisher()), '\'')
	}
	if len(i.GetPayload()) == 0 {
		return append(dst, "/>"...)
	}
	return append(append(append(dst, '>'), i.GetPayload()...), "</item>"...)
}
