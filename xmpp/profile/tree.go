package profile

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"protokoll/xmpp/frame"
)

// element is a small tree of XML: what conversions read and write. It comes from what the framer let through, whose depth and
// size are bounded.
type element struct {
	space, local string
	attrs        []xml.Attr // without declarations of namespaces
	kids         []*element
	text         string // all character data inside it, between its children too
}

var errTree = errors.New("payload cannot be read")

// parseTree reads one element.
func parseTree(raw []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	var open []*element
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil, errTree
		}
		if err != nil {
			return nil, errTree
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{space: t.Name.Space, local: t.Name.Local}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					e.attrs = append(e.attrs, a)
				}
			}
			if n := len(open); n > 0 {
				open[n-1].kids = append(open[n-1].kids, e)
			}
			open = append(open, e)
		case xml.EndElement:
			n := len(open) - 1
			if n == 0 {
				return open[0], nil
			}
			open = open[:n]
		case xml.CharData:
			if n := len(open); n > 0 {
				open[n-1].text += string(t)
			}
		}
	}
}

func (e *element) is(space, local string) bool { return e.space == space && e.local == local }

func (e *element) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// child returns the first child of a name, nil if there is none.
func (e *element) child(local string) *element {
	if e == nil {
		return nil
	}
	for _, k := range e.kids {
		if k.local == local && k.space == e.space {
			return k
		}
	}
	return nil
}

// content is the text of a child, without space around it.
func (e *element) content(path ...string) string {
	for _, local := range path {
		if e = e.child(local); e == nil {
			return ""
		}
	}
	return strings.TrimSpace(e.text)
}

// add appends a child with a text.
func (e *element) add(local, text string) *element {
	k := &element{space: e.space, local: local, text: text}
	e.kids = append(e.kids, k)
	return k
}

// append writes the tree, in surroundings of a namespace.
func (e *element) append(dst []byte, around string) []byte {
	dst = append(append(dst, '<'), e.local...)
	if e.space != around {
		dst = appendAttr(dst, "xmlns", e.space)
	}
	for _, a := range e.attrs {
		name := a.Name.Local
		if a.Name.Space == "xml" || a.Name.Space == "http://www.w3.org/XML/1998/namespace" {
			name = "xml:" + name
		} else if a.Name.Space != "" {
			continue // of a namespace of its own: nothing here has such
		}
		dst = appendAttr(dst, name, a.Value)
	}
	if len(e.kids) == 0 && e.text == "" {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	if len(e.kids) == 0 || strings.TrimSpace(e.text) != "" {
		dst = frame.AppendEscaped(dst, e.text)
	}
	for _, k := range e.kids {
		dst = k.append(dst, e.space)
	}
	return append(append(append(dst, "</"...), e.local...), '>')
}

func appendAttr(dst []byte, name, value string) []byte {
	dst = append(append(append(append(dst, ' '), name...), '='), '\'')
	return append(frame.AppendEscaped(dst, value), '\'')
}
