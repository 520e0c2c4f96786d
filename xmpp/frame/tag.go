package frame

// startTag opens the element of the start tag at p with the name n.
func (s *Scanner) startTag(p int, n qname) (int, bool) {
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
	w.attrs, w.kinds, w.again = w.attrs[:0], 0, 0
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

// attribute reads the attribute at p.
func (s *Scanner) attribute(b []byte, p int) (int, bool) {
	if !isSpace(b[p-1]) {
		return p, s.fail(NotWellFormed, "no space before an attribute")
	}
	end := nameRun(b, p)
	n, q := qname{uint32(p), uint32(p), uint32(end)}, end+1
	if q >= len(b) || q-p >= MaxTokenBytes || b[end] != '=' || b[q] != '\'' && b[q] != '"' || !starts(b, p) {
		ok := false
		if n, q, ok = s.assignment(b, p); !ok {
			return p, false
		}
	}
	if len(s.work.attrs) >= s.limits.Attributes {
		return p, s.fail(PolicyViolation, "too many attributes")
	}
	end = plainValue(b, q+1)
	s.work.enter(classify(b, n), n, span{uint32(q + 1), uint32(end)})
	if end < len(b) && b[end] == b[q] {
		return end + 1, true // as nearly always
	}
	s.quote, s.place = b[q], inValue
	return s.value(b, end)
}

// enter adds an attribute to those of the tag.
func (w *work) enter(k kind, name qname, v span) {
	w.again |= w.kinds & k
	w.kinds |= k
	w.attrs = append(w.attrs, attr{name: name, value: value{span: v}, kind: k})
}

// assignment reads a name, an equals sign and a quote at p, and returns the name and the index of the quote.
func (s *Scanner) assignment(b []byte, p int) (qname, int, bool) {
	in := b[:min(len(b), p+MaxTokenBytes)]
	n, ok := s.name(in, p)
	q, ok := s.equals(in, n, ok)
	if !ok && s.err == nil && len(in) == p+MaxTokenBytes {
		s.fail(PolicyViolation, "attribute name too long")
	}
	return n, q, ok
}

// equals reads the equals sign behind the name n, if that is whole, and returns the index of the quote that follows.
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
	switch string(n.all(b)) {
	case "xmlns":
		return declaresSpace
	case "to":
		return isTo
	case "from":
		return isFrom
	case "id":
		return isID
	case "type":
		return isType
	case "xml:lang":
		return isLang
	}
	switch {
	case !n.prefixed():
		return unprefixed
	case string(n.prefix(b)) == "xmlns":
		return declaresPrefix
	}
	return prefixed
}

// value checks an attribute value from p on and returns the index behind its closing quote.
func (s *Scanner) value(b []byte, p int) (int, bool) {
	a := &s.work.attrs[len(s.work.attrs)-1]
	for ok := true; ; {
		if p = plainValue(b, p); p == len(b) {
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
			a.value.raw = true
			p, ok = s.reference(b, p)
		default:
			a.value.raw = a.value.raw || c < 0x20
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
	if w.kinds&(declaresPrefix|declaresSpace) != 0 && !s.bind(b) {
		return false
	}
	if (w.again != 0 || w.kinds&prefixed != 0) && !s.distinct(b) {
		return false // only names of one kind can be the same
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
