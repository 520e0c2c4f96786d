package frame

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// edge is a limit: input(size) is the largest that is accepted, input(size+1) is refused.
type edge struct {
	name   string
	limits Limits
	input  func(int) string
	size   int
}

// limits holds, by number, every limit.
var limits = map[string][]edge{
	"H28": {{"bytes", BeforeLogin(), sized, BeforeLoginStanzaBytes}, {"elements", BeforeLogin(), children, BeforeLoginChildren}},
	"H29": {{"bytes", AfterLogin(), sized, ClientStanzaBytes}},
	"H30": {{"depth", AfterLogin(), nested, MaxDepth}},
	"H31": {
		{"children", AfterLogin(), children, ClientChildren},
		{"attributes", AfterLogin(), attributes, MaxAttributes},
		{"namespaces", AfterLogin(), prefixes, MaxNamespaces},
	},
	"names": {
		{"tag name", AfterLogin(), func(n int) string { return "<" + strings.Repeat("a", n) + "/>" }, MaxTokenBytes - 2},
		{"attribute name", AfterLogin(), func(n int) string { return "<a " + strings.Repeat("a", n) + "='b'/>" }, MaxTokenBytes - 2},
	},
}

func sized(n int) string {
	return "<message>" + strings.Repeat("a", n-len("<message></message>")) + "</message>"
}

func children(n int) string { return "<message>" + strings.Repeat("<a/>", n) + "</message>" }

func nested(n int) string {
	return "<message>" + strings.Repeat("<a>", n-1) + strings.Repeat("</a>", n-1) + "</message>"
}

func attributes(n int) string { return "<message" + counted(n, " a#='b'") + "/>" }

func prefixes(n int) string {
	return "<message" + counted(n/2, " xmlns:a#='b'") + "><a" + counted(n-n/2, " xmlns:b#='b'") + "/></message>"
}

// counted repeats format with a number in place of its #.
func counted(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(format, "#", strconv.Itoa(i)))
	}
	return b.String()
}

func (e edge) check(t *testing.T) {
	if got := feed(t, e.limits, header+e.input(e.size)); got.err != nil {
		t.Errorf("at the limit: %v", got.err)
	}
	got := feed(t, e.limits, header+e.input(e.size+1))
	if got.err == nil || got.err.Condition != PolicyViolation {
		t.Fatalf("above the limit: %v", got.err)
	}
	if got.err.TooBig != (e.name == "bytes") {
		t.Errorf("too big: %v", got.err.TooBig)
	}
}

// checkAtTheLimit checks that an element without an end is refused at the first byte beyond the limit.
func checkAtTheLimit(t *testing.T) {
	s := opened(t, AfterLogin())
	buf := append([]byte("<message>"), bytes.Repeat([]byte{'a'}, ClientStanzaBytes)...)
	if _, kind, err := s.Next(buf[:ClientStanzaBytes]); kind != None || err != nil {
		t.Fatal(kind, err)
	}
	if _, _, err := s.Next(buf[:ClientStanzaBytes+1]); err == nil {
		t.Fatal("accepted")
	}
}

// checkMemory checks that the memory for the index of a large stanza is not kept.
func checkMemory(t *testing.T) {
	s := opened(t, AfterLogin())
	if _, kind, err := s.Next([]byte(children(ClientChildren))); kind != Element || err != nil {
		t.Fatal(kind, err)
	}
	w := s.work
	s.Park()
	if s.work != nil || cap(w.index) > keptChildren || cap(w.children) > keptChildren {
		t.Error("memory kept")
	}
}

// checkLinear shows a stanza byte by byte and bounds what is looked at again.
func checkLinear(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, 4096/len(s)) }
	for name, rest := range map[string]string{
		"text": many("a"), "brackets": many("]"), "references": many("&amp;"), "umlauts": many("ü"), "section": "<![CDATA[" + many("]"),
		"value": "<a b='" + many("c"), "attributes": "<a" + many(" ") + "b='c'" + many(" "), "elements": many("<a b='c'></a >"),
	} {
		input := "<message>" + rest
		t.Run(name, func(t *testing.T) {
			s := opened(t, AfterLogin())
			for i := 1; i <= len(input); i++ {
				if _, kind, err := s.Next([]byte(input[:i])); kind != None || err != nil {
					t.Fatalf("at %d: %v %v", i, kind, err)
				}
				if left := i - s.pos; left > MaxTokenBytes {
					t.Fatalf("at %d: %d bytes to be looked at again", i, left)
				}
			}
		})
	}
}
