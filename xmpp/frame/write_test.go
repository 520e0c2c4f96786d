package frame

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, input string
		stamp       Stamp
		skip        []int
		want        string
	}{
		{"from", "<message from='mallory@d' to='b@d'><body/></message>", Stamp{From: "a@d/r'"}, nil,
			"<message from='a@d/r&apos;' to='b@d'><body/></message>"},
		{"all", "<iq/>", Stamp{From: "f", To: "t", ID: "i", Type: "get", Lang: "de", XMLNS: NSClient, Append: []byte("<a/>")}, nil,
			"<iq xmlns='jabber:client' from='f' to='t' id='i' type='get' xml:lang='de'><a/></iq>"},
		{"kept", "<iq type=\"get\" id='&lt;&#10;' xml:lang='' to=''></iq>", Stamp{Lang: "de"}, nil,
			"<iq to='' id='&lt;&#10;' type='get' xml:lang=''/>"},
		{"space in values", "<iq id='a\tb\r\nc'/>", Stamp{}, nil, "<iq id='a b c'/>"},
		{"explicit namespace", "<message xmlns='jabber:client'/>", Stamp{}, nil, "<message/>"},
		{"explicit namespace stamped", "<message xmlns='jabber:client'/>", Stamp{XMLNS: NSServer}, nil, "<message xmlns='jabber:server'/>"},
		{"prefixed", "<x:message xmlns:x='jabber:client'><body/><x:body/></x:message>", Stamp{}, nil,
			"<message xmlns:x='jabber:client'><body/><x:body/></message>"},
		{"unknown attributes", `<iq p:a="'" b = "&#9;" xml:space='preserve' xmlns:p='u'/>`, Stamp{}, nil,
			"<iq p:a='&apos;' b='&#9;' xml:space='preserve' xmlns:p='u'/>"},
		{"children left out", "<message>a<b/>c<d>e</d><f/></message>", Stamp{Append: []byte("<g/>")}, []int{0, 2},
			"<message>ac<d>e</d><g/></message>"},
		{"the only child left out", "<message><b/></message>", Stamp{}, []int{0}, "<message/>"},
		{"appended to an empty tag", "<message />", Stamp{Append: []byte("<g/>")}, nil, "<message><g/></message>"},
		{"no stanza", "<a xmlns='u'/>", Stamp{From: "f"}, nil, "<a xmlns='u'/>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := parse(t, c.input)
			if got := string(f.AppendTo([]byte(">"), c.stamp, c.skip...)); got != ">"+c.want {
				t.Errorf("\ngot  %s\nwant >%s", got, c.want)
			}
		})
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	f := parse(t, "<message><delay xmlns='urn:xmpp:delay' from='d'/><body/><delay xmlns='urn:xmpp:delay' from='e'/></message>")
	f.Drop(0)
	f = f.Clone()
	if d := f.Child("urn:xmpp:delay", "delay"); d == nil || string(d.Attr("from")) != "e" || string(f.Payload().Local) != "body" {
		t.Error("a dropped child is found")
	}
	if got := string(f.AppendTo(nil, Stamp{}, 2)); got != "<message><body/></message>" {
		t.Error(got)
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	got := string(Tag{Name: "iq", From: "d", To: "a@d/<", ID: "1", Type: "result"}.AppendTo(nil, nil))
	if got != "<iq from='d' to='a@d/&lt;' id='1' type='result'/>" {
		t.Error(got)
	}
	got = string(Tag{Name: "message", XMLNS: NSClient, Lang: "de"}.AppendTo(nil, []byte("<body/>")))
	if got != "<message xmlns='jabber:client' xml:lang='de'><body/></message>" {
		t.Error(got)
	}
}

// checkStamp checks that the sender's own claim about who it is does not survive.
func checkStamp(t *testing.T) {
	f := parse(t, `<x:message xmlns:x='jabber:client' from = "mallory@d" to='b@d'><body/></x:message>`)
	got := string(f.AppendTo(nil, Stamp{From: "a@d/r"}))
	if got != "<message from='a@d/r' to='b@d' xmlns:x='jabber:client'><body/></message>" {
		t.Error(got)
	}
}

// FuzzAppendEscaped checks that any text survives in content and in a value, but for what XML cannot hold.
func FuzzAppendEscaped(f *testing.F) {
	f.Add("a<b>&'\"\t\r\n ]]> \x00 \xff ü \uFFFE \U0010FFFF")
	f.Fuzz(func(t *testing.T, text string) {
		want := strings.Map(func(r rune) rune {
			if !isChar(r) {
				return utf8.RuneError
			}
			return r
		}, text)
		esc := AppendEscaped(nil, text)
		in := append(append(append([]byte("<a b='"), esc...), "' c=\""...), esc...)
		in = append(append(append(in, "\">"...), esc...), "</a>"...)
		got, err := Parse(in, "", Limits{maxStanzaBytes, 1, 2, 0, 0})
		if err != nil {
			t.Fatal(err)
		}
		value, other, content := got.Attr("b"), got.Attr("c"), decodeText(got.Body)
		if string(value) != want || string(other) != want || string(content) != want {
			t.Errorf("%q became %q, %q and %q", text, value, other, content)
		}
	})
}
