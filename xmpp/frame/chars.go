package frame

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// word returns the eight bytes at p, the first one lowest.
func word(b []byte, p int) uint64 { return binary.LittleEndian.Uint64(b[p : p+8 : p+8]) }

// below has the high bit set in the bytes of v that are less than least, if all are ASCII. With others it is right up to the
// lowest byte that is below or not ASCII; what borrows reach above that one means nothing.
func below(v, least uint64) uint64 { return v - least*ones }

// plainText returns the first index from p on whose byte needs a look in text: '<', '&', ']', a control or a non-ASCII byte.
func plainText(b []byte, p int) int {
	for ; p+8 <= len(b); p += 8 {
		v := word(b, p)
		m := v | below(v, 0x20) | below(v^'<'*ones, 1) | below(v^'&'*ones, 1) | below(v^']'*ones, 1)
		if m &= highs; m != 0 {
			return p + bits.TrailingZeros64(m)>>3
		}
	}
	for p < len(b) && b[p] >= 0x20 && b[p] < 0x80 && b[p] != '<' && b[p] != '&' && b[p] != ']' {
		p++
	}
	return p
}

// plainValue is plainText for an attribute value: '<', '&', either quote, a control or a non-ASCII byte. '&' and '"' differ in
// one bit only, so one comparison that ignores the bit finds both.
func plainValue(b []byte, p int) int {
	for ; p+8 <= len(b); p += 8 {
		v := word(b, p)
		m := v | below(v, 0x20) | below(v^'<'*ones, 1) | below(v^'\''*ones, 1) | below((v|('&'^'"')*ones)^'&'*ones, 1)
		if m &= highs; m != 0 {
			return p + bits.TrailingZeros64(m)>>3
		}
	}
	for p < len(b) && b[p] >= 0x20 && b[p] < 0x80 && b[p] != '<' && b[p] != '&' && b[p] != '\'' && b[p] != '"' {
		p++
	}
	return p
}

// isSpace reports whether c is XML white space.
func isSpace(c byte) bool { return c <= ' ' && (c == ' ' || c == '\n' || c == '\t' || c == '\r') }

// skipSpace returns the first index from p on that holds no white space.
func skipSpace(b []byte, p int) int {
	for p < len(b) && isSpace(b[p]) {
		p++
	}
	return p
}

// isChar reports whether r may occur in XML 1.0, as itself or by a reference. RFC 6120 §11.3.
func isChar(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xD800:
		return true
	}
	return r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// character checks the character at p, which is no markup, and returns the index behind it. It returns false when the
// bytes end within the character or the character is not allowed.
func (s *Scanner) character(b []byte, p int) (int, bool) {
	if b[p] < utf8.RuneSelf {
		if !isChar(rune(b[p])) {
			return p, s.fail(NotWellFormed, "character not allowed")
		}
		return p + 1, true
	}
	r, n := utf8.DecodeRune(b[p:])
	switch {
	case n == 1 && !utf8.FullRune(b[p:]):
		return p, false
	case n == 1:
		return p, s.fail(NotWellFormed, "bytes are not UTF-8")
	case !isChar(r):
		return p, s.fail(NotWellFormed, "character not allowed")
	}
	return p + n, true
}
