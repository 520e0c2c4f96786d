package pie

import (
	"strings"

	"protokoll/xmpp/frame"
)

// Attr is an attribute with its namespace, which is empty for most.
type Attr struct{ Space, Local, Value string }

// Node is an element with everything in it.
type Node struct {
	Place
	Space, Local string
	Attrs        []Attr
	Kids         []Kid
}

// Kid is a piece of text or an element.
type Kid struct {
	Text string
	Node *Node // nil: text
}

const nsXML = "http://www.w3.org/XML/1998/namespace"

// Is tells whether the element has this name.
func (n *Node) Is(space, local string) bool { return n.Space == space && n.Local == local }

// Attr returns the value of an attribute without a namespace, empty if there is none.
func (n *Node) Attr(local string) string { return n.attr("", local) }

func (n *Node) attr(space, local string) string {
	for _, a := range n.Attrs {
		if a.Space == space && a.Local == local {
			return a.Value
		}
	}
	return ""
}

// Text returns the text directly inside the element, without white space around it.
func (n *Node) Text() string {
	var b strings.Builder
	for _, k := range n.Kids {
		if k.Node == nil {
			b.WriteString(k.Text)
		}
	}
	return strings.TrimSpace(b.String())
}

// Elements returns the elements directly inside.
func (n *Node) Elements() (all []*Node) {
	for _, k := range n.Kids {
		if k.Node != nil {
			all = append(all, k.Node)
		}
	}
	return all
}

// AppendTo appends the element in canonical form, for a place where the default namespace is around.
func (n *Node) AppendTo(dst []byte, around string) []byte {
	dst = append(append(dst, '<'), n.Local...)
	if n.Space != around {
		dst = appendAttr(dst, "xmlns", n.Space)
	}
	foreign := 0
	for _, a := range n.Attrs {
		switch a.Space {
		case "":
			dst = appendAttr(dst, a.Local, a.Value)
		case nsXML:
			dst = appendAttr(dst, "xml:"+a.Local, a.Value)
		default: // a prefix of its own, numbered by its place
			prefix := "a" + string(rune('a'+foreign/26)) + string(rune('a'+foreign%26))
			foreign++
			dst = appendAttr(appendAttr(dst, "xmlns:"+prefix, a.Space), prefix+":"+a.Local, a.Value)
		}
	}
	if len(n.Kids) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	for _, k := range n.Kids {
		if k.Node != nil {
			dst = k.Node.AppendTo(dst, n.Space)
		} else {
			dst = appendText(dst, k.Text)
		}
	}
	return append(append(append(dst, "</"...), n.Local...), '>')
}

func appendAttr(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, ' '), name...), '=', '\'')
	return append(frame.AppendEscaped(dst, value), '\'')
}

// appendText leaves line ends and tabs as they are: photos have many.
func appendText(dst []byte, text string) []byte {
	for text != "" {
		i := strings.IndexAny(text, "\n\t")
		if i < 0 {
			return frame.AppendEscaped(dst, text)
		}
		dst = append(frame.AppendEscaped(dst, text[:i]), text[i])
		text = text[i+1:]
	}
	return dst
}
