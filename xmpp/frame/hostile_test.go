package frame

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// These put text, an attribute value and a name into a stanza.
func inText(s string) string   { return "<message><body>" + s + "</body></message>" }
func inQuotes(s string) string { return "<message><x xmlns='u' a='" + s + "'/></message>" }
func inName(s string) string   { return "<message><" + s + " xmlns='u'/></message>" }
func inCDataSection(s string) string {
	return "<message><body><![CDATA[" + s + "]]></body></message>"
}

type row struct {
	name, input string
	want        Condition
}

// hostile holds, by number of the list of hostile input, what a peer may send behind its stream header.
var hostile = map[string][]row{
	"H13": {
		{"doctype", `<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><message>&b;</message>`, RestrictedXML},
		{"external entity", `<!DOCTYPE m SYSTEM "http://x/">`, RestrictedXML},
		{"parameter entity", `<message><!ENTITY % p SYSTEM "u">`, RestrictedXML},
	},
	"H14": {
		{"comment", `<!-- a -->`, RestrictedXML},
		{"comment inside", inText(`<!-- a -->`), RestrictedXML},
		{"processing instruction", `<?php a ?>`, RestrictedXML},
		{"processing instruction inside", inText(`<?a?>`), RestrictedXML},
		{"declaration mid-stream", `<?xml version='1.0'?>`, RestrictedXML},
		{"declaration inside", inText(`<?xml version='1.0'?>`), RestrictedXML},
	},
	"H15": {
		{"nbsp", inText(`&nbsp;`), RestrictedXML},
		{"unknown in a value", inQuotes(`&foo;`), RestrictedXML},
		{"upper case", inText(`&LT;`), RestrictedXML},
		{"too long", inText(`&aaaaaaaaaaaaaaaaaaaaaaaa;`), RestrictedXML},
		{"unterminated", inText(`a & b`), NotWellFormed},
		{"unterminated at the end", inText(`&amp`), NotWellFormed},
		{"empty", inText(`&;`), NotWellFormed},
	},
	"H16": {
		{"text", inText("\xEB<>"), NotWellFormed},
		{"value", inQuotes("\xEB"), NotWellFormed},
		{"name", inName("a\xEB"), NotWellFormed},
		{"value ends in it", "<message to='\xE2\x82'/>", NotWellFormed},
		{"section", inCDataSection("\xEB"), NotWellFormed},
	},
	"H17": {
		{"overlong", inText("\xC0\xBC"), NotWellFormed},
		{"overlong slash", inQuotes("\xE0\x80\xAF"), NotWellFormed},
		{"surrogate", inText("\xED\xA0\x80"), NotWellFormed},
		{"above the last", inText("\xF4\x90\x80\x80"), NotWellFormed},
		{"nul", inText("\x00"), NotWellFormed},
		{"control", inQuotes("\x01"), NotWellFormed},
		{"control in a name", inName("a\x01b"), NotWellFormed},
		{"control in a section", inCDataSection("\x1f"), NotWellFormed},
		{"nul by reference", inText("&#0;"), NotWellFormed},
		{"control by reference", inQuotes("&#x1;"), NotWellFormed},
		{"surrogate by reference", inText("&#xD800;"), NotWellFormed},
		{"above by reference", inText("&#x110000;"), NotWellFormed},
		{"overflow by reference", inText("&#4294967361;"), NotWellFormed},
		{"capital x", inText("&#X41;"), NotWellFormed},
		{"no digits", inText("&#;") + inText("&#x;"), NotWellFormed},
		{"noncharacter", inText("\uFFFE"), NotWellFormed},
		{"noncharacter by reference", inText("&#xFFFF;"), NotWellFormed},
		{"all that is allowed", inText("\t\r\n\x7f\u0080\uD7FF\uE000\uFFFD\U00010000\U0010FFFF&#9;&#xA;&#13;&#x10FFFF;"), ""},
	},
	"H19": {
		{"undeclared", inName("a:b"), BadNamespacePrefix},
		{"undeclared on an attribute", "<message a:b='c'/>", BadNamespacePrefix},
		{"undeclared deep down", inText("<c><d:e/></c>"), BadNamespacePrefix},
		{"declared by a sibling", "<message><a xmlns:p='u'/><p:b/></message>", BadNamespacePrefix},
		{"declared on the header only", "<message><stream:a/></message>", BadNamespacePrefix},
		{"emptied", "<message><a xmlns:p='u'><p:b xmlns:p=''/></a></message>", BadNamespacePrefix},
		{"xmlns as a prefix", inName("xmlns:a"), BadNamespacePrefix},
		{"xmlns declared", "<message xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", BadNamespacePrefix},
		{"xml rebound", "<message xmlns:xml='u'/>", BadNamespacePrefix},
		{"xml by another prefix", "<message xmlns:a='http://www.w3.org/XML/1998/namespace'/>", BadNamespacePrefix},
		{"xml as default", "<a xmlns='http://www.w3.org/XML/1998/namespace'/>", BadNamespacePrefix},
		{"two colons", inName("a:b:c"), NotWellFormed},
		{"colon first", inName(":a"), NotWellFormed},
		{"colon last", inName("a:"), NotWellFormed},
		{"digit behind the colon", "<message xmlns:a='u'><a:1/></message>", NotWellFormed},
		{"xml undeclared", "<message xml:lang='de'><body xml:space='preserve'/></message>", ""},
		{"xml declared", "<message xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>", ""},
		{"declared in the tag", "<message><p:a p:b='c' xmlns:p='u'/></message>", ""},
		{"declared above", "<message xmlns:p='u'><a><p:b/></a></message>", ""},
	},
	"H20": {
		{"twice", "<message to='a' to='b'/>", NotWellFormed},
		{"twice inside", inText("<a b='1' c='2' b='1'/>"), NotWellFormed},
		{"two prefixes of one namespace", "<message><a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/></message>", NotWellFormed},
		{"the same, one encoded", "<message><a xmlns:p='u' xmlns:q='&#x75;' p:b='1' q:b='2'/></message>", NotWellFormed},
		{"the same, declared later", "<message><a p:b='1' q:b='2' xmlns:p='u' xmlns:q='u'/></message>", NotWellFormed},
		{"declared twice", "<message xmlns:a='u' xmlns:a='u'/>", NotWellFormed},
		{"default twice", "<message xmlns='jabber:client' xmlns='jabber:client'/>", NotWellFormed},
		{"two namespaces", "<message><a xmlns:p='u' xmlns:q='v' p:b='1' q:b='2' b='3'/></message>", ""},
	},
	"H21": {
		{"control", "<message><a xmlns='u\x01v'/></message>", NotWellFormed},
		{"control by reference", "<message><a xmlns='u&#1;v'/></message>", NotWellFormed},
		{"line feed", "<message><a xmlns='u\nv'/></message>", NotWellFormed},
		{"line feed by reference", "<message><a xmlns:p='u&#10;v'/></message>", NotWellFormed},
		{"joining characters", "<message><a xmlns='u v'/><a xmlns='u&#124;v'/><a xmlns='u|v'/></message>", ""},
	},
	"H22": {
		{"second header", "<stream:stream xmlns='jabber:client'>", UnsupportedStanzaType},
		{"second header, other prefix", "<s:stream xmlns:s='http://etherx.jabber.org/streams'/>", UnsupportedStanzaType},
		{"error", "<stream:error><a xmlns='u'/></stream:error>", ""},
		{"features", "<stream:features/>", ""},
	},
	"H24": {
		{"prefixed", "<x:message xmlns:x='jabber:client'><body/></x:message>", ""},
		{"prefixed, default redeclared", "<x:message xmlns:x='jabber:client' xmlns='u'><a/></x:message>", InvalidNamespace},
		{"prefixed, default emptied", "<x:message xmlns:x='jabber:client' xmlns=''><a/></x:message>", InvalidNamespace},
		{"prefixed, default of another stanza space", "<x:message xmlns:x='jabber:server'><body/></x:message>", InvalidNamespace},
		{"redeclared on a child", "<message><body xmlns='u'/></message>", ""},
	},
	"H26": {
		{"section", inText("<![CDATA[</message><iq>&nbsp;]]>"), ""},
		{"section with brackets", inText("<![CDATA[]]]]]>]]&gt;"), ""},
		{"empty section", inText("<![CDATA[]]>"), ""},
		{"end in text", inText("a]]>b"), NotWellFormed},
		{"end behind a bracket", inText("]]]>"), NotWellFormed},
		{"end in a value", inQuotes("]]>"), ""},
		{"section between stanzas", "<![CDATA[a]]>", BadFormat},
		{"misspelt", inText("<![cdata[a]]>"), NotWellFormed},
		{"section in a section", inText("<![CDATA[<![CDATA[]]>]]>"), NotWellFormed},
	},
	"H27": {
		{"wrong end tag", "<message><body></message>", NotWellFormed},
		{"longer end tag", inText("<a></ab>"), NotWellFormed},
		{"shorter end tag", inText("<ab></a>"), NotWellFormed},
		{"other prefix of one namespace", "<message xmlns:p='u' xmlns:q='u'><p:a></q:a></message>", NotWellFormed},
		{"stream ends in a stanza", "<message></stream:stream>", NotWellFormed},
		{"other end tag for the stream", "</message>", NotWellFormed},
		{"bytes behind the end", "</stream:stream>\x00<!-- <?xml", ""},
		{"space in end tags", "<message><body></body \n></message\t></stream:stream >", ""},
		{"attribute in an end tag", "<message></message a='b'>", NotWellFormed},
	},
	"names": {
		{"beyond ASCII", inName("straße"), BadFormat},
		{"starts beyond ASCII", "<ä/>", BadFormat},
		{"digit", inName("1a"), NotWellFormed},
		{"space first", inText("< a/>"), NotWellFormed},
		{"empty", inText("<>"), NotWellFormed},
		{"only an end", inText("</>"), NotWellFormed},
	},
	"tags": {
		{"no value", "<message to/>", NotWellFormed},
		{"no quotes", "<message to=a/>", NotWellFormed},
		{"quotes differ", `<message to='a"/>` + "<", NotWellFormed},
		{"no space", "<message to='a'from='b'/>", NotWellFormed},
		{"less-than in a value", "<message to='<'/>", NotWellFormed},
		{"slash in the middle", "<message / to='a'>", NotWellFormed},
		{"text between stanzas", "hello", BadFormat},
		{"reference between stanzas", "<message/>&#32;", BadFormat},
		{"spaces everywhere", "<message\n\tto \r= \n'a' from=\"b'\" ><body /></message >", ""},
		{"greater-than in a value", "<message to='>' />", ""},
	},
}

// open is a stream header without an XML declaration.
var open = strings.TrimPrefix(header, "<?xml version='1.0'?>")

// prologs holds, by number, what may come instead of a stream header.
var prologs = map[string][]row{
	"H13": {
		{"doctype", `<!DOCTYPE stream>` + open, RestrictedXML},
	},
	"H14": {
		{"comment", `<!-- -->` + open, RestrictedXML},
		{"processing instruction", `<?php ?>` + open, RestrictedXML},
		{"stylesheet", `<?xml-stylesheet a='b'?>` + open, RestrictedXML},
		{"declaration twice", `<?xml version='1.0'?>` + header, RestrictedXML},
		{"empty instruction", `<?>` + open + `?>`, RestrictedXML},
		{"emptier instruction", `<??>`, RestrictedXML},
	},
	"H18": {
		{"UTF-16 mark", "\xFF\xFE<\x00?\x00", UnsupportedEncoding},
		{"UTF-16 big-endian mark", "\xFE\xFF\x00<", UnsupportedEncoding},
		{"UTF-16 without a mark", "<\x00?\x00", UnsupportedEncoding},
		{"UTF-16 big-endian without a mark", "\x00<\x00?", UnsupportedEncoding},
		{"Latin-1", `<?xml version='1.0' encoding='iso-8859-1'?>` + open, UnsupportedEncoding},
		{"UTF-8 mark", "\uFEFF" + open, NotWellFormed},
	},
	"H19": {
		{"undeclared prefix", `<stream:stream xmlns='jabber:client'>`, BadNamespacePrefix},
	},
	"H24": {
		{"header in no namespace", `<stream xmlns='jabber:client'>`, InvalidNamespace},
		{"header in another namespace", `<s:stream xmlns='jabber:client' xmlns:s='u'>`, InvalidNamespace},
	},
	"H25": {
		{"content of servers", strings.Replace(open, "jabber:client", "jabber:server", 1), InvalidNamespace},
		{"no content namespace", strings.Replace(open, "xmlns='jabber:client'", "", 1), InvalidNamespace},
	},
	"H36": {
		{"attributes", strings.Replace(open, "to=", strings.Repeat(" ", BeforeLoginStanzaBytes)+"to=", 1), PolicyViolation},
	},
	"prolog": {
		{"declaration XML 1.1", `<?xml version='1.1'?>` + open, NotWellFormed},
		{"declaration without a version", `<?xml encoding='utf-8'?>` + open, NotWellFormed},
		{"declaration in the wrong order", `<?xml version='1.0' standalone='no' encoding='utf-8'?>` + open, NotWellFormed},
		{"declaration too long", `<?xml version='1.0'` + strings.Repeat(" ", MaxTokenBytes), NotWellFormed},
		{"declaration complete", "<?xml version=\"1.0\" encoding = 'UTF-8' standalone='yes' ?>\n" + open, ""},
		{"header alone", open, ""},
		{"space first", "\n " + header, ""},
		{"text", "GET / HTTP/1.1\r\n", NotWellFormed},
		{"end tag", "</stream:stream>", NotWellFormed},
		{"section", "<![CDATA[a]]>", BadFormat},
		{"another element", strings.Replace(open, "stream:stream", "stream:features", 1), BadFormat},
		{"empty element", strings.Replace(open, ">", "/>", 1), BadFormat},
		{"other prefix", `<x:stream xmlns='jabber:client' xmlns:x='http://etherx.jabber.org/streams'></x:stream>`, ""},
		{"default prefix", `<stream xmlns='http://etherx.jabber.org/streams'>`, InvalidNamespace},
	},
}

// more holds, by number, the tests that are no table of conditions.
var more = map[string]func(*testing.T){
	"H22": checkNames, "H23": checkNames, "H25": checkNames, "H29": checkAtTheLimit, "H31": checkMemory, "H32": checkLinear,
	"H33": checkSplit, "H34": checkGenerated, "H49": checkStamp,
}

// TestHostile plays every row of every table.
func TestHostile(t *testing.T) {
	t.Parallel()
	numbers := slices.Concat(slices.Collect(maps.Keys(hostile)), slices.Collect(maps.Keys(prologs)),
		slices.Collect(maps.Keys(limits)), slices.Collect(maps.Keys(more)))
	slices.Sort(numbers)
	for _, number := range slices.Compact(numbers) {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			for _, r := range hostile[number] {
				t.Run(r.name, func(t *testing.T) { r.check(t, AfterLogin(), header+r.input) })
			}
			for _, r := range prologs[number] {
				t.Run(r.name, func(t *testing.T) { r.check(t, BeforeLogin(), r.input) })
			}
			for _, l := range limits[number] {
				t.Run(l.name, l.check)
			}
			if f := more[number]; f != nil {
				f(t)
			}
		})
	}
}

func (r row) check(t *testing.T, l Limits, stream string) {
	got := feed(t, l, stream)
	if got.err == nil != (r.want == "") || got.err != nil && got.err.Condition != r.want {
		t.Errorf("%q: %v, want %q", r.input, got.err, r.want)
	}
}
