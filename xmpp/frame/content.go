package frame

import "bytes"

// cdataStart opens a CDATA section. XML 1.0 §2.7.
const cdataStart = "<![CDATA["

// text checks character data from p on and stops at the next '<'.
func (s *Scanner) text(b []byte, p int) (int, bool) {
	for ok := true; ; {
		if p < len(b) && b[p] != '<' {
			p = plainText(b, p)
		}
		if p == len(b) {
			return p, false
		}
		switch b[p] {
		case '<':
			s.place = atMarkup
			return s.markup(b, p)
		case '&':
			p, ok = s.reference(b, p)
		case ']':
			p, ok = s.bracket(b, p)
		default:
			p, ok = s.character(b, p)
		}
		if !ok {
			return p, false
		}
	}
}

// bracket passes the ']' at p unless it begins "]]>", which text may not hold. XML 1.0 §2.4.
func (s *Scanner) bracket(b []byte, p int) (int, bool) {
	end, whole := closes(b, p)
	if end {
		return p, s.fail(NotWellFormed, "section end outside a section")
	}
	if !whole {
		return p, false
	}
	return p + 1, true
}

// closes reports whether "]]>" stands at p, and whether the bytes at hand tell.
func closes(b []byte, p int) (end, whole bool) {
	for i, c := range []byte("]]>") {
		if p+i == len(b) {
			return false, false
		}
		if b[p+i] != c {
			return false, true
		}
	}
	return true, true
}

// cdata checks a CDATA section from p on to its end.
func (s *Scanner) cdata(b []byte, p int) (int, bool) {
	for ok := true; ; {
		if p = plainText(b, p); p == len(b) {
			return p, false
		}
		switch b[p] {
		case '<', '&':
			p++
		case ']':
			end, whole := closes(b, p)
			if end {
				s.place = inContent
				return p + 3, true
			}
			if !whole {
				return p, false
			}
			p++
		default:
			if p, ok = s.character(b, p); !ok {
				return p, false
			}
		}
	}
}

// markup reads what stands at p, usually a '<', and returns where to go on.
func (s *Scanner) markup(b []byte, p int) (int, bool) {
	if b[p] != '<' {
		return p, s.outsideText(b, p)
	}
	// Nearly every start tag has a name at hand as a whole and without a prefix.
	if q := nameRun(b, p+1); q < len(b) && q-p < MaxTokenBytes && starts(b, p+1) && nameBytes[b[q]] == behindName {
		return s.startTag(p, qname{uint32(p + 1), uint32(p + 1), uint32(q)})
	}
	in := b[:min(len(b), p+MaxTokenBytes)]
	q, ok := s.token(in, p)
	if !ok && s.err == nil && len(in) == p+MaxTokenBytes {
		return p, s.fail(PolicyViolation, "tag name too long")
	}
	return q, ok
}

// token tells the kinds of markup apart by the second byte.
func (s *Scanner) token(b []byte, p int) (int, bool) {
	if len(b) < p+2 {
		return p, false
	}
	switch b[p+1] {
	case '/':
		return s.endTag(b, p)
	case '!':
		return s.declaration(b, p)
	case '?':
		return p, s.fail(RestrictedXML, "processing instruction") // RFC 6120 §11.1
	}
	n, ok := s.name(b, p+1)
	if !ok {
		return p, false
	}
	return s.startTag(p, n)
}

// declaration opens the CDATA section at p and refuses everything else that begins with "<!".
func (s *Scanner) declaration(b []byte, p int) (int, bool) {
	have := b[p:min(len(b), p+len(cdataStart))]
	switch {
	case len(have) < 3:
		return p, false
	case have[2] == '-' || nameBytes[have[2]]&nameStart != 0:
		return p, s.fail(RestrictedXML, "comment or document type") // RFC 6120 §11.1
	case !bytes.HasPrefix([]byte(cdataStart), have):
		return p, s.fail(NotWellFormed, "invalid markup")
	case len(have) < len(cdataStart):
		return p, false
	case len(s.work.open) == 0:
		return p, s.fail(BadFormat, "text between elements")
	}
	s.place = inCData
	return p + len(cdataStart), true
}

// outsideText refuses what is neither markup nor white space where only elements may stand.
func (s *Scanner) outsideText(b []byte, p int) bool {
	switch {
	case s.stage == inStream:
		return s.fail(BadFormat, "text between elements") // RFC 6120 §4.9.3.1
	case b[p] == 0xFE || b[p] == 0xFF || b[p] == 0:
		return s.fail(UnsupportedEncoding, "not UTF-8") // RFC 6120 §11.6
	}
	return s.fail(NotWellFormed, "text before the stream header")
}

// endTag reads the end tag at p.
func (s *Scanner) endTag(b []byte, p int) (int, bool) {
	w := s.work
	if len(w.open) == 0 {
		return s.streamEnd(b, p)
	}
	name := w.open[len(w.open)-1].name.all(b)
	if q := p + 2 + len(name); q < len(b) && b[q] == '>' && string(b[p+2:q]) == string(name) {
		return s.close(p, q+1), true
	}
	q, ok := s.endName(b, p, string(name))
	if !ok {
		return p, false
	}
	return s.close(p, q), true
}

// endName checks that the end tag at p has the name given, and returns the index behind it.
func (s *Scanner) endName(b []byte, p int, name string) (int, bool) {
	n, ok := s.name(b, p+2)
	if !ok {
		return p, false
	}
	if string(n.all(b)) != name {
		return p, s.fail(NotWellFormed, "end tag does not match")
	}
	q := skipSpace(b, int(n.end))
	if q == len(b) {
		return p, false
	}
	if b[q] != '>' {
		return p, s.fail(NotWellFormed, "invalid end tag")
	}
	return q + 1, true
}

// streamEnd reads the end tag of the stream. RFC 6120 §4.4.
func (s *Scanner) streamEnd(b []byte, p int) (int, bool) {
	q, ok := s.endName(b, p, s.root)
	if !ok {
		return p, false
	}
	s.place = atEnd
	return q, true
}

// close ends the innermost open element, whose content ends at inner and whose end tag ends at end.
func (s *Scanner) close(inner, end int) int {
	w := s.work
	last := len(w.open) - 1
	w.bound = w.bound[:w.open[last].bound]
	w.open = w.open[:last]
	s.place = inContent
	switch last {
	case 0:
		w.top.inner.end = uint32(inner)
		s.place = complete
	case 1:
		c := &w.children[len(w.children)-1]
		c.inner.end, c.whole.end = uint32(inner), uint32(end)
	}
	return end
}
