package frame

import (
	"bytes"
	"unicode/utf8"
)

// The functions in this file read bytes that a Scanner has already accepted.

// decoded returns what v stands for: a view where possible.
func (v value) decoded(b []byte) []byte {
	if v.raw {
		return decodeValue(v.of(b))
	}
	return v.of(b)
}

// decodeValue returns what an attribute value stands for. XML 1.0 §3.3.3.
func decodeValue(v []byte) []byte {
	if !bytes.ContainsAny(v, "&\t\r\n") {
		return v
	}
	out := make([]byte, 0, len(v))
	for p := 0; p < len(v); {
		switch c := v[p]; c {
		case '&':
			out, p = appendReference(out, v, p)
		case '\t', '\n', '\r':
			out, p = append(out, ' '), lineEnd(v, p)
		default:
			out, p = append(out, c), p+1
		}
	}
	return out
}

// appendReference appends the character that the reference at p stands for, and returns the index behind it.
func appendReference(dst, b []byte, p int) ([]byte, int) {
	end := p + bytes.IndexByte(b[p:], ';')
	return utf8.AppendRune(dst, dereference(b[p+1:end])), end + 1
}

// lineEnd returns the index behind the white space at p; a carriage return takes its line feed along. XML 1.0 §2.11.
func lineEnd(b []byte, p int) int {
	if b[p] == '\r' && p+1 < len(b) && b[p+1] == '\n' {
		return p + 2
	}
	return p + 1
}

// decodeText returns the character data of an element's content, without that of the elements in it.
func decodeText(b []byte) []byte {
	if !bytes.ContainsAny(b, "<&\r") {
		return b
	}
	out := make([]byte, 0, len(b))
	for p := 0; p < len(b); {
		switch c := b[p]; c {
		case '<':
			out, p = passMarkup(out, b, p)
		case '&':
			out, p = appendReference(out, b, p)
		case '\r':
			out, p = append(out, '\n'), lineEnd(b, p)
		default:
			out, p = append(out, c), p+1
		}
	}
	return out
}

// passMarkup passes the element at p, or appends the text of the CDATA section there.
func passMarkup(dst, b []byte, p int) ([]byte, int) {
	if b[p+1] != '!' {
		return dst, elementEnd(b, p)
	}
	start, end := p+len(cdataStart), sectionEnd(b, p)
	for q := start; q < end-3; {
		if b[q] == '\r' {
			dst, q = append(dst, '\n'), lineEnd(b[:end-3], q)
			continue
		}
		dst, q = append(dst, b[q]), q+1
	}
	return dst, end
}

// sectionEnd returns the index behind the CDATA section at p.
func sectionEnd(b []byte, p int) int { return p + bytes.Index(b[p:], []byte("]]>")) + 3 }

// elementEnd returns the index behind the element at p.
func elementEnd(b []byte, p int) int {
	for depth := 0; ; {
		p += bytes.IndexByte(b[p:], '<')
		if b[p+1] == '!' {
			p = sectionEnd(b, p)
			continue
		}
		end := tagEnd(b, p)
		switch {
		case b[p+1] == '/':
			depth--
		case b[end-2] != '/':
			depth++
		}
		if p = end; depth == 0 {
			return end
		}
	}
}

// tagEnd returns the index behind the tag at p.
func tagEnd(b []byte, p int) int {
	for {
		p += bytes.IndexAny(b[p:], `>'"`)
		if b[p] == '>' {
			return p + 1
		}
		p += bytes.IndexByte(b[p+1:], b[p]) + 2
	}
}

// nextAttribute reads the attribute that follows p in a start tag, and returns the index behind it, or 0 behind the last.
func nextAttribute(b []byte, p int) (name, value []byte, next int) {
	p = skipSpace(b, p)
	if b[p] == '>' || b[p] == '/' {
		return nil, nil, 0
	}
	end := p + bytes.IndexAny(b[p:], "= \t\r\n")
	q := p + bytes.IndexAny(b[p:], `'"`)
	last := q + 1 + bytes.IndexByte(b[q+1:], b[q])
	return b[p:end], b[q+1 : last], last + 1
}

// nameEnd returns the index behind the name in the start tag b.
func nameEnd(b []byte) int {
	p := nameRun(b, 1)
	if b[p] == ':' {
		p = nameRun(b, p+1)
	}
	return p
}

// attribute returns the decoded value of an attribute by its name as it is spelt, or nil.
func attribute(tag []byte, name string) []byte {
	n, v, p := nextAttribute(tag, nameEnd(tag))
	for ; p != 0; n, v, p = nextAttribute(tag, p) {
		if string(n) == name {
			return decodeValue(v)
		}
	}
	return nil
}
