package frame

// startTag reads '<' and the name at p.
func (s *Scanner) startTag(b []byte, p int) (int, bool) {
	n, ok := s.name(b, p+1)
	if !ok {
		return p, false
	}
	w := s.work
	if len(w.open) == 0 {
		w.begin()
		s.children = 0
	} else if s.children++; s.children > s.limits.Children {
		return p, s.fail(PolicyViolation, "too many elements")
	}
	if len(w.open) >= s.limits.Depth {
		return p, s.fail(PolicyViolation, "nested too deep")
	}
	w.open = append(w.open, node{name: n, bound: len(w.bound)})
	w.attrs, w.kinds = w.attrs[:0], 0
	s.place = inTag
	return int(n.end), true
}

// tag reads attributes from p on, up to the end of the start tag.
func (s *Scanner) tag(b []byte, p int) (int, bool) {
	for ok := true; ; {
		p = skipSpace(b, p)
		if p == len(b) {
			return p, false
		}
		switch b[p] {
		case '>':
			return p + 1, s.opened(b, p+1, false)
		case '/':
			return s.emptyTag(b, p)
		}
		if p, ok = s.attribute(b, p); !ok {
			return p, false
		}
		if p, ok = s.value(b, p); !ok {
			return p, false
		}
	}
}

// emptyTag reads the end of an empty-element tag at p.
func (s *Scanner) emptyTag(b []byte, p int) (int, bool) {
	if p+1 == len(b) {
		return p, false
	}
	if b[p+1] != '>' {
		return p, s.fail(NotWellFormed, "invalid empty tag")
	}
	return p + 2, s.opened(b, p+2, true)
}

// attribute reads a name, an equals sign and a quote at p, and returns where the value begins.
func (s *Scanner) attribute(b []byte, p int) (int, bool) {
	if !isSpace(b[p-1]) {
		return p, s.fail(NotWellFormed, "no space before an attribute")
	}
	in := b[:min(len(b), p+MaxTokenBytes)]
	n, ok := s.name(in, p)
	q := int(n.end) + 1
	if !ok || q >= len(in) || in[q-1] != '=' || in[q] != '\'' && in[q] != '"' {
		if q, ok = s.equals(in, n, ok); !ok {
			return p, s.err == nil && len(in) == p+MaxTokenBytes && s.fail(PolicyViolation, "attribute name too long")
		}
	}
	w := s.work
	if len(w.attrs) >= s.limits.Attributes {
		return p, s.fail(PolicyViolation, "too many attributes")
	}
	k := classify(in, n)
	w.kinds |= k
	w.attrs = append(w.attrs, attr{name: n, value: span{start: uint32(q + 1)}, kind: k})
	s.quote, s.place = in[q], inValue
	return q + 1, true
}

// equals reads the equals sign behind the name n, if that is whole, and returns the index of the quote that follows. Tags
// without white space do not come here.
func (s *Scanner) equals(b []byte, n qname, whole bool) (int, bool) {
	if !whole {
		return 0, false
	}
	q := skipSpace(b, int(n.end))
	if q < len(b) && b[q] != '=' {
		return q, s.fail(NotWellFormed, "attribute without a value")
	}
	q = skipSpace(b, min(q+1, len(b)))
	if q == len(b) {
		return q, false
	}
	if b[q] != '\'' && b[q] != '"' {
		return q, s.fail(NotWellFormed, "attribute value without quotes")
	}
	return q, true
}

// classify returns the kind of the attribute with the name n.
func classify(b []byte, n qname) kind {
	switch {
	case n.prefixed() && string(n.prefix(b)) == "xmlns":
		return declaresPrefix
	case n.prefixed():
		return prefixed
	case string(n.all(b)) == "xmlns":
		return declaresSpace
	}
	return unprefixed
}

// value checks an attribute value from p on and returns the index behind its closing quote.
func (s *Scanner) value(b []byte, p int) (int, bool) {
	a := &s.work.attrs[len(s.work.attrs)-1]
	for ok := true; ; {
		if p = plainValue(b, p, s.quote); p == len(b) {
			return p, false
		}
		switch c := b[p]; c {
		case s.quote:
			a.value.end = uint32(p)
			s.place = inTag
			return p + 1, true
		case '<':
			return p, s.fail(NotWellFormed, "markup in an attribute value")
		case '&':
			a.raw = true
			p, ok = s.reference(b, p)
		default:
			a.raw = a.raw || c < 0x20
			p, ok = s.character(b, p)
		}
		if !ok {
			return p, false
		}
	}
}

// opened finishes the start tag that ends at p.
func (s *Scanner) opened(b []byte, p int, empty bool) bool {
	w := s.work
	if w.kinds&(declaresPrefix|declaresSpace) != 0 && !s.bind(b) || len(w.attrs) > 0 && !s.distinct(b) {
		return false
	}
	n := &w.open[len(w.open)-1]
	s.place = inContent
	switch {
	case s.stage == atHeader:
		return s.header(b, empty)
	case len(w.open) == 1:
		if !s.topTag(b, p) {
			return false
		}
	case len(w.open) == 2:
		if !s.childTag(b, p) {
			return false
		}
	case n.name.prefixed():
		if _, ok := s.resolve(b, n.name.prefix(b)); !ok {
			return false
		}
	}
	if empty {
		s.close(p, p)
	}
	return true
}

// distinct refuses attributes that occur twice, also by two prefixes of one namespace, and undeclared prefixes.
// XML 1.0 §3.1, Namespaces in XML 1.0 §6.3.
func (s *Scanner) distinct(b []byte) bool {
	var seen uint64
	attrs := s.work.attrs
	for i := range attrs {
		n := attrs[i].name
		mark := uint64(1) << ((n.end - n.start + uint32(b[n.end-1])*7) & 63)
		if seen&mark != 0 && twice(b, attrs[:i], n) {
			return s.fail(NotWellFormed, "attribute occurs twice")
		}
		seen |= mark
		if attrs[i].kind == prefixed && !s.qualified(b, i) {
			return false
		}
	}
	return true
}

// twice reports whether one of attrs has the name n.
func twice(b []byte, attrs []attr, n qname) bool {
	for i := range attrs {
		if string(attrs[i].name.all(b)) == string(n.all(b)) {
			return true
		}
	}
	return false
}

// qualified checks the prefixed attribute i of the tag against those before it.
func (s *Scanner) qualified(b []byte, i int) bool {
	attrs := s.work.attrs
	n := attrs[i].name
	space, ok := s.resolve(b, n.prefix(b))
	if !ok {
		return false
	}
	for j := range attrs[:i] {
		o := attrs[j].name
		if attrs[j].kind != prefixed || string(o.local(b)) != string(n.local(b)) {
			continue
		}
		other, ok := s.resolve(b, o.prefix(b))
		if ok && string(s.uri(b, other)) == string(s.uri(b, space)) {
			return s.fail(NotWellFormed, "attribute occurs twice")
		}
	}
	return true
}
