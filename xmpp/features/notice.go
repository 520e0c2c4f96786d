package features

// Notice is a message to everybody who wants to hear of a PubSub node. The router sends it when what it tells is on disk; who
// gets it was found when the change was decided. XEP-0060 §7.1.2, XEP-0163 §4.3
type Notice struct {
	Owner       string   // bare JID of the account whose node it is: who blocks it gets nothing
	From        string   // the owner's bare JID, or the host of a service
	Node        string   // which resources ask for with "+notify" in their capabilities
	Type        string   // of the message
	Payload     []byte   // what stands in the message; nobody changes it any more
	Own         bool     // the owner's resources that ask for the node get it
	Contacts    []string // bare JIDs whose resources get it where they ask for the node
	Subscribers []string // bare or full JIDs whose resources get it
}

// Notify is what a resource asks to be told of, by the "+notify" in its capabilities. It is immutable; nil asks for nothing.
// XEP-0060 §9.2
type Notify struct{ Nodes map[string]bool }

// Wants tells whether the resource asks for a node.
func (n *Notify) Wants(node string) bool { return n != nil && n.Nodes[node] }

// NodeSource tells what disco says about the nodes of an entity, in children of the <query/>. An empty node is the entity
// itself. Its errors are those of a Handler. XEP-0030 §3.2, §4.2
type NodeSource interface {
	NodeInfo(req *Request, node string) ([]byte, error)
	NodeItems(req *Request, node string) ([]byte, error)
}

// Published lets a source tell about the nodes of a target that are nobody else's.
func (r *Registry) Published(t Target, s NodeSource) { r.nodes[t] = s }
