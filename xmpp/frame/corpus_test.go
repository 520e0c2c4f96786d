package frame

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// corpus returns every stream that the tests know: plain stanzas and hostile input.
func corpus() []string {
	var all []string
	for _, c := range stanzas {
		all = append(all, header+c.xml+"\n"+c.xml+"</stream:stream>")
	}
	for _, rows := range hostile {
		for _, r := range rows {
			all = append(all, header+r.input)
		}
	}
	for _, rows := range prologs {
		for _, r := range rows {
			all = append(all, r.input)
		}
	}
	return append(all, "\n<?xml version='1.0'?>\n"+header[len("<?xml version='1.0'?>"):]+"\n\n<presence/> ",
		"<?", header+strings.Repeat("<a>", 70),
		header+"<"+strings.Repeat("a", 300)+">", header+"<a>"+strings.Repeat("a", BeforeLoginStanzaBytes)+"</a>",
		header+"<a "+strings.Repeat("a", 251)+" ='b'/>", header+"<a><ü/>", header+"<a>\xC3", header+"<a>\xE2\x82</a>")
}

// checkSplit checks that every split of every corpus stream in two, byte by byte and at random gives the same result.
func checkSplit(t *testing.T) {
	for _, input := range corpus() {
		want := feed(t, BeforeLogin(), input)
		if len(input) > 3000 {
			continue // the random splits have it
		}
		every := make([]int, len(input))
		for i := range len(input) {
			every[i] = i
			sameSeen(t, input, want, feed(t, BeforeLogin(), input, i))
		}
		sameSeen(t, input, want, feed(t, BeforeLogin(), input, every...))
	}
	t.Run("random", checkRandomSplit)
}

// checkRandomSplit splits streams anywhere, also streams with bytes changed.
func checkRandomSplit(t *testing.T) {
	streams := corpus()
	rapid.Check(t, func(rt *rapid.T) {
		input := mutate(rt, rapid.SampledFrom(streams).Draw(rt, "stream"))
		var cuts []int
		for at := 0; at < len(input); {
			at += rapid.IntRange(1, max(1, len(input)/3)).Draw(rt, "step")
			cuts = append(cuts, min(at, len(input)))
		}
		sameSeen(t, input, feed(t, BeforeLogin(), input), feed(t, BeforeLogin(), input, cuts...))
	})
}

// mutate replaces up to three stretches of input by bytes that matter to a parser.
func mutate(rt *rapid.T, input string) string {
	pieces := []string{"", "<", ">", "&", "'", "\"", "]]>", "<![CDATA[", "/", "\x00", "\xC3", "ü", " ", "\r\n", "xmlns:a='u'", "a:", "&#x", ";", "</a>", "<a>", "="}
	for range rapid.IntRange(0, 3).Draw(rt, "changes") {
		at := rapid.IntRange(0, len(input)).Draw(rt, "at")
		size := rapid.IntRange(0, min(3, len(input)-at)).Draw(rt, "size")
		input = input[:at] + rapid.SampledFrom(pieces).Draw(rt, "piece") + input[at+size:]
	}
	return input
}

func sameSeen(t *testing.T, input string, want, got seen) {
	t.Helper()
	if strings.Join(want.events, "\n") != strings.Join(got.events, "\n") {
		t.Fatalf("%q:\nwhole %q\nsplit %q", input, want.events, got.events)
	}
	if (want.err == nil) != (got.err == nil) || want.err != nil && *want.err != *got.err {
		t.Fatalf("%q: whole %v, split %v", input, want.err, got.err)
	}
}
