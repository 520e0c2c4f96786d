package frame

// Kind says what Next found.
type Kind uint8

// What Next finds.
const (
	None         Kind = iota // more bytes are needed
	StreamHeader             // the start tag of the stream: see Header
	Element                  // a whole top-level element: see Frame
	End                      // the end tag of the stream
)

// stage is how far the stream has come.
type stage uint8

const (
	atProlog stage = iota // an XML declaration may come
	atHeader              // the header must come
	inStream              // elements
	ended                 // nothing counts any more
)

// place is where within an element the scan stopped.
type place uint8

const (
	atMarkup  place = iota // at '<', or before the first byte of a top-level element
	inTag                  // between the attributes of a start tag
	inValue                // within an attribute value
	inContent              // within text
	inCData                // within a CDATA section
	complete               // the top-level element has ended
	atEnd                  // the stream has ended
)

// Scanner reads one direction of one stream. It keeps how far it has come, never the bytes. The zero value must be Reset.
// It is not safe for concurrent use.
type Scanner struct {
	limits Limits
	err    *Error
	work   *work     // nil while nothing is half-read and nobody looks at a result
	space  []byte    // the content namespace, that of the stanzas. RFC 6120 §4.8.2
	alias  string    // another name of the content namespace, which this stream uses for it; empty: none
	root   string    // the stream's start tag as it was spelt, for its end tag
	outer  []outside // prefixes that the header declared

	pos      int // bytes of the element already checked
	children int // elements seen within the top-level one
	stage    stage
	place    place
	quote    byte // of the attribute value being read
}

// outside is a prefix declared by the stream header. Only names of top-level elements may use it.
type outside struct{ prefix, uri string }

// Reset prepares s for a new stream of a client, also one that replaces another after TLS or SASL: an XML declaration or a
// stream header must come next. RFC 6120 §4.3.3.
func (s *Scanner) Reset(l Limits) { s.reset(clientSpace, l) }

// ResetServer is Reset for the stream of another server.
func (s *Scanner) ResetServer(l Limits) { s.reset(serverSpace, l) }

// ResetComponent is Reset for the stream of an external component: it calls the content namespace [NSComponent], and its frames
// are those of [NSClient]. XEP-0114 §3
func (s *Scanner) ResetComponent(l Limits) {
	s.reset(clientSpace, l)
	s.alias = NSComponent
}

func (s *Scanner) reset(space []byte, l Limits) {
	if s.work != nil {
		s.work.begin()
	}
	*s = Scanner{work: s.work, space: space}
	s.SetLimits(l)
}

// SetLimits changes the limits from the next element on.
func (s *Scanner) SetLimits(l Limits) {
	l.StanzaBytes = min(l.StanzaBytes, maxStanzaBytes)
	s.limits = l
}

// Next examines buf, which begins with the first byte that no earlier call consumed: what earlier calls were shown and did
// not consume comes first again, at any address, with the same bytes. It returns how many bytes it consumed and what they
// were. White space between elements is consumed also with None. RFC 6120 §4.6.1.
//
// An error is an [*Error] and final: it is returned again until Reset. With [InvalidNamespace] for a stream header, Header
// is valid all the same, so that the answer can be addressed. After End all bytes are consumed and ignored.
func (s *Scanner) Next(buf []byte) (n int, kind Kind, err error) {
	if s.err != nil {
		return 0, None, s.err
	}
	if s.stage == ended {
		return len(buf), None, nil // RFC 6120 §4.4
	}
	if s.pos == 0 {
		n = skipSpace(buf, 0)
	}
	if s.stage == atProlog && n < len(buf) {
		if n, err = s.prolog(buf, n); err != nil || s.stage == atProlog {
			return n, None, err
		}
		n = skipSpace(buf, n)
	}
	if n == len(buf) {
		return n, None, nil
	}
	kind, err = s.element(buf[n:])
	if kind != None {
		n, s.pos = n+s.pos, 0
	}
	return n, kind, err
}

// element scans the element, header or end tag that b begins with; s.pos is its end when one was found.
func (s *Scanner) element(b []byte) (Kind, error) {
	if s.work == nil {
		s.work = borrow()
	}
	in := b[:min(len(b), max(s.limits.StanzaBytes, s.pos))]
	if s.pos > len(in) {
		return None, nil
	}
	s.scan(in)
	switch {
	case s.err != nil:
		return None, s.err
	case s.place == complete && s.stage == atHeader:
		s.stage, s.place = inStream, atMarkup
		return StreamHeader, nil
	case s.place == complete:
		s.place = atMarkup
		s.index(in[:s.pos:s.pos])
		return Element, nil
	case s.place == atEnd:
		s.stage = ended
		return End, nil
	case len(in) < len(b):
		s.err = &Error{PolicyViolation, true, "element too big"}
		return None, s.err
	}
	return None, nil
}

// scan goes on at s.pos until the element is complete, the bytes are used up or an error is found.
func (s *Scanner) scan(b []byte) {
	p, ok := s.pos, true
	for ok && s.place < complete {
		switch s.place {
		case inContent:
			p, ok = s.text(b, p)
		case inTag:
			p, ok = s.tag(b, p)
		case inValue:
			p, ok = s.value(b, p)
		case inCData:
			p, ok = s.cdata(b, p)
		default:
			p, ok = s.markup(b, p)
		}
	}
	s.pos = p
}

// Header returns the stream header found last. It is valid after StreamHeader until the next call of Next, Reset or Park;
// at other times it is empty or stale.
func (s *Scanner) Header() *Header {
	if s.work == nil {
		return new(Header)
	}
	return &s.work.header
}

// Frame returns the element found last. It and its slices are valid after Element until the next call of Next, Reset or
// Park, and as long as the bytes given to Next are left alone.
func (s *Scanner) Frame() *Frame {
	if s.work == nil {
		return new(Frame)
	}
	return &s.work.frame
}

// Park gives up working memory if nothing is half-read, so that an idle stream holds next to none. Header and Frame end.
func (s *Scanner) Park() {
	if s.work != nil && s.pos == 0 && len(s.work.open) == 0 {
		s.work.giveBack()
		s.work = nil
	}
}

// fail records the error that ends the stream. It returns false for callers to hand on.
func (s *Scanner) fail(c Condition, detail string) bool {
	s.err = &Error{Condition: c, Detail: detail}
	return false
}
