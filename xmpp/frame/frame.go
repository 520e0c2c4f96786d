package frame

import (
	"bytes"
	"encoding/xml"
)

// Name says which stanza an element is. RFC 6120 §8.
type Name uint8

// The stanzas of the stream's content namespace, and everything else.
const (
	Other Name = iota
	Message
	Presence
	IQ
)

// Frame is one complete, checked element with its index. Its slices are views of the bytes it was found in, except values
// that had to be decoded; nil is an attribute that was not there. Nothing may write through them.
type Frame struct {
	Raw                      []byte // the whole element
	Body                     []byte // what stands between its start and end tag
	Name                     Name
	Local, Space             []byte // its local name and its namespace
	To, From, ID, Type, Lang []byte // decoded
	Children                 []Child
	Streams                  bool // something in it declares the stream namespace: answer bad-request, relay never

	body    int    // where Body lies in Raw
	content []byte // the default namespace around it
	extra   bool   // it has attributes or declarations beyond those above
	outer   bool   // its prefix is declared by the stream header
}

// Child is a direct child of a Frame.
type Child struct {
	Local, Space []byte // its local name and its namespace, inherited or own
	Raw          []byte // the whole child
	Inner        []byte // what stands between its tags
	Start, End   int    // where Raw lies in Frame.Raw
	Dropped      bool   // see Frame.Drop
}

// Attr returns the decoded value of the child's attribute, named as it is spelt in the tag, or nil.
func (c *Child) Attr(name string) []byte { return attribute(c.Raw, name) }

// Text returns the decoded character data directly in the child: a view where it holds no reference, section or element.
func (c *Child) Text() []byte { return decodeText(c.Inner) }

// Attr returns the decoded value of any attribute of the element, named as it is spelt in the tag, or nil.
func (f *Frame) Attr(name string) []byte { return attribute(f.Raw, name) }

// Child returns the first child of that namespace and name that was not dropped, or nil.
func (f *Frame) Child(space, local string) *Child {
	for i := range f.Children {
		c := &f.Children[i]
		if string(c.Local) == local && string(c.Space) == space && !c.Dropped {
			return c
		}
	}
	return nil
}

// HasChild reports whether Child finds one.
func (f *Frame) HasChild(space, local string) bool { return f.Child(space, local) != nil }

// ChildText returns the text of the first such child, or nil when there is none.
func (f *Frame) ChildText(space, local string) []byte {
	if c := f.Child(space, local); c != nil {
		return c.Text()
	}
	return nil
}

// Payload returns the first child that was not dropped, or nil: what an IQ asks for. RFC 6120 §8.2.3.
func (f *Frame) Payload() *Child {
	for i := range f.Children {
		if !f.Children[i].Dropped {
			return &f.Children[i]
		}
	}
	return nil
}

// Drop takes child i out: Child does not find it and AppendTo leaves it out. For children that only the server may add.
// Call it before the frame is shared.
func (f *Frame) Drop(i int) { f.Children[i].Dropped = true }

// Clone returns a copy that owns its bytes, for queues and the log.
func (f *Frame) Clone() Frame {
	c := *f
	c.Raw = bytes.Clone(f.Raw)
	for _, v := range []*[]byte{&c.Body, &c.Local, &c.Space, &c.To, &c.From, &c.ID, &c.Type, &c.Lang} {
		*v = f.rebase(*v, c.Raw)
	}
	c.Children = append([]Child(nil), f.Children...)
	for i := range c.Children {
		n := &c.Children[i]
		n.Local, n.Space = f.rebase(n.Local, c.Raw), f.rebase(n.Space, c.Raw)
		n.Raw, n.Inner = f.rebase(n.Raw, c.Raw), f.rebase(n.Inner, c.Raw)
	}
	return c
}

// rebase returns v as a view of raw, a copy of f.Raw. Views of f.Raw end where its array ends, so capacities tell where they
// begin; what is decoded or belongs to the stream is shared, because nothing writes to it.
func (f *Frame) rebase(v, raw []byte) []byte {
	at := cap(f.Raw) - cap(v)
	if len(v) == 0 || at < 0 || at+len(v) > len(raw) || &f.Raw[at] != &v[0] {
		return v
	}
	return raw[at : at+len(v)]
}

// Decoder returns a decoder of the element, for the rare stanzas whose payload is worth a type. Unprefixed names get the
// stream's namespace. Dropped children are in it.
func (f *Frame) Decoder() *xml.Decoder {
	raw := f.Raw
	if f.outer {
		raw = f.AppendTo(nil, Stamp{})
	}
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.DefaultSpace = string(f.content)
	return d
}
