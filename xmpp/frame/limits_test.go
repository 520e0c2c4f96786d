package frame

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
)

// TestHostileLimits checks every limit at its edge: H28 to H31.
func TestHostileLimits(t *testing.T) {
	t.Parallel()
	l := AfterLogin()
	sized := func(n int) string {
		return "<message>" + strings.Repeat("a", n-len("<message></message>")) + "</message>"
	}
	children := func(n int) string { return "<message>" + strings.Repeat("<a/>", n) + "</message>" }
	nested := func(n int) string {
		return "<message>" + strings.Repeat("<a>", n-1) + strings.Repeat("</a>", n-1) + "</message>"
	}
	numbered := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "#", strconv.Itoa(i)))
		}
		return b.String()
	}
	attributes := func(n int) string { return "<message" + numbered(n, " a#='b'") + "/>" }
	prefixes := func(n int) string {
		half := n / 2
		return "<message" + numbered(half, " xmlns:a#='b'") + "><a" + numbered(n-half, " xmlns:b#='b'") + "/></message>"
	}
	for _, c := range []struct {
		name   string
		limits Limits
		input  func(int) string
		edge   int
	}{
		{"H28 bytes", BeforeLogin(), sized, BeforeLoginStanzaBytes},
		{"H28 elements", BeforeLogin(), children, BeforeLoginChildren},
		{"H29 bytes", l, sized, ClientStanzaBytes},
		{"H29 children", l, children, ClientChildren},
		{"H30 depth", l, nested, MaxDepth},
		{"H31 attributes", l, attributes, MaxAttributes},
		{"H31 namespaces", l, prefixes, MaxNamespaces},
		{"tag name", l, func(n int) string { return "<" + strings.Repeat("a", n) + "/>" }, MaxTokenBytes - 2},
		{"attribute name", l, func(n int) string { return "<a " + strings.Repeat("a", n) + "='b'/>" }, MaxTokenBytes - 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := verdict(t, c.limits, c.input(c.edge)); got != "" {
				t.Errorf("at the limit: %q", got)
			}
			got := feed(t, c.limits, header+c.input(c.edge+1))
			if got.err == nil || got.err.Condition != PolicyViolation {
				t.Fatalf("above the limit: %v", got.err)
			}
			if got.err.TooBig != strings.HasSuffix(c.name, "bytes") {
				t.Errorf("too big: %v", got.err.TooBig)
			}
		})
	}
}

// TestHostileAtTheLimit checks that an element without an end is refused at the first byte beyond the limit: H29.
func TestHostileAtTheLimit(t *testing.T) {
	t.Parallel()
	s := opened(t, AfterLogin())
	buf := append([]byte("<message>"), bytes.Repeat([]byte{'a'}, ClientStanzaBytes)...)
	if _, kind, err := s.Next(buf[:ClientStanzaBytes]); kind != None || err != nil {
		t.Fatal(kind, err)
	}
	if _, _, err := s.Next(buf[:ClientStanzaBytes+1]); err == nil {
		t.Fatal("accepted")
	}
}

// TestHostileMemory checks that the index of the largest stanza costs a bounded share of it and is not kept: H31.
func TestHostileMemory(t *testing.T) {
	t.Parallel()
	s := opened(t, AfterLogin())
	buf := []byte("<message>" + strings.Repeat("<abcdefgh>abcdef</abcdefgh>", 9000) + "</message>")
	if _, kind, err := s.Next(buf); kind != Element || err != nil {
		t.Fatal(kind, err)
	}
	w := s.work
	s.Park()
	if s.work != nil || cap(w.index) > keptChildren || cap(w.children) > keptChildren {
		t.Error("memory kept")
	}
}

// TestHostileLinear counts the work for one byte per call: H32.
func TestHostileLinear(t *testing.T) {
	t.Parallel()
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
