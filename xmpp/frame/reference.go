package frame

// maxReferenceBytes is the longest reference accepted; &#x10FFFF; has ten bytes, the rest is room for zeros.
const maxReferenceBytes = 16

// reference checks the reference at p, where an ampersand stands, and returns the index behind its semicolon.
func (s *Scanner) reference(b []byte, p int) (int, bool) {
	end := min(len(b), p+maxReferenceBytes)
	for q := p + 1; q < end; q++ {
		if c := b[q]; c == ';' {
			return q + 1, s.known(b[p+1 : q])
		} else if nameBytes[c]&nameRest == 0 && c != '#' && c != ':' {
			return p, s.fail(NotWellFormed, "reference without a semicolon")
		}
	}
	if end-p == maxReferenceBytes {
		return p, s.fail(RestrictedXML, "reference too long")
	}
	return p, false
}

// known refuses every entity but the five predefined ones and every reference to a character that is not allowed.
func (s *Scanner) known(name []byte) bool {
	if r := dereference(name); r >= 0 && isChar(r) {
		return true
	}
	if len(name) > 0 && nameBytes[name[0]]&nameStart != 0 {
		return s.fail(RestrictedXML, "entity reference") // RFC 6120 §11.1
	}
	return s.fail(NotWellFormed, "invalid character reference")
}

// dereference returns the character that &name; stands for, or -1.
func dereference(name []byte) rune {
	switch string(name) {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "apos":
		return '\''
	case "quot":
		return '"'
	}
	if len(name) > 2 && name[0] == '#' && name[1] == 'x' {
		return number(name[2:], 16)
	}
	if len(name) > 1 && name[0] == '#' {
		return number(name[1:], 10)
	}
	return -1
}

// number reads digits in the base given, and returns -1 for anything else or above the last code point.
func number(digits []byte, base rune) rune {
	var n rune
	for _, c := range digits {
		d := digit(c)
		if d >= base {
			return -1
		}
		if n = n*base + d; n > 0x10FFFF {
			return -1
		}
	}
	return n
}

// digit returns the value of a hexadecimal digit, or 16.
func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 16
}
