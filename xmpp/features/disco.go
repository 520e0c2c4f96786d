package features

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"

	"protokoll/xmpp/frame"
)

// Service Discovery, XEP-0030 version 2.5.0: what the server, the own account and, for who may see its presence, another
// account are and can do. Everything that is said comes from what is registered. Not here: nodes, except that of entity
// capabilities (caps.go).
const (
	NSDiscoInfo  = "http://jabber.org/protocol/disco#info"
	NSDiscoItems = "http://jabber.org/protocol/disco#items"
)

// Identity says what an entity is. XEP-0030 §3.1
type Identity struct{ Category, Type, Name string }

// Item is a service or another entity to ask next. XEP-0030 §4.1
type Item struct{ JID, Node, Name string }

// description is what disco says about one target.
type description struct {
	identities []Identity
	features   []string
	forms      []Form
	items      []Item
}

// sealedInfo holds the answers as bytes: they never change once the server runs.
type sealedInfo struct {
	once        sync.Once
	info, items []byte // children of the <query/>
	ver         string // XEP-0115 §5.1
}

func (r *Registry) registerDisco() {
	for _, t := range []Target{Self, Server, Contact} {
		r.Handle(Get, t, NSDiscoInfo, "query", r.discoInfo)
		r.Handle(Get, t, NSDiscoItems, "query", r.discoItems)
	}
	// How an account says that it is one. XEP-0030 §3.1
	r.Identity(Self, Identity{Category: "account", Type: "registered"})
	r.Identity(Contact, Identity{Category: "account", Type: "registered"})
}

// Feature advertises namespaces at a target. Handle does it for the namespace of each handler.
func (r *Registry) Feature(t Target, namespaces ...string) {
	d := &r.about[t]
	for _, ns := range namespaces {
		if n, found := slices.BinarySearch(d.features, ns); !found {
			d.features = slices.Insert(d.features, n, ns)
		}
	}
}

// Identity adds what a target is.
func (r *Registry) Identity(t Target, i Identity) {
	r.about[t].identities = append(r.about[t].identities, i)
}

// Name is what the server, or the service, calls itself; empty if it says nothing.
func (r *Registry) Name() string {
	for _, i := range r.about[Server].identities {
		if i.Name != "" {
			return i.Name
		}
	}
	return ""
}

// Form adds extended information about a target. XEP-0128 §2
func (r *Registry) Form(t Target, f Form) { r.about[t].forms = append(r.about[t].forms, f) }

// Item lists an entity under a target.
func (r *Registry) Item(t Target, i Item) { r.about[t].items = append(r.about[t].items, i) }

func (r *Registry) said(t Target) *sealedInfo {
	s := &r.sealed[t]
	s.once.Do(func() {
		d := &r.about[t]
		s.info, s.items, s.ver = d.appendInfo(nil), d.appendItems(nil), d.verification()
	})
	return s
}

func (r *Registry) discoInfo(req *Request) (Reply, error) {
	said := r.said(req.Target)
	node := req.Payload.Attr("node")
	source := r.nodes[req.Target]
	switch {
	case len(node) > 0 && req.Target == Server && string(node) == CapsNode+"#"+said.ver:
	case len(node) > 0 && source != nil: // it knows who may hear of what
		info, err := source.NodeInfo(req, string(node))
		return Reply{Payload: query(NSDiscoInfo, node, info)}, err
	case req.Target != Server && req.visible() == nil:
		return Reply{}, ServiceUnavailable()
	case len(node) > 0:
		return Reply{}, ItemNotFound() // XEP-0030 §7
	}
	return Reply{Payload: query(NSDiscoInfo, node, said.info)}, nil
}

func (r *Registry) discoItems(req *Request) (Reply, error) {
	node := req.Payload.Attr("node")
	source := r.nodes[req.Target]
	switch {
	case len(node) > 0 && source != nil:
		items, err := source.NodeItems(req, string(node))
		return Reply{Payload: query(NSDiscoItems, node, items)}, err
	case req.Target != Server && req.visible() == nil:
		return Reply{}, ServiceUnavailable()
	case len(node) > 0:
		return Reply{}, ItemNotFound() // XEP-0030 §7
	case source == nil:
		return Reply{Payload: query(NSDiscoItems, nil, r.said(req.Target).items)}, nil
	}
	items, err := source.NodeItems(req, "")
	return Reply{Payload: query(NSDiscoItems, nil, append(bytes.Clone(r.said(req.Target).items), items...))}, err
}

// query builds a <query/>; the node asked for is said again. XEP-0030 §3.2
func query(ns string, node, inner []byte) []byte {
	b := append(append([]byte("<query xmlns='"), ns...), '\'')
	if len(node) > 0 {
		b = appendAttr(b, "node", string(node))
	}
	return append(append(append(b, '>'), inner...), "</query>"...)
}

func (d *description) appendInfo(dst []byte) []byte {
	for _, i := range d.identities {
		dst = appendAttr(append(dst, "<identity"...), "category", i.Category)
		dst = appendAttr(dst, "type", i.Type)
		if i.Name != "" {
			dst = appendAttr(dst, "name", i.Name)
		}
		dst = append(dst, "/>"...)
	}
	for _, ns := range d.features {
		dst = append(appendAttr(append(dst, "<feature"...), "var", ns), "/>"...)
	}
	for _, f := range d.forms {
		dst = f.append(dst)
	}
	return dst
}

func (d *description) appendItems(dst []byte) []byte {
	for _, i := range d.items {
		dst = appendAttr(append(dst, "<item"...), "jid", i.JID)
		if i.Node != "" {
			dst = appendAttr(dst, "node", i.Node)
		}
		if i.Name != "" {
			dst = appendAttr(dst, "name", i.Name)
		}
		dst = append(dst, "/>"...)
	}
	return dst
}

func appendAttr(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, ' '), name...), '=', '\'')
	return append(frame.AppendEscaped(dst, value), '\'')
}

// Form is a data form of type result: extended information. XEP-0004 §3, XEP-0128 §2
type Form struct {
	Type   string // FORM_TYPE, XEP-0068 §3
	Fields []Field
}

// Field is one field of a Form.
type Field struct {
	Var    string
	Type   string // empty: list-multi. XEP-0004 §3.3
	Values []string
}

func (f Form) append(dst []byte) []byte {
	dst = append(dst, "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>"...)
	dst = append(frame.AppendEscaped(dst, f.Type), "</value></field>"...)
	for _, field := range f.Fields {
		dst = appendAttr(append(dst, "<field"...), "var", field.Var)
		dst = append(appendAttr(dst, "type", cmp.Or(field.Type, "list-multi")), '>')
		for _, v := range field.Values {
			dst = append(frame.AppendEscaped(append(dst, "<value>"...), v), "</value>"...)
		}
		dst = append(dst, "</field>"...)
	}
	return append(dst, "</x>"...)
}

// byType orders identities as XEP-0115 §5.1 asks.
func byType(a, b Identity) int {
	return cmp.Or(strings.Compare(a.Category, b.Category), strings.Compare(a.Type, b.Type))
}
