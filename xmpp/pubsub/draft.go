package pubsub

import (
	"bytes"
	"crypto/rand"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Draft is a change of one owner's nodes while it is decided: it sees what it has done itself. It is used under the owner's lock
// and thrown away if the decision fails.
type Draft struct {
	Owner
	Facts   []eventlog.Fact    // of the command
	Notices []*features.Notice // that follow once it is on disk
	Photo   bool               // features.Reply.Photo

	at        time.Time
	catalogue *Catalogue
	nodes     map[Ref]*Node                     // changed ones; nil: deleted
	items     map[string]*schemas.ItemPublished // changed ones by entity; nil: ended
	grown     int                               // bytes of payloads
	created   int                               // nodes
}

// Publication is one item to be published.
type Publication struct {
	Ref
	ID        string // empty: one is made
	Payload   []byte // one element that declares all its namespaces and prefixes; empty: none
	Publisher string // bare JID, where it is not the owner
	// Create configures the node where it does not exist; nil: as nodes at this host are. Names are not looked at.
	Create *schemas.NodeConfigured
}

// Begin begins a change. What it publishes and retracts calls no converters: it is for them, and for handlers of other features
// that keep a node beside something of their own.
func Begin(o Owner, at time.Time) (*Draft, error) {
	c, err := o.Nodes()
	if err != nil {
		return nil, err
	}
	return &Draft{Owner: o, at: at, catalogue: c, nodes: map[Ref]*Node{}, items: map[string]*schemas.ItemPublished{}}, nil
}

// Node returns a node as the draft has it, nil if there is none. It is not to be changed.
func (d *Draft) Node(r Ref) *Node {
	if n, ok := d.nodes[r]; ok {
		return n
	}
	return d.catalogue.Node(r)
}

// change returns a node that may be changed.
func (d *Draft) change(r Ref) *Node {
	n, ok := d.nodes[r]
	if !ok {
		n = d.catalogue.Node(r).clone()
		d.nodes[r] = n
	}
	return n
}

// Newest returns the newest item of a node, nil if there is none.
func (d *Draft) Newest(r Ref) (*schemas.ItemPublished, error) {
	n := d.Node(r)
	if n == nil {
		return nil, nil
	}
	id, ok := n.newest()
	if !ok {
		return nil, nil
	}
	return d.Item(r, id)
}

// Item returns an item, nil if there is none.
func (d *Draft) Item(r Ref, id string) (*schemas.ItemPublished, error) {
	if i, ok := d.items[r.item(id)]; ok {
		return i, nil
	}
	return itemOf(d.Owner, r, id)
}

// Items returns all items of a node, the oldest first.
func (d *Draft) Items(r Ref) (all []*schemas.ItemPublished, err error) {
	n := d.Node(r)
	if n == nil {
		return nil, nil
	}
	for _, e := range n.items {
		i, err := d.Item(r, e.id)
		if err != nil {
			return nil, err
		}
		if i != nil {
			all = append(all, i)
		}
	}
	return all, nil
}

func itemOf(f features.Facts, r Ref, id string) (*schemas.ItemPublished, error) {
	m, err := f.Get(schemas.Family_PEP_FACTS, r.item(id))
	if err != nil {
		return nil, err
	}
	i, _ := m.(*schemas.ItemPublished)
	return i, nil
}

// Create makes a node. XEP-0060 §8.1
func (d *Draft) Create(r Ref, c *schemas.NodeConfigured) error {
	switch {
	case r.Name == "":
		return nodeRequired()
	case len(r.Name) > MaxName:
		return features.NotAcceptable("the node's name is too long")
	case d.Node(r) != nil:
		return conflict() // XEP-0060 §8.1.2
	case len(d.catalogue.nodes)+d.created >= MaxNodes:
		return tooManyNodes()
	}
	if c == nil {
		c = Defaults(r.Host)
	}
	c = proto.CloneOf(c)
	c.Node, c.Service, c.Created = r.Name, r.Host, d.at.UnixMilli()
	d.nodes[r] = &Node{Config: c}
	d.created++
	d.Facts = append(d.Facts, eventlog.Set(r.entity(), c))
	if r.Host != "" {
		d.Facts = append(d.Facts, eventlog.Set(r.hosted(), &schemas.NodeHosted{Node: r.Name, Service: r.Host}))
	}
	return nil
}

// Configure replaces the configuration of a node, and takes away what it keeps no more. XEP-0060 §8.2
func (d *Draft) Configure(r Ref, c *schemas.NodeConfigured) {
	n := d.change(r)
	before := n.Config
	c.Node, c.Service, c.Created = r.Name, r.Host, before.GetCreated()
	if proto.Equal(before, c) {
		return
	}
	n.Config = c
	d.Facts = append(d.Facts, eventlog.Set(r.entity(), c))
	d.prune(r, n)
	if c.GetNotifyConfig() {
		d.tell(r, n, configurationEvent(n))
	}
}

// Publish publishes an item in the owner's name, and makes the node where there is none. Who may is not asked. XEP-0060 §7.1
func (d *Draft) Publish(p Publication) (*schemas.ItemPublished, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if d.Node(p.Ref) == nil {
		if err := d.Create(p.Ref, p.Create); err != nil {
			return nil, err
		}
	}
	if p.ID == "" {
		p.ID = newID()
	}
	n := d.change(p.Ref)
	i := &schemas.ItemPublished{Node: p.Name, Service: p.Host, ItemId: p.ID, Payload: bytes.Clone(p.Payload), Published: d.at.UnixMilli(),
		Number: n.next()}
	if p.Publisher != d.Bare() {
		i.Publisher = p.Publisher
	}
	if !n.Config.GetVolatile() {
		if err := d.keep(p.Ref, n, i); err != nil {
			return nil, err
		}
	}
	d.tell(p.Ref, n, publishedEvent(n.Config, i))
	return i, nil
}

func (p *Publication) check() error {
	switch {
	case len(p.Payload) > MaxItemBytes:
		return tooBig()
	case len(p.ID) > MaxName:
		return features.NotAcceptable("the item's id is too long")
	}
	return nil
}

// newID makes an id that nobody can guess. XEP-0060 §7.1.2
func newID() string { return rand.Text() }

// keep states an item, and ends those that it pushes out.
func (d *Draft) keep(r Ref, n *Node, i *schemas.ItemPublished) error {
	entity := r.item(i.GetItemId())
	if id, ok := n.newest(); ok && id == i.GetItemId() {
		before, err := d.Item(r, id)
		if err != nil {
			return err
		}
		if bytes.Equal(before.GetPayload(), i.GetPayload()) && before.GetPublisher() == i.GetPublisher() {
			return nil // the same again: it is told, but nothing changes
		}
	}
	d.grown += n.put(entryOf(i))
	d.items[entity] = i
	d.Facts = append(d.Facts, eventlog.Set(entity, i))
	d.prune(r, n)
	if d.catalogue.bytes+d.grown > MaxAccountBytes {
		return full()
	}
	return nil
}

// prune ends the oldest items that are too many.
func (d *Draft) prune(r Ref, n *Node) {
	for len(n.items) > Room(n.Config) {
		d.take(r, n, n.items[0].id)
	}
}

// take ends an item.
func (d *Draft) take(r Ref, n *Node, id string) {
	d.grown -= n.drop(id)
	d.items[r.item(id)] = nil
	d.Facts = append(d.Facts, eventlog.End(schemas.Family_PEP_FACTS, r.item(id)))
}

// Retract takes an item out, and tells so if the node does or notify asks for it. It returns false if there is no such item.
// XEP-0060 §7.2
func (d *Draft) Retract(r Ref, id string, notify bool) bool {
	if n := d.Node(r); n == nil || n.find(id) < 0 {
		return false
	}
	n := d.change(r)
	d.take(r, n, id)
	if notify || n.Config.GetNotifyRetract() {
		d.tell(r, n, retractedEvent(n.Config, id))
	}
	return true
}

// Purge takes all items out. XEP-0060 §8.5
func (d *Draft) Purge(r Ref) {
	n := d.change(r)
	for _, e := range slices.Clone(n.items) {
		d.take(r, n, e.id)
	}
	if n.Config.GetNotifyRetract() {
		d.tell(r, n, purgedEvent(n.Config))
	}
}

// Delete ends a node with all that is in it. XEP-0060 §8.4
func (d *Draft) Delete(r Ref) {
	n := d.change(r)
	if n.Config.GetNotifyDelete() {
		d.tell(r, n, deletedEvent(n.Config))
	}
	for _, e := range slices.Clone(n.items) {
		d.take(r, n, e.id)
	}
	for _, s := range n.subscribers {
		d.Facts = append(d.Facts, eventlog.End(schemas.Family_PEP_FACTS, r.subscription(s)))
	}
	d.Facts = append(d.Facts, eventlog.End(schemas.Family_NODE_FACTS, r.entity()))
	if r.Host != "" {
		d.Facts = append(d.Facts, eventlog.End(schemas.Family_NODE_FACTS, r.hosted()))
	}
	d.nodes[r] = nil
	d.created--
}

// Subscribe notes that an address is told of a node. XEP-0060 §6.1
func (d *Draft) Subscribe(r Ref, address string) error {
	n := d.change(r)
	if slices.Contains(n.subscribers, address) {
		return nil
	}
	if len(n.subscribers) >= MaxSubscriptions {
		return tooManySubscriptions()
	}
	n.subscribe(address)
	d.Facts = append(d.Facts, eventlog.Set(r.subscription(address),
		&schemas.NodeSubscribed{Node: r.Name, Service: r.Host, Subscriber: address, Since: d.at.UnixMilli()}))
	return nil
}

// Unsubscribe takes a subscription back, and tells whether there was one. XEP-0060 §6.2
func (d *Draft) Unsubscribe(r Ref, address string) bool {
	n := d.change(r)
	if !slices.Contains(n.subscribers, address) {
		return false
	}
	n.unsubscribe(address)
	d.Facts = append(d.Facts, eventlog.End(schemas.Family_PEP_FACTS, r.subscription(address)))
	return true
}

// Refs lists the nodes at a host in order, as the draft has them.
func (d *Draft) Refs(host string) []Ref {
	refs := slices.DeleteFunc(d.catalogue.Refs(host), func(r Ref) bool { _, changed := d.nodes[r]; return changed })
	for r := range maps.Keys(d.nodes) {
		if r.Host == host && d.nodes[r] != nil {
			refs = append(refs, r)
		}
	}
	return refs
}
