package pubsub

import (
	"cmp"
	"slices"
	"strings"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Ref names a node of an owner.
type Ref struct {
	Host string // of a service; empty: the owner's own address
	Name string
}

// Catalogue is what is known of the nodes of one owner without their payloads. It is not safe for many goroutines: the owner's
// lock guards it.
type Catalogue struct {
	nodes map[Ref]*Node
	bytes int // of all payloads
}

// Node is one node of a catalogue.
type Node struct {
	Config      *schemas.NodeConfigured // not to be changed
	items       []entry                 // the oldest first
	subscribers []string                // in order
	bytes       int
}

// entry is an item without its payload.
type entry struct {
	id     string
	number uint64
	size   int
}

func entryOf(i *schemas.ItemPublished) entry {
	return entry{i.GetItemId(), i.GetNumber(), len(i.GetPayload())}
}

// Natural keys of facts. NUL cannot stand in XML, so they are unambiguous.
const nul = "\x00"

func (r Ref) entity() string               { return r.Host + nul + r.Name }
func (r Ref) hosted() string               { return "hosted" + nul + r.entity() }
func (r Ref) item(id string) string        { return "item" + nul + r.entity() + nul + id }
func (r Ref) subscription(a string) string { return "subscription" + nul + r.entity() + nul + a }

// Load makes the catalogue of an owner.
func Load(f features.Facts) (*Catalogue, error) {
	c := &Catalogue{nodes: map[Ref]*Node{}}
	for _, family := range []schemas.Family{schemas.Family_NODE_FACTS, schemas.Family_PEP_FACTS} {
		all, err := f.All(family)
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			if i, ok := m.(*schemas.ItemPublished); ok { // each is there once
				n := c.at(i.GetService(), i.GetNode())
				n.items = append(n.items, entryOf(i))
				n.bytes, c.bytes = n.bytes+len(i.GetPayload()), c.bytes+len(i.GetPayload())
				continue
			}
			c.set(m)
		}
	}
	for _, n := range c.nodes {
		slices.SortFunc(n.items, func(a, b entry) int { return cmp.Compare(a.number, b.number) })
	}
	return c, nil
}

// Apply folds a fact. It returns false for one that cannot be folded: then the catalogue must be loaded anew.
func (c *Catalogue) Apply(f eventlog.Fact) bool {
	switch {
	case f.Family != schemas.Family_NODE_FACTS && f.Family != schemas.Family_PEP_FACTS:
		return true
	case f.Op == schemas.Op_SET:
		c.set(f.Value)
		return true
	case f.Op == schemas.Op_END && f.Entity != "":
		return c.end(f.Family, strings.Split(f.Entity, nul))
	}
	return false
}

// at returns a node, and makes a place for one whose configuration comes later.
func (c *Catalogue) at(host, name string) *Node {
	r := Ref{host, name}
	n := c.nodes[r]
	if n == nil {
		n = &Node{}
		c.nodes[r] = n
	}
	return n
}

func (c *Catalogue) set(value any) {
	switch m := value.(type) {
	case *schemas.NodeConfigured:
		c.at(m.GetService(), m.GetNode()).Config = m
	case *schemas.ItemPublished:
		n := c.at(m.GetService(), m.GetNode())
		c.bytes += n.put(entryOf(m))
	case *schemas.NodeSubscribed:
		c.at(m.GetService(), m.GetNode()).subscribe(m.GetSubscriber())
	}
}

// end folds the end of the entity with these parts.
func (c *Catalogue) end(family schemas.Family, parts []string) bool {
	switch {
	case family == schemas.Family_NODE_FACTS && len(parts) == 2:
		c.at(parts[0], parts[1]).Config = nil
		c.tidy(Ref{parts[0], parts[1]})
	case family == schemas.Family_NODE_FACTS && len(parts) == 3 && parts[0] == "hosted":
	case len(parts) == 4 && parts[0] == "item":
		c.bytes -= c.at(parts[1], parts[2]).drop(parts[3])
		c.tidy(Ref{parts[1], parts[2]})
	case len(parts) == 4 && parts[0] == "subscription":
		c.at(parts[1], parts[2]).unsubscribe(parts[3])
		c.tidy(Ref{parts[1], parts[2]})
	default:
		return false
	}
	return true
}

// tidy forgets a node of which nothing is left.
func (c *Catalogue) tidy(r Ref) {
	if n := c.nodes[r]; n.Config == nil && len(n.items) == 0 && len(n.subscribers) == 0 {
		delete(c.nodes, r)
	}
}

// Node returns a node, nil if there is none.
func (c *Catalogue) Node(r Ref) *Node {
	if n := c.nodes[r]; n != nil && n.Config != nil {
		return n
	}
	return nil
}

// Refs lists the nodes at a host in order.
func (c *Catalogue) Refs(host string) (refs []Ref) {
	for r, n := range c.nodes {
		if r.Host == host && n.Config != nil {
			refs = append(refs, r)
		}
	}
	slices.SortFunc(refs, func(a, b Ref) int { return strings.Compare(a.Name, b.Name) })
	return refs
}

// put adds an item behind the others, or replaces it, and returns how many bytes more there are.
func (n *Node) put(e entry) int {
	before := n.drop(e.id)
	at := len(n.items)
	for at > 0 && n.items[at-1].number > e.number {
		at--
	}
	n.items = slices.Insert(n.items, at, e)
	n.bytes += e.size
	return e.size - before
}

// drop takes an item out and returns its size.
func (n *Node) drop(id string) int {
	at := n.find(id)
	if at < 0 {
		return 0
	}
	size := n.items[at].size
	n.items = slices.Delete(n.items, at, at+1)
	n.bytes -= size
	return size
}

// find returns where an item stands, or -1. The newest are looked at first.
func (n *Node) find(id string) int {
	for at := len(n.items) - 1; at >= 0; at-- {
		if n.items[at].id == id {
			return at
		}
	}
	return -1
}

// newest returns the id of the newest item.
func (n *Node) newest() (id string, ok bool) {
	if len(n.items) == 0 {
		return "", false
	}
	return n.items[len(n.items)-1].id, true
}

// next returns the number of the next item.
func (n *Node) next() uint64 {
	if len(n.items) == 0 {
		return 1
	}
	return n.items[len(n.items)-1].number + 1
}

func (n *Node) subscribe(address string) {
	if at, found := slices.BinarySearch(n.subscribers, address); !found {
		n.subscribers = slices.Insert(n.subscribers, at, address)
	}
}

func (n *Node) unsubscribe(address string) {
	if at, found := slices.BinarySearch(n.subscribers, address); found {
		n.subscribers = slices.Delete(n.subscribers, at, at+1)
	}
}

// clone returns a copy that may be changed.
func (n *Node) clone() *Node {
	c := *n
	c.items, c.subscribers = slices.Clone(n.items), slices.Clone(n.subscribers)
	return &c
}
