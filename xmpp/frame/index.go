package frame

import "slices"

// topTag finishes the start tag of a top-level element, which ends at p.
func (s *Scanner) topTag(b []byte, p int) bool {
	t := &s.work.top
	t.name, t.inner.start = s.work.open[0].name, uint32(p)
	t.scanAttributes(s.work.attrs)
	t.space = t.def
	if t.name.prefixed() {
		var ok bool
		if t.space, ok = s.resolveTop(b, t.name.prefix(b)); !ok {
			return false
		}
	}
	space := s.uri(b, t.space)
	if string(space) == NSStreams && string(t.name.local(b)) == "stream" {
		return s.fail(UnsupportedStanzaType, "second stream header")
	}
	if stanza(space, t.name.local(b)) != Other && string(s.uri(b, t.def)) != string(space) {
		// Its children could not keep their meaning below a start tag of ours. RFC 6120 §4.8.3
		return s.fail(InvalidNamespace, "default namespace of a stanza redeclared")
	}
	return true
}

// scanAttributes sorts the attributes of a top-level element.
func (t *top) scanAttributes(attrs []attr) {
	for i := range attrs {
		switch a := &attrs[i]; a.kind {
		case isTo:
			t.to = a.value
		case isFrom:
			t.from = a.value
		case isID:
			t.id = a.value
		case isType:
			t.typ = a.value
		case isLang:
			t.lang = a.value
		case declaresSpace:
			t.def = declared(a.value)
		default:
			t.extra = true
		}
	}
}

// stanza returns the kind of a top-level element.
func stanza(space, local []byte) Name {
	if string(space) != NSClient && string(space) != NSServer {
		return Other
	}
	switch string(local) {
	case "message":
		return Message
	case "presence":
		return Presence
	case "iq":
		return IQ
	}
	return Other
}

// childTag enters a direct child, whose start tag ends at p, into the index.
func (s *Scanner) childTag(b []byte, p int) bool {
	w := s.work
	n := w.open[1].name
	w.children = append(w.children, child{})
	c := &w.children[len(w.children)-1]
	c.whole.start, c.inner.start = n.start-1, uint32(p)
	c.local = span{n.start, n.end}
	c.space = w.top.def
	if n.prefixed() {
		c.local.start = n.colon + 1
		ok := false
		c.space, ok = s.resolve(b, n.prefix(b))
		return ok
	}
	if w.kinds&declaresSpace != 0 {
		c.space = w.space
	}
	return true
}

// index makes the Frame of the whole element b.
func (s *Scanner) index(b []byte) {
	w := s.work
	t, f := &w.top, &w.frame
	f.Raw, f.Body, f.body = b, t.inner.of(b), int(t.inner.start)
	f.Local, f.Space, f.content = t.name.local(b), s.uri(b, t.space), s.space
	f.To, f.From, f.ID = t.to.view(b), t.from.view(b), t.id.view(b)
	f.Type, f.Lang = t.typ.view(b), t.lang.view(b)
	f.Streams, f.extra, f.outer = t.streams, t.extra, t.space.origin == fromOuter
	f.Name = Other
	if string(f.Space) == string(s.space) {
		f.Name = stanza(f.Space, f.Local)
	}
	w.index = slices.Grow(w.index[:0], len(w.children))[:len(w.children)]
	for i := range w.children {
		c, to := &w.children[i], &w.index[i]
		to.Local, to.Space, to.Raw, to.Inner = c.local.of(b), s.uri(b, c.space), c.whole.of(b), c.inner.of(b)
		to.Start, to.End, to.Dropped = int(c.whole.start), int(c.whole.end), false
	}
	f.Children = w.index
}

// view is decoded, and nil for an attribute that is not there.
func (v value) view(b []byte) []byte {
	if v.start == 0 {
		return nil
	}
	return v.decoded(b)
}
