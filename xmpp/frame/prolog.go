package frame

import (
	"bytes"
	"strings"
)

// Header is the start tag of a stream. Values are decoded; nil is an attribute that was not there. RFC 6120 §4.7.
type Header struct {
	To, From, ID, Version, Lang []byte
	Space                       []byte // the default namespace
}

// prolog passes the XML declaration at n, if one stands there, and returns the index behind it. The stage stays atProlog
// while the bytes do not tell.
func (s *Scanner) prolog(buf []byte, n int) (int, error) {
	in := buf[n:min(len(buf), n+MaxTokenBytes)]
	if in[0] == '<' && len(in) == 1 {
		return n, nil
	}
	if in[0] != '<' || in[1] != '?' {
		s.stage = atHeader
		if in[0] == '<' && in[1] == 0 {
			s.fail(UnsupportedEncoding, "not UTF-8") // RFC 6120 §11.6
			return n, s.err
		}
		return n, nil
	}
	end := bytes.Index(in[2:], []byte("?>")) // of what stands between the marks
	switch {
	case end < 0 && len(in) < MaxTokenBytes:
		return n, nil
	case end < 0:
		s.fail(NotWellFormed, "XML declaration too long")
	case s.xmlDeclaration(string(in[2 : 2+end])):
		s.stage = atHeader
		return n + end + 4, nil
	}
	return n, s.err
}

// xmlDeclaration checks what an XML declaration says. XML 1.0 §2.8.
func (s *Scanner) xmlDeclaration(text string) bool {
	rest, ok := strings.CutPrefix(text, "xml")
	if !ok || rest == "" || !isSpace(rest[0]) {
		return s.fail(RestrictedXML, "processing instruction") // RFC 6120 §11.1
	}
	for _, want := range []string{"version", "encoding", "standalone"} {
		value, after, found := pseudo(rest, want)
		switch {
		case !found && want == "version", found && want == "version" && value != "1.0":
			return s.fail(NotWellFormed, "not XML 1.0") // RFC 6120 §11.1
		case found && want == "encoding" && !strings.EqualFold(value, "utf-8"):
			return s.fail(UnsupportedEncoding, "not UTF-8") // RFC 6120 §11.6
		case found && want == "standalone" && value != "yes" && value != "no":
			return s.fail(NotWellFormed, "invalid XML declaration")
		case found:
			rest = after
		}
	}
	if strings.Trim(rest, " \t\r\n") != "" {
		return s.fail(NotWellFormed, "invalid XML declaration")
	}
	return true
}

// pseudo reads ` name = "value"` off the front of text.
func pseudo(text, name string) (value, after string, ok bool) {
	const space = " \t\r\n"
	t := strings.TrimLeft(text, space)
	if len(t) == len(text) || !strings.HasPrefix(t, name) {
		return "", text, false
	}
	t = strings.TrimLeft(t[len(name):], space)
	if t, ok = strings.CutPrefix(t, "="); !ok {
		return "", text, false
	}
	if t = strings.TrimLeft(t, space); t == "" || t[0] != '\'' && t[0] != '"' {
		return "", text, false
	}
	value, after, ok = strings.Cut(t[1:], t[:1])
	return value, after, ok
}

// header finishes the start tag of the stream. RFC 6120 §4.7, §4.8.
func (s *Scanner) header(b []byte, empty bool) bool {
	w := s.work
	root := w.open[0].name
	space := s.fillHeader(b, &w.header)
	s.root, s.outer = intern(root.all(b)), nil
	for _, n := range w.bound {
		s.outer = append(s.outer, outside{intern(n.prefix.of(b)), intern(s.uri(b, n.uri))})
	}
	if root.prefixed() {
		u, ok := s.resolve(b, root.prefix(b))
		if !ok {
			return false
		}
		space = s.uri(b, u)
	}
	s.place = complete
	w.begin()
	switch {
	case string(space) != NSStreams:
		return s.fail(InvalidNamespace, "not the stream namespace")
	case string(root.local(b)) != "stream":
		return s.fail(BadFormat, "not a stream header")
	case string(w.header.Space) != s.expected():
		return s.fail(InvalidNamespace, "not the content namespace") // RFC 6120 §4.8.2
	case empty:
		return s.fail(BadFormat, "empty stream")
	}
	return true
}

// expected is the default namespace of the stream.
func (s *Scanner) expected() string {
	if s.alias != "" {
		return s.alias
	}
	return string(s.space)
}

// fillHeader stores the attributes of the stream's start tag and returns the default namespace.
func (s *Scanner) fillHeader(b []byte, h *Header) []byte {
	*h = Header{}
	for i := range s.work.attrs {
		a := &s.work.attrs[i]
		switch string(a.name.all(b)) {
		case "to":
			h.To = a.value.decoded(b)
		case "from":
			h.From = a.value.decoded(b)
		case "id":
			h.ID = a.value.decoded(b)
		case "version":
			h.Version = a.value.decoded(b)
		case "xml:lang":
			h.Lang = a.value.decoded(b)
		case "xmlns":
			h.Space = a.value.decoded(b)
		}
	}
	return h.Space
}

// intern returns b as a string, without a copy for what nearly every header holds.
func intern(b []byte) string {
	switch string(b) {
	case "stream":
		return "stream"
	case "stream:stream":
		return "stream:stream"
	case NSStreams:
		return NSStreams
	}
	return string(b)
}
