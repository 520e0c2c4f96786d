package pubsub

import (
	"strconv"
	"time"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// What disco says about nodes: their metadata, and which there are. XEP-0060 §5.2, §5.4, §5.5

// NodeInfo implements features.NodeSource. XEP-0060 §5.3, §5.4
func (f face) NodeInfo(req *features.Request, node string) ([]byte, error) {
	a := &asked{f, req, &action{Node: node}, nil, bareOf(req.From)}
	var b []byte
	err := a.reading(func(o Owner, n *Node) error {
		if refusal := mayRead(o, n.Config, a.bare); refusal != nil {
			return hidden(o, f.host, a.bare, refusal)
		}
		b = appendInfo(nil, o, n)
		return nil
	})
	if err != nil {
		return nil, telling(err)
	}
	return b, nil
}

func appendInfo(b []byte, o Owner, n *Node) []byte {
	c := n.Config
	b = appendAttr(append(b, "<identity category='pubsub' type='leaf'"...), "name", c.GetTitle())
	b = append(b, "/><feature var='"+NS+"'/>"...)
	b = append(b, "<x xmlns='"+nsForms+"' type='result'><field var='FORM_TYPE' type='hidden'><value>"+FormMeta+"</value></field>"...)
	for _, name := range []string{"type", "title", "description", "access_model", "publish_model", "max_items"} {
		if v := optionNamed("pubsub#" + name).get(c); len(v) > 0 {
			b = appendMeta(b, name, v[0])
		}
	}
	b = appendMeta(b, "creation_date", time.UnixMilli(c.GetCreated()).UTC().Format(time.RFC3339))
	b = appendMeta(b, "creator", o.Bare())
	b = appendMeta(b, "num_subscribers", strconv.Itoa(len(n.subscribers)))
	return append(b, "</x>"...)
}

func appendMeta(b []byte, name, value string) []byte {
	b = append(appendAttr(append(b, "<field"...), "var", "pubsub#"+name), "><value>"...)
	return append(frame.AppendEscaped(b, value), "</value></field>"...)
}

// NodeItems implements features.NodeSource: the nodes that the asker may read, or the items of one. XEP-0060 §5.2, §5.5
func (f face) NodeItems(req *features.Request, node string) ([]byte, error) {
	a := &asked{f, req, &action{Node: node}, nil, bareOf(req.From)}
	b := []byte{}
	jid := f.host
	if jid == "" {
		jid = bareOf(req.To)
	}
	if node == "" {
		err := f.each(req, func(o Owner, r Ref, n *Node) {
			if mayRead(o, n.Config, a.bare) == nil {
				b = appendAttr(appendAttr(append(b, "<item"...), "jid", jid), "node", r.Name)
				b = append(appendTitle(b, n.Config), "/>"...)
			}
		})
		return b, err
	}
	err := a.reading(func(o Owner, n *Node) error {
		if refusal := mayRead(o, n.Config, a.bare); refusal != nil {
			return hidden(o, f.host, a.bare, refusal)
		}
		for _, e := range n.items {
			b = append(appendAttr(appendAttr(append(b, "<item"...), "jid", jid), "name", e.id), "/>"...)
		}
		return nil
	})
	if err != nil {
		return nil, telling(err)
	}
	return b, nil
}

func appendTitle(b []byte, c *schemas.NodeConfigured) []byte {
	if c.GetTitle() == "" {
		return b
	}
	return appendAttr(b, "name", c.GetTitle())
}
