package wire

import (
	"encoding/xml"
	"sort"
	"strings"
)

// Namespaces that nearly every test needs.
const (
	NSClient = "jabber:client"
	NSStream = "http://etherx.jabber.org/streams"
	NSTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	NSSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	NSSASL2  = "urn:xmpp:sasl:2"
	NSBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	NSStanza = "urn:ietf:params:xml:ns:xmpp-stanzas"
	NSError  = "urn:ietf:params:xml:ns:xmpp-streams"
	NSSM     = "urn:xmpp:sm:3"
	nsXML    = "http://www.w3.org/XML/1998/namespace"
)

// Node is an element, or a run of text when Name.Local is empty. Attrs hold no namespace declarations.
type Node struct {
	Name     xml.Name
	Attrs    []xml.Attr
	Children []*Node
	Text     string
	Line     int // where it stands in a script; zero for what came over the wire
}

// IsText reports whether n is a run of text.
func (n *Node) IsText() bool { return n.Name.Local == "" }

// Is reports whether n is the element local in namespace space.
func (n *Node) Is(space, local string) bool { return n.Name.Local == local && n.Name.Space == space }

// Attr returns the value of an attribute without namespace, and whether it is there.
func (n *Node) Attr(local string) (string, bool) {
	for _, a := range n.Attrs {
		if a.Name.Space == "" && a.Name.Local == local {
			return a.Value, true
		}
	}
	return "", false
}

// Get is Attr without the second result.
func (n *Node) Get(local string) string {
	v, _ := n.Attr(local)
	return v
}

// Child returns the first child element with that name, or nil.
func (n *Node) Child(space, local string) *Node {
	for _, c := range n.Children {
		if c.Is(space, local) {
			return c
		}
	}
	return nil
}

// Find returns the first descendant element with that name, or nil.
func (n *Node) Find(space, local string) *Node {
	for _, c := range n.Children {
		if c.Is(space, local) {
			return c
		}
		if f := c.Find(space, local); f != nil {
			return f
		}
	}
	return nil
}

// Elements returns the children that are elements.
func (n *Node) Elements() []*Node {
	var out []*Node
	for _, c := range n.Children {
		if !c.IsText() {
			out = append(out, c)
		}
	}
	return out
}

// Content returns the text directly inside n.
func (n *Node) Content() string {
	var b strings.Builder
	for _, c := range n.Children {
		if c.IsText() {
			b.WriteString(c.Text)
		}
	}
	return b.String()
}

// String prints n indented, attributes sorted, a namespace only where it changes.
func (n *Node) String() string {
	var b strings.Builder
	n.print(&b, "", NSClient)
	return b.String()
}

func (n *Node) print(b *strings.Builder, indent, space string) {
	if n.IsText() {
		if s := strings.TrimSpace(n.Text); s != "" {
			b.WriteString(indent)
			_ = xml.EscapeText(b, []byte(s))
			b.WriteByte('\n')
		}
		return
	}
	b.WriteString(indent + "<" + n.Name.Local)
	if n.Name.Space != space {
		writeAttr(b, "xmlns", n.Name.Space)
	}
	attrs := append([]xml.Attr(nil), n.Attrs...)
	sort.Slice(attrs, func(i, j int) bool { return attrName(attrs[i]) < attrName(attrs[j]) })
	for _, a := range attrs {
		writeAttr(b, attrName(a), a.Value)
	}
	n.printChildren(b, indent)
}

func (n *Node) printChildren(b *strings.Builder, indent string) {
	switch {
	case len(n.Children) == 0:
		b.WriteString("/>\n")
	case len(n.Elements()) == 0:
		b.WriteByte('>')
		_ = xml.EscapeText(b, []byte(n.Content()))
		b.WriteString("</" + n.Name.Local + ">\n")
	default:
		b.WriteString(">\n")
		for _, c := range n.Children {
			c.print(b, indent+"  ", n.Name.Space)
		}
		b.WriteString(indent + "</" + n.Name.Local + ">\n")
	}
}

func attrName(a xml.Attr) string {
	switch a.Name.Space {
	case "":
		return a.Name.Local
	case nsXML:
		return "xml:" + a.Name.Local
	}
	return "{" + a.Name.Space + "}" + a.Name.Local
}

func writeAttr(b *strings.Builder, name, value string) {
	b.WriteString(" " + name + "='")
	_ = xml.EscapeText(b, []byte(value))
	b.WriteByte('\'')
}
