package frame

import "unicode/utf8"

const (
	nameStart  = 1 << iota // may begin a name
	nameRest               // may stand in a name
	behindName             // may stand behind a name without a prefix
)

// nameBytes classifies the bytes of names. Names beyond ASCII are legal XML, but the editions of XML differ in which, and no
// protocol uses them: they are refused.
var nameBytes = [256]uint8{
	' ': behindName, '\t': behindName, '\n': behindName, '\r': behindName, '=': behindName, '/': behindName, '>': behindName,
	'_': nameStart | nameRest, '-': nameRest, '.': nameRest,
	'0': nameRest, '1': nameRest, '2': nameRest, '3': nameRest, '4': nameRest,
	'5': nameRest, '6': nameRest, '7': nameRest, '8': nameRest, '9': nameRest,
	'a': 3, 'b': 3, 'c': 3, 'd': 3, 'e': 3, 'f': 3, 'g': 3, 'h': 3, 'i': 3, 'j': 3, 'k': 3, 'l': 3, 'm': 3,
	'n': 3, 'o': 3, 'p': 3, 'q': 3, 'r': 3, 's': 3, 't': 3, 'u': 3, 'v': 3, 'w': 3, 'x': 3, 'y': 3, 'z': 3,
	'A': 3, 'B': 3, 'C': 3, 'D': 3, 'E': 3, 'F': 3, 'G': 3, 'H': 3, 'I': 3, 'J': 3, 'K': 3, 'L': 3, 'M': 3,
	'N': 3, 'O': 3, 'P': 3, 'Q': 3, 'R': 3, 'S': 3, 'T': 3, 'U': 3, 'V': 3, 'W': 3, 'X': 3, 'Y': 3, 'Z': 3,
}

// qname is a qualified name: offsets of its first byte, of its colon (or of its first byte when it has none) and of its end.
type qname struct{ start, colon, end uint32 }

func (n qname) prefixed() bool         { return n.colon != n.start }
func (n qname) all(b []byte) []byte    { return b[n.start:n.end] }
func (n qname) prefix(b []byte) []byte { return b[n.start:n.colon] }

func (n qname) local(b []byte) []byte {
	if n.prefixed() {
		return b[n.colon+1 : n.end]
	}
	return b[n.start:n.end]
}

// name reads the qualified name at p. It returns false when the name may go on behind the bytes at hand, or is none.
func (s *Scanner) name(b []byte, p int) (qname, bool) {
	q := nameRun(b, p)
	n := qname{uint32(p), uint32(p), uint32(q)}
	if q < len(b) && b[q] == ':' {
		q = nameRun(b, q+1)
		n.colon, n.end = n.end, uint32(q)
	}
	if q == len(b) {
		return n, false
	}
	if b[q] >= utf8.RuneSelf {
		return n, utf8.FullRune(b[q:]) && s.badName(b, q)
	}
	if b[q] == ':' || !starts(b, p) || !starts(b, int(n.colon)+1) && n.prefixed() {
		return n, s.fail(NotWellFormed, "invalid name")
	}
	return n, true
}

// nameRun returns the first index from p on whose byte stands in no name.
func nameRun(b []byte, p int) int {
	for i, c := range b[p:] {
		if nameBytes[c]&nameRest == 0 {
			return p + i
		}
	}
	return len(b)
}

// starts reports whether a name may begin at p.
func starts(b []byte, p int) bool { return nameBytes[b[p]]&nameStart != 0 }

// badName tells names beyond ASCII from broken ones. At q stands the first byte beyond ASCII of a whole character.
func (s *Scanner) badName(b []byte, q int) bool {
	if r, n := utf8.DecodeRune(b[q:]); n > 1 && isChar(r) {
		return s.fail(BadFormat, "name beyond ASCII")
	}
	return s.fail(NotWellFormed, "bytes are not UTF-8")
}
