package portability

import (
	"bytes"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/portability/pie"
	"protokoll/schemas"
	"protokoll/xmpp/pubsub"
)

// nodes is what a merge must know of the account's nodes: items have an order and a limit, and their node says who may read.
type nodes struct {
	held  map[string]*held // by node; nil: not looked at yet
	bytes int              // of all payloads
	// apart are nodes that stay as they are here although the import lets others read them: it adds nothing to them.
	apart map[string]bool
}

type held struct {
	count  int
	number uint64 // of the newest item
}

func (n *nodes) at(node string) *held {
	if n.held[node] == nil {
		n.held[node] = &held{}
	}
	return n.held[node]
}

// look counts what is here.
func (m *merge) look() error {
	if m.nodes.held != nil {
		return nil
	}
	m.nodes.held, m.nodes.apart = map[string]*held{}, map[string]bool{}
	known, err := m.family(schemas.Family_PEP_FACTS)
	if err != nil {
		return err
	}
	for _, v := range known {
		i, ok := v.(*schemas.ItemPublished)
		if !ok {
			continue
		}
		m.nodes.bytes += len(i.GetPayload())
		if i.GetService() == "" {
			at := m.nodes.at(i.GetNode())
			at.count, at.number = at.count+1, max(at.number, i.GetNumber())
		}
	}
	return nil
}

// nodeFate decides about what has to do with nodes, after what holds for every fact.
func (m *merge) nodeFate(fate Fate, before, v proto.Message) (Fate, error) {
	if err := m.look(); err != nil {
		return fate, err
	}
	switch v := v.(type) {
	case *schemas.NodeConfigured:
		if b, ok := before.(*schemas.NodeConfigured); ok && fate == Kept && readers(b) != readers(v) {
			m.nodes.apart[v.GetNode()] = true
		}
		return fate, nil
	case *schemas.ItemPublished:
		return m.itemFate(fate, before, v)
	case *schemas.NodeSubscribed:
		config, err := m.node(v.GetNode())
		if fate == Added && config == nil {
			return Beyond, err
		}
		return fate, err
	}
	return fate, nil
}

func (m *merge) itemFate(fate Fate, before proto.Message, v *schemas.ItemPublished) (Fate, error) {
	if fate != Added && fate != Replaced {
		return fate, nil
	}
	config, err := m.node(v.GetNode())
	b, _ := before.(*schemas.ItemPublished)
	switch {
	case err != nil:
		return fate, err
	case config == nil || len(v.GetPayload()) > pubsub.MaxItemBytes ||
		m.nodes.bytes+len(v.GetPayload())-len(b.GetPayload()) > pubsub.MaxAccountBytes:
		return Beyond, nil
	case m.nodes.apart[v.GetNode()]:
		return Kept, nil
	case fate == Added && m.nodes.at(v.GetNode()).count >= pubsub.Room(config):
		return Kept, nil // what is there would have to go
	}
	return fate, nil
}

// node returns the configuration that a node has, or will have.
func (m *merge) node(name string) (*schemas.NodeConfigured, error) {
	known, err := m.family(schemas.Family_NODE_FACTS)
	c, _ := known[pubsub.Key(&schemas.NodeConfigured{Node: name})].(*schemas.NodeConfigured)
	return c, err
}

// readers tells apart who may read nodes.
func readers(c *schemas.NodeConfigured) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&schemas.NodeConfigured{Access: c.GetAccess(), Groups: c.GetGroups(), Affiliations: c.GetAffiliations()})
	if err != nil {
		return ""
	}
	return string(b)
}

// took gives a fact that is taken over its place among the others, and a time if it has none.
func (n *nodes) took(before, v proto.Message, now time.Time) {
	switch v := v.(type) {
	case *schemas.NodeConfigured:
		v.Created = orNow(v.GetCreated(), now)
	case *schemas.NodeSubscribed:
		v.Since = orNow(v.GetSince(), now)
	case *schemas.ItemPublished:
		v.Published = orNow(v.GetPublished(), now)
		n.bytes += len(v.GetPayload())
		if b, ok := before.(*schemas.ItemPublished); ok {
			n.bytes -= len(b.GetPayload())
			v.Number = b.GetNumber()
			return
		}
		at := n.at(v.GetNode())
		at.count, at.number = at.count+1, at.number+1
		v.Number = at.number
	}
}

func orNow(ms int64, now time.Time) int64 {
	if ms == 0 {
		return now.UnixMilli()
	}
	return ms
}

// sameNodeFact compares what was published, not when, unless the import tells; the order of items is decided here.
func sameNodeFact(before, after proto.Message) bool {
	before, after = proto.Clone(before), proto.Clone(after)
	switch a := after.(type) {
	case *schemas.NodeConfigured:
		if b, ok := before.(*schemas.NodeConfigured); ok && a.GetCreated() == 0 {
			b.Created = 0
		}
	case *schemas.NodeSubscribed:
		if b, ok := before.(*schemas.NodeSubscribed); ok && a.GetSince() == 0 {
			b.Since = 0
		}
	case *schemas.ItemPublished:
		b, ok := before.(*schemas.ItemPublished)
		if !ok || !bytes.Equal(pie.Canonical(a.GetPayload()), pie.Canonical(b.GetPayload())) {
			return false
		}
		a.Number, a.Payload, b.Number, b.Payload = 0, nil, 0, nil
		if a.GetPublished() == 0 {
			b.Published = 0
		}
	}
	return proto.Equal(before, after)
}
