package wire

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// ErrStreamEnd is returned when the peer closed its stream with </stream:stream>.
var ErrStreamEnd = errors.New("wire: end of the stream")

// Reader reads elements from a stream whose names it resolves itself; encoding/xml only cuts the tokens, because it
// lets undeclared prefixes pass.
type Reader struct {
	dec    *xml.Decoder
	scopes []map[string]string
	open   []xml.Name // as written, for the check of end tags
	Header *Node      // the stream's start tag, once Open has read it
}

// NewReader reads from r; predeclared prefixes are in scope from the start.
func NewReader(r io.Reader, predeclared map[string]string) *Reader {
	base := map[string]string{"xml": nsXML}
	for p, ns := range predeclared {
		base[p] = ns
	}
	return &Reader{dec: xml.NewDecoder(r), scopes: []map[string]string{base}}
}

// Open reads the stream's start tag.
func (r *Reader) Open() (*Node, error) {
	for {
		tok, err := r.dec.RawToken()
		if err != nil {
			return nil, fmt.Errorf("wire: reading the stream header: %w", err)
		}
		if start, ok := tok.(xml.StartElement); ok {
			r.Header, err = r.start(start)
			return r.Header, err
		}
	}
}

// Next reads the next element below the stream's root; whitespace between elements is dropped.
func (r *Reader) Next() (*Node, error) {
	for {
		tok, err := r.dec.RawToken()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			return r.element(tok)
		case xml.EndElement:
			if err := r.end(tok); err != nil {
				return nil, err
			}
			return nil, ErrStreamEnd
		case xml.CharData:
			if len(trimSpace(tok)) > 0 {
				return nil, fmt.Errorf("wire: text between stanzas: %q", tok)
			}
		default:
			return nil, fmt.Errorf("wire: %T between stanzas, RFC 6120 §11.1 forbids it", tok)
		}
	}
}

func (r *Reader) element(start xml.StartElement) (*Node, error) {
	n, err := r.start(start)
	if err != nil {
		return nil, err
	}
	for {
		tok, err := r.dec.RawToken()
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			c, err := r.element(tok)
			if err != nil {
				return nil, err
			}
			n.Children = append(n.Children, c)
		case xml.CharData:
			n.addText(string(tok))
		case xml.EndElement:
			return n, r.end(tok)
		default:
			return nil, fmt.Errorf("wire: %T inside <%s/>, RFC 6120 §11.1 forbids it", tok, n.Name.Local)
		}
	}
}

// start resolves a start tag and pushes its scope. Namespaces in XML 1.0 §5, §6.
func (r *Reader) start(tok xml.StartElement) (*Node, error) {
	r.open = append(r.open, tok.Name)
	scope := map[string]string{}
	for _, a := range tok.Attr {
		switch {
		case a.Name.Space == "xmlns":
			scope[a.Name.Local] = a.Value
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			scope[""] = a.Value
		}
	}
	r.scopes = append(r.scopes, scope)
	space, err := r.resolve(tok.Name.Space)
	if err != nil {
		return nil, err
	}
	line, _ := r.dec.InputPos()
	n := &Node{Name: xml.Name{Space: space, Local: tok.Name.Local}, Line: line}
	seen := map[xml.Name]bool{}
	for _, a := range tok.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if a.Name.Space != "" {
			if a.Name.Space, err = r.resolve(a.Name.Space); err != nil {
				return nil, err
			}
		}
		if seen[a.Name] {
			return nil, fmt.Errorf("wire: attribute %s twice in <%s/>", a.Name.Local, n.Name.Local)
		}
		seen[a.Name] = true
		n.Attrs = append(n.Attrs, a)
	}
	return n, nil
}

func (r *Reader) end(tok xml.EndElement) error {
	last := len(r.open) - 1
	if last < 0 || r.open[last] != tok.Name {
		return fmt.Errorf("wire: </%s> closes another element", tok.Name.Local)
	}
	r.open = r.open[:last]
	r.scopes = r.scopes[:len(r.scopes)-1]
	return nil
}

func (r *Reader) resolve(prefix string) (string, error) {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if ns, ok := r.scopes[i][prefix]; ok {
			return ns, nil
		}
	}
	if prefix == "" {
		return "", nil
	}
	return "", fmt.Errorf("wire: prefix %q is not declared", prefix)
}

func (n *Node) addText(s string) {
	if last := len(n.Children) - 1; last >= 0 && n.Children[last].IsText() {
		n.Children[last].Text += s
		return
	}
	n.Children = append(n.Children, &Node{Text: s})
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\t' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}
