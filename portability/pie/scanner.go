package pie

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// scanner reads one file as tokens with resolved namespaces. encoding/xml checks characters, references and tags; names,
// nesting, namespaces and sizes are checked here, because it lets prefixes pass that nobody declared.
type scanner struct {
	in    *bounded
	xml   *xml.Decoder
	file  string
	open  []opened
	scope []binding
	ended bool // the root was closed
}

// opened is an element whose end has not come.
type opened struct {
	prefix, local string
	bindings      int // how many were in scope before it
}

type binding struct{ prefix, uri string }

// token is the start of an element, with the Node but none of its content; or its end; or text.
type token struct {
	start *Node
	end   bool
	text  string
}

// errBounds is returned when a piece of the document is longer than it may be.
var errBounds = errors.New("too long")

// bounded fails beyond a limit, which the scanner moves on.
type bounded struct {
	in          io.Reader
	done, limit int64
	tell        func(n int)
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.done >= b.limit {
		return 0, errBounds
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.limit-b.done)])
	b.done += int64(n)
	if b.tell != nil {
		b.tell(n)
	}
	return n, err
}

func newScanner(in io.Reader, file, space string, tell func(n int)) *scanner {
	s := &scanner{in: &bounded{in: in, limit: MaxHeadBytes, tell: tell}, file: file}
	s.xml = xml.NewDecoder(s.in)
	s.scope = []binding{{"xml", nsXML}, {"", space}}
	return s
}

// allow lets the document go on for n more bytes.
func (s *scanner) allow(n int64) { s.in.limit = s.in.done + n }

func (s *scanner) place() Place {
	line, column := s.xml.InputPos()
	return Place{s.file, line, column}
}

func (s *scanner) fault(at Place, text string) error { return Fault{at, text} }

// next returns the next token; io.EOF once after the root was closed.
func (s *scanner) next() (token, error) {
	for {
		at := s.place()
		raw, err := s.xml.RawToken()
		if err != nil {
			return token{}, s.broken(at, err)
		}
		switch t := raw.(type) {
		case xml.StartElement:
			start, err := s.begin(t, at)
			return token{start: start}, err
		case xml.EndElement:
			return token{end: true}, s.finish(t, at)
		case xml.CharData:
			if len(s.open) > 0 {
				return token{text: string(t)}, nil
			}
			if strings.TrimSpace(strings.TrimPrefix(string(t), "\ufeff")) != "" {
				return token{}, s.fault(at, "text outside of the root element")
			}
		case xml.Directive:
			return token{}, s.fault(at, "a document type or another declaration is not accepted")
		case xml.ProcInst:
			if t.Target == "xml" && s.xml.InputOffset() > maxDeclaration {
				return token{}, s.fault(at, "an XML declaration that is not at the beginning")
			}
		}
	}
}

// maxDeclaration is the furthest end of an XML declaration, in bytes.
const maxDeclaration = 256

func (s *scanner) broken(at Place, err error) error {
	switch {
	case errors.Is(err, io.EOF) && s.ended:
		return io.EOF
	case errors.Is(err, io.EOF):
		return s.fault(at, "the file ends in the middle")
	case errors.Is(err, errBounds):
		return s.fault(at, "an account or the space between two is longer than accepted")
	}
	if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) {
		return s.fault(s.place(), "no well-formed XML")
	}
	if strings.HasPrefix(err.Error(), "xml:") { // an encoding or version that is not read
		return s.fault(at, "not XML 1.0 in UTF-8")
	}
	return fmt.Errorf("read %s: %w", s.file, err)
}

func (s *scanner) begin(t xml.StartElement, at Place) (*Node, error) {
	switch {
	case s.ended:
		return nil, s.fault(at, "a second root element")
	case len(s.open) >= MaxDepth:
		return nil, s.fault(at, "elements are nested too deeply")
	case len(t.Attr) > MaxAttributes:
		return nil, s.fault(at, "too many attributes")
	}
	s.open = append(s.open, opened{t.Name.Space, t.Name.Local, len(s.scope)})
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "xmlns":
			if a.Value == "" || a.Name.Local == "xmlns" || (a.Name.Local == "xml") != (a.Value == nsXML) {
				return nil, s.fault(at, "a namespace declaration that is not allowed")
			}
			s.scope = append(s.scope, binding{a.Name.Local, a.Value})
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			s.scope = append(s.scope, binding{"", a.Value})
		}
	}
	n := &Node{Place: at, Local: t.Name.Local}
	ok := plainName(n.Local)
	var known bool
	if n.Space, known = s.lookup(t.Name.Space); !known || !ok {
		return nil, s.fault(at, "a name or prefix that is not allowed")
	}
	return n, s.attributes(n, t.Attr)
}

func (s *scanner) attributes(n *Node, raw []xml.Attr) error {
	for _, a := range raw {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		space := ""
		if a.Name.Space != "" {
			var known bool
			if space, known = s.lookup(a.Name.Space); !known {
				return s.fault(n.Place, "a name or prefix that is not allowed")
			}
		}
		for _, other := range n.Attrs {
			if other.Space == space && other.Local == a.Name.Local {
				return s.fault(n.Place, "the same attribute twice")
			}
		}
		if !plainName(a.Name.Local) {
			return s.fault(n.Place, "a name or prefix that is not allowed")
		}
		n.Attrs = append(n.Attrs, Attr{space, a.Name.Local, a.Value})
	}
	return nil
}

// plainName refuses what encoding/xml lets pass as a local name.
func plainName(local string) bool { return local != "" && !strings.Contains(local, ":") }

func (s *scanner) lookup(prefix string) (uri string, known bool) {
	for i := len(s.scope) - 1; i >= 0; i-- {
		if s.scope[i].prefix == prefix {
			return s.scope[i].uri, true
		}
	}
	return "", false
}

func (s *scanner) finish(t xml.EndElement, at Place) error {
	if len(s.open) == 0 {
		return s.fault(at, "an end without a beginning")
	}
	last := s.open[len(s.open)-1]
	if last.prefix != t.Name.Space || last.local != t.Name.Local {
		return s.fault(at, "an end that does not match its beginning")
	}
	s.open, s.scope = s.open[:len(s.open)-1], s.scope[:last.bindings]
	s.ended = len(s.open) == 0
	return nil
}

// fill reads everything inside an element whose start was read, and its end.
func (s *scanner) fill(n *Node) error {
	for {
		t, err := s.next()
		switch {
		case err != nil:
			return err
		case t.end:
			return nil
		case t.start != nil:
			n.Kids = append(n.Kids, Kid{Node: t.start})
			if err := s.fill(t.start); err != nil {
				return err
			}
		case len(n.Kids) > 0 && n.Kids[len(n.Kids)-1].Node == nil:
			n.Kids[len(n.Kids)-1].Text += t.text
		case t.text != "":
			n.Kids = append(n.Kids, Kid{Text: t.text})
		}
	}
}

// each calls fn for each element inside one whose start was read; fn reads it to its end. The text between is passed over.
func (s *scanner) each(fn func(*Node) error) error {
	for {
		t, err := s.next()
		switch {
		case err != nil:
			return err
		case t.end:
			return nil
		case t.start != nil:
			if err := fn(t.start); err != nil {
				return err
			}
		}
	}
}

// pass reads over the rest of an element whose start was read.
func (s *scanner) pass() error {
	return s.each(func(*Node) error { return s.pass() })
}
