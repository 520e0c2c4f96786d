package adhoc

import (
	"protokoll/xmpp/features"
	"protokoll/xmpp/form"
	"protokoll/xmpp/frame"
)

// NodeInfo implements features.NodeSource. XEP-0050 §2.2, §2.3
func (c *Commands) NodeInfo(req *features.Request, node string) ([]byte, error) {
	if node == NS {
		return []byte("<identity category='automation' type='command-list'/><feature var='" + NS + "'/>"), nil
	}
	command, err := c.seen(node, req)
	if err != nil {
		return nil, err
	}
	b := attribute([]byte("<identity category='automation' type='command-node'"), "name", command.Name.In(req.Lang))
	return append(b, "/><feature var='"+NS+"'/><feature var='"+form.NS+"'/>"...), nil
}

// NodeItems implements features.NodeSource: the commands that the asker may use. XEP-0050 §2.4
func (c *Commands) NodeItems(req *features.Request, node string) (inner []byte, err error) {
	switch node {
	case "":
		return nil, nil
	case NS:
	default:
		_, err := c.seen(node, req)
		return nil, err
	}
	who := callerOf(req)
	for i := range c.list {
		if one := &c.list[i]; one.Allowed == nil || one.Allowed(who) {
			inner = attribute(append(inner, "<item"...), "jid", req.To)
			inner = attribute(inner, "node", one.Node)
			inner = append(attribute(inner, "name", one.Name.In(req.Lang)), "/>"...)
		}
	}
	return inner, nil
}

// seen returns a command that the asker may know of.
func (c *Commands) seen(node string, req *features.Request) (*Command, error) {
	command, err := c.find(node, callerOf(req))
	if err != nil {
		return nil, features.ItemNotFound() // XEP-0030 §7
	}
	return command, nil
}

// formIn returns the form inside a <command/>, nil if there is none. Two forms are refused.
func formIn(command []byte) ([]byte, error) {
	f, err := frame.Parse(command, frame.NSClient, frame.AfterLogin())
	if err != nil {
		return nil, malformed("bad-payload")
	}
	var found []byte
	for i := range f.Children {
		switch c := &f.Children[i]; {
		case string(c.Space) != form.NS || string(c.Local) != "x":
		case found != nil:
			return nil, malformed("bad-payload")
		default:
			found = c.Raw
		}
	}
	return found, nil
}
