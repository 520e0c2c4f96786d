package frame

import "sync"

// span is a stretch of the element being read.
type span struct{ start, end uint32 }

func (v span) of(b []byte) []byte { return b[v.start:v.end] }

// node is an element that is still open.
type node struct {
	name  qname
	bound int // prefixes in scope outside of it
}

// value is an attribute value, empty at 0 for an attribute that is not there.
type value struct {
	span
	raw bool // it is not what it stands for: references, tabs or line ends
}

// attr is an attribute of the tag being read.
type attr struct {
	name  qname
	value value
	kind  kind
}

// kind is a set of kinds of attributes.
type kind uint16

// The attributes that routing needs are a kind each, so that two of them in one tag cannot be the same.
const (
	isTo kind = 1 << iota
	isFrom
	isID
	isType
	isLang         // xml:lang
	declaresSpace  // xmlns
	declaresPrefix // xmlns:a
	prefixed       // any other with a prefix
	unprefixed     // any other without
)

// child is the index entry of a direct child.
type child struct {
	whole, inner, local span
	space               uri
}

// work is the memory that a scan needs. One is lent to a stream while it is busy.
type work struct {
	open     []node
	attrs    []attr
	kinds    kind // of attrs
	again    kind // kinds that occur more than once in attrs
	space    uri  // the default namespace that attrs declare, if they do
	bound    []binding
	children []child
	top      top
	header   Header
	frame    Frame
	index    []Child // backs Frame.Children
}

// top is what is known of the top-level element once its start tag was read.
type top struct {
	name                    qname
	space, def              uri
	to, from, id, typ, lang value
	extra                   bool // it has attributes or declarations that AppendTo must copy
	streams                 bool // something in it declares the stream namespace
	inner                   span
}

// works lends working memory to all streams of the process.
var works = sync.Pool{New: func() any { return new(work) }}

// keptChildren is how many children working memory may have room for to be kept for the next stream.
const keptChildren = 64

func borrow() *work { return works.Get().(*work) }

// giveBack lets go of every byte of the stream and keeps the memory for another one.
func (w *work) giveBack() {
	if cap(w.index) > keptChildren || cap(w.children) > keptChildren {
		w.index, w.children = nil, nil
	}
	clear(w.index[:cap(w.index)])
	w.frame, w.header = Frame{}, Header{}
	works.Put(w)
}

// begin makes w ready for a new top-level element.
func (w *work) begin() {
	w.open, w.attrs, w.bound, w.children = w.open[:0], w.attrs[:0], w.bound[:0], w.children[:0]
	w.top = top{}
}
