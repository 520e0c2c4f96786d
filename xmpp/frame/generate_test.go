package frame

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checkGenerated compares with encoding/xml on generated elements, as they are and with bytes changed.
func checkGenerated(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		input := generate(rt)
		if rapid.Bool().Draw(rt, "changed") {
			input = mutate(rt, input)
		}
		checkOracle(t, []byte(input))
	})
}

// generate draws a top-level element out of what XML has to offer, most of it legal.
func generate(rt *rapid.T) string {
	var b strings.Builder
	name := rapid.SampledFrom([]string{"message", "presence", "iq", "a", "p:message", "p:a"}).Draw(rt, "top")
	generateElement(rt, &b, name, 3)
	return b.String()
}

// generateElement draws an element with at most depth levels below it.
func generateElement(rt *rapid.T, b *strings.Builder, name string, depth int) {
	b.WriteString("<" + name)
	if strings.HasPrefix(name, "p:") {
		b.WriteString(" xmlns:p=" + quoted(rt, rapid.SampledFrom([]string{NSClient, "u", "jabber:server"}).Draw(rt, "space")))
	}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"to", "from", "id", "type", "xml:lang", "xmlns", "by", "xmlns:q", "q:by", "a.b-c_1"}), 0, 5, rapid.ID).Draw(rt, "attributes")
	for _, n := range names {
		space := rapid.SampledFrom([]string{" ", "  ", "\n", "\t\r\n "}).Draw(rt, "gap")
		value := rapid.SampledFrom([]string{"", "a", "jabber:client", "u", "&amp;&lt;&#x41;", " \n>", "ü𝄞", "12345678"}).Draw(rt, "value")
		equals := rapid.SampledFrom([]string{"=", " = ", "=\n"}).Draw(rt, "equals")
		fmt.Fprintf(b, "%s%s%s%s", space, n, equals, quoted(rt, value))
	}
	content := rapid.IntRange(0, 3).Draw(rt, "content")
	if content == 0 || depth == 0 {
		b.WriteString(rapid.SampledFrom([]string{"/>", " />", "></" + name + ">", "></" + name + "\n>"}).Draw(rt, "empty"))
		return
	}
	b.WriteString(">")
	for range content {
		generateContent(rt, b, depth)
	}
	b.WriteString("</" + name + ">")
}

// generateContent draws text, a section or an element.
func generateContent(rt *rapid.T, b *strings.Builder, depth int) {
	switch rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		b.WriteString(rapid.SampledFrom([]string{"a", "\r\n", "\r", "ü", "a'b\"c>d", "]] >", "&#13;&quot;&apos;&gt;", "longer than a word of eight", "𝄞\u00A0"}).Draw(rt, "text"))
	case 1:
		b.WriteString("<![CDATA[" + rapid.SampledFrom([]string{"", "a", "</a>", "&nope;", "]", "]]", ">", "\r\nü<"}).Draw(rt, "section") + "]]>")
	default:
		generateElement(rt, b, rapid.SampledFrom([]string{"body", "p:b", "x", "q:c", "error"}).Draw(rt, "name"), depth-1)
	}
}

func quoted(rt *rapid.T, value string) string {
	q := rapid.SampledFrom([]string{"'", `"`}).Draw(rt, "quote")
	return q + value + q
}
