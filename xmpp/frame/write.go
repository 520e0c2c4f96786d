package frame

import (
	"slices"
	"unicode/utf8"
)

// Stamp is what the server writes into the start tag of a stanza it passes on. Values are plain text; empty ones leave what
// the frame has.
type Stamp struct {
	From, To string
	ID, Type string
	Lang     string // used only when the frame has no xml:lang. RFC 6120 §8.1.5
	XMLNS    string // an explicit default namespace: storage, forwarding, servers, WebSocket
	Append   []byte // well-formed bytes to stand behind the children
}

// AppendTo appends the stanza to dst: a start tag in canonical form, the children that are neither dropped nor in skip
// (numbers in Children) as the bytes they were, and t.Append. Attributes and declarations that Stamp does not know are kept.
// An element that is no stanza is appended as it was, unstamped.
func (f *Frame) AppendTo(dst []byte, t Stamp, skip ...int) []byte {
	if f.Name == Other {
		return append(dst, f.Raw...)
	}
	dst = slices.Grow(dst, len(f.Raw)+len(t.Append)+len(t.From)+len(t.To)+len(t.Lang)+len(t.XMLNS)+64)
	dst = append(append(dst, '<'), f.Local...)
	if t.XMLNS != "" {
		dst = appendAttribute(dst, " xmlns='", t.XMLNS)
	}
	dst = appendChoice(dst, " from='", t.From, f.From)
	dst = appendChoice(dst, " to='", t.To, f.To)
	dst = appendChoice(dst, " id='", t.ID, f.ID)
	dst = appendChoice(dst, " type='", t.Type, f.Type)
	if f.Lang != nil {
		t.Lang = ""
	}
	dst = appendChoice(dst, " xml:lang='", t.Lang, f.Lang)
	if f.extra {
		dst = f.appendExtra(dst)
	}
	start := len(dst)
	dst = f.appendBody(append(dst, '>'), skip)
	dst = append(dst, t.Append...)
	if len(dst) == start+1 {
		return append(dst[:start], "/>"...)
	}
	return append(append(append(dst, "</"...), f.Local...), '>')
}

// appendChoice appends the attribute with the value stamped, or else with the value it had, if it was there.
func appendChoice(dst []byte, opening, stamped string, had []byte) []byte {
	if stamped != "" {
		return appendAttribute(dst, opening, stamped)
	}
	if had != nil {
		return appendAttribute(dst, opening, had)
	}
	return dst
}

func appendAttribute[T string | []byte](dst []byte, opening string, value T) []byte {
	return append(AppendEscaped(append(dst, opening...), value), '\'')
}

// appendExtra copies the attributes and declarations that Stamp does not know.
func (f *Frame) appendExtra(dst []byte) []byte {
	n, v, p := nextAttribute(f.Raw, nameEnd(f.Raw))
	for ; p != 0; n, v, p = nextAttribute(f.Raw, p) {
		switch string(n) {
		case "to", "from", "id", "type", "xml:lang", "xmlns":
			continue
		}
		dst = append(append(append(dst, ' '), n...), "='"...)
		dst = append(AppendEscaped(dst, decodeValue(v)), '\'')
	}
	return dst
}

// appendBody copies the content without the children to be left out.
func (f *Frame) appendBody(dst []byte, skip []int) []byte {
	from, end := f.body, f.body+len(f.Body)
	for i := range f.Children {
		c := &f.Children[i]
		if !c.Dropped && !slices.Contains(skip, i) {
			continue
		}
		dst = append(dst, f.Raw[from:c.Start]...)
		from = c.End
	}
	return append(dst, f.Raw[from:end]...)
}

// Tag is the start tag of a stanza that the server makes itself. Empty values are left out.
type Tag struct {
	Name                            string
	XMLNS, From, To, ID, Type, Lang string
}

// AppendTo appends the stanza with content, which must be well-formed bytes.
func (t Tag) AppendTo(dst []byte, content []byte) []byte {
	dst = append(append(dst, '<'), t.Name...)
	dst = appendChoice(dst, " xmlns='", t.XMLNS, nil)
	dst = appendChoice(dst, " from='", t.From, nil)
	dst = appendChoice(dst, " to='", t.To, nil)
	dst = appendChoice(dst, " id='", t.ID, nil)
	dst = appendChoice(dst, " type='", t.Type, nil)
	dst = appendChoice(dst, " xml:lang='", t.Lang, nil)
	if len(content) == 0 {
		return append(dst, "/>"...)
	}
	dst = append(append(dst, '>'), content...)
	return append(append(append(dst, "</"...), t.Name...), '>')
}

// AppendEscaped appends text so that it may stand in content and in an attribute value in either quotes. What XML cannot
// hold becomes U+FFFD.
func AppendEscaped[T string | []byte](dst []byte, text T) []byte {
	done, p := 0, 0
	for {
		for p < len(text) && asItself[text[p]] {
			p++
		}
		if p == len(text) {
			return append(dst, text[done:]...)
		}
		n, with := escape(text, p)
		if with != "" {
			dst = append(append(dst, text[done:p]...), with...)
			done = p + n
		}
		p += n
	}
}

// asItself holds the bytes that need no escape and no second look: ASCII but for markup, quotes and controls.
var asItself = plainBytes()

func plainBytes() (t [256]bool) {
	for c := range utf8.RuneSelf {
		t[c] = c >= ' ' && c != '&' && c != '<' && c != '>' && c != '\'' && c != '"'
	}
	return t
}

// escape returns the size of the character at p and what to write for it, which is empty for itself.
func escape[T string | []byte](text T, p int) (int, string) {
	switch text[p] {
	case '&':
		return 1, "&amp;"
	case '<':
		return 1, "&lt;"
	case '>':
		return 1, "&gt;"
	case '\'':
		return 1, "&apos;"
	case '"':
		return 1, "&quot;"
	case '\t':
		return 1, "&#9;"
	case '\n':
		return 1, "&#10;"
	case '\r':
		return 1, "&#13;"
	}
	r, n := utf8.DecodeRuneInString(string(text[p:min(len(text), p+utf8.UTFMax)]))
	if n == 1 || !isChar(r) {
		return n, "\uFFFD"
	}
	return n, ""
}
