package frame

import "bytes"

// Namespaces that the framer itself must know.
const (
	NSClient    = "jabber:client"                        // RFC 6120 §4.8.2
	NSServer    = "jabber:server"                        // RFC 6120 §4.8.2
	NSComponent = "jabber:component:accept"              // XEP-0114 §3
	NSStreams   = "http://etherx.jabber.org/streams"     // RFC 6120 §4.8.1
	nsXML       = "http://www.w3.org/XML/1998/namespace" // bound to xml always
	nsXMLNS     = "http://www.w3.org/2000/xmlns/"        // bound to xmlns always
)

// controls are the control characters of XML.
const controls = "\t\n\r"

// The content namespaces as bytes, never written to.
var clientSpace, serverSpace = []byte(NSClient), []byte(NSServer)

// origin says where the bytes of a namespace lie.
type origin uint8

const (
	fromStream origin = iota // the content namespace of the stream
	fromBytes                // span in the element
	fromRaw                  // span in the element, to be decoded
	fromOuter                // a prefix of the stream header; start is its number
	fromXML                  // the xml prefix
)

// uri is a namespace name.
type uri struct {
	span
	origin origin
}

// binding is a prefix in scope.
type binding struct {
	prefix span
	uri    uri
}

// uri returns the namespace name u itself.
func (s *Scanner) uri(b []byte, u uri) []byte {
	switch u.origin {
	case fromBytes:
		return s.named(u.of(b))
	case fromRaw:
		return s.named(decodeValue(u.of(b)))
	case fromOuter:
		return []byte(s.outer[u.start].uri)
	case fromXML:
		return []byte(nsXML)
	}
	return s.space
}

// named returns the namespace that a name on this stream stands for.
func (s *Scanner) named(space []byte) []byte {
	if s.alias != "" && string(space) == s.alias {
		return s.space
	}
	return space
}

// declared returns the namespace that a declaration with the value v declares.
func declared(v value) uri {
	if v.raw {
		return uri{v.span, fromRaw}
	}
	return uri{v.span, fromBytes}
}

// bind enters the prefixes that the tag declares.
func (s *Scanner) bind(b []byte) bool {
	ok := true
	attrs := s.work.attrs
	for i := 0; ok && i < len(attrs); i++ {
		switch a := &attrs[i]; a.kind {
		case declaresSpace:
			s.work.space = declared(a.value)
			ok = s.declarable(b, a.value, "")
		case declaresPrefix:
			ok = s.bindPrefix(b, a)
		}
	}
	return ok
}

// bindPrefix enters the prefix that a declares.
func (s *Scanner) bindPrefix(b []byte, a *attr) bool {
	prefix := string(a.name.local(b))
	switch {
	case !s.declarable(b, a.value, prefix):
		return false
	case a.value.start == a.value.end:
		return s.fail(BadNamespacePrefix, "prefix undeclared") // Namespaces in XML 1.0 §2.2
	case prefix == "xml":
		return true
	case len(s.work.bound) >= s.limits.Namespaces:
		return s.fail(PolicyViolation, "too many namespace prefixes")
	}
	s.work.bound = append(s.work.bound, binding{span{a.name.colon + 1, a.name.end}, declared(a.value)})
	return true
}

// declarable refuses declarations of the reserved prefixes and namespaces, and notes those of the stream namespace.
// Namespaces in XML 1.0 §3.
func (s *Scanner) declarable(b []byte, v value, prefix string) bool {
	switch u := s.uri(b, declared(v)); {
	case v.raw && (bytes.ContainsAny(u, controls) || bytes.ContainsAny(v.of(b), controls)):
		return s.fail(NotWellFormed, "control character in a namespace") // parsers disagree on what it becomes
	case (string(u) == nsXML) != (prefix == "xml"), string(u) == nsXMLNS, prefix == "xmlns":
		return s.fail(BadNamespacePrefix, "reserved namespace prefix")
	case string(u) == NSStreams:
		s.work.top.streams = true
	}
	return true
}

// resolve returns the namespace of a prefix declared in the element.
func (s *Scanner) resolve(b []byte, prefix []byte) (uri, bool) {
	for i := len(s.work.bound) - 1; i >= 0; i-- {
		if n := &s.work.bound[i]; string(n.prefix.of(b)) == string(prefix) {
			return n.uri, true
		}
	}
	if string(prefix) == "xml" {
		return uri{origin: fromXML}, true
	}
	return uri{}, s.fail(BadNamespacePrefix, "prefix not declared in the element")
}

// resolveTop is resolve for the name of a top-level element, which may use a prefix of the stream header.
func (s *Scanner) resolveTop(b []byte, prefix []byte) (uri, bool) {
	for i := range s.work.bound {
		if n := &s.work.bound[i]; string(n.prefix.of(b)) == string(prefix) {
			return n.uri, true
		}
	}
	for i := range s.outer {
		if s.outer[i].prefix == string(prefix) {
			return uri{span{start: uint32(i)}, fromOuter}, true
		}
	}
	return s.resolve(b, prefix)
}
