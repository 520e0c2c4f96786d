package frame

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"
)

// parse is Parse in a client stream for input that must be accepted.
func parse(t testing.TB, input string) Frame {
	t.Helper()
	f, err := Parse([]byte(input), NSClient, AfterLogin())
	if err != nil {
		t.Fatalf("%q: %v", input, err)
	}
	return f
}

func TestHeader(t *testing.T) {
	t.Parallel()
	s := new(Scanner)
	s.Reset(BeforeLogin())
	in := `<stream:stream to='d&amp;e' from="a@d" id='' version='1.0' xml:lang='de' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`
	n, kind, err := s.Next([]byte("  " + in + "<"))
	if n != len(in)+2 || kind != StreamHeader || err != nil {
		t.Fatal(n, kind, err)
	}
	h := s.Header()
	got := []string{string(h.To), string(h.From), string(h.ID), string(h.Version), string(h.Lang), string(h.Space)}
	if strings.Join(got, "|") != "d&e|a@d||1.0|de|jabber:client" || h.ID == nil {
		t.Errorf("%q", got)
	}
}

func TestHeaderOfAnotherContentIsReadable(t *testing.T) {
	t.Parallel()
	s := new(Scanner)
	s.Reset(BeforeLogin())
	if len(s.Header().To) != 0 || len(s.Frame().Raw) != 0 {
		t.Error("something there before the first byte")
	}
	_, _, err := s.Next([]byte(strings.Replace(header, "jabber:client", "jabber:server", 1)))
	if err == nil || string(s.Header().To) != "d" || string(s.Header().Space) != NSServer {
		t.Errorf("%v, header %q", err, *s.Header())
	}
	s.ResetServer(BeforeLogin())
	if _, kind, err := s.Next([]byte(strings.Replace(header, "jabber:client", "jabber:server", 1))); kind != StreamHeader || err != nil {
		t.Error(kind, err)
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	f := parse(t, `<message type='chat' xmlns:p='urn:p&#x3a;q' to="a&apos;b@d" from='' id='1&#10;2'><body>a&lt;<![CDATA[<b>&]]>c<i x='>'>no</i>`+"\r\n"+`d</body>text`+
		`<p:stanza-id by = 'd' id='&quot;'/><delay xmlns='urn:xmpp:delay' from='d'/><none xmlns=''/></message>`)
	if f.Name != Message || string(f.To) != "a'b@d" || f.From == nil || len(f.From) != 0 || f.Lang != nil || string(f.ID) != "1\n2" {
		t.Errorf("index: %s", describe(&f))
	}
	if got := f.ChildText(NSClient, "body"); string(got) != "a<<b>&c\nd" {
		t.Errorf("text %q", got)
	}
	id := f.Child("urn:p:q", "stanza-id")
	if id == nil || string(id.Attr("by")) != "d" || string(id.Attr("id")) != `"` || id.Attr("from") != nil {
		t.Errorf("stanza-id: %v", id)
	}
	if !f.HasChild("", "none") || f.HasChild(NSClient, "none") || f.HasChild(NSClient, "delay") || f.ChildText("u", "v") != nil {
		t.Error("children")
	}
	for i := range f.Children {
		c := &f.Children[i]
		if !bytes.Equal(f.Raw[c.Start:c.End], c.Raw) {
			t.Errorf("child %d: offsets %d to %d", i, c.Start, c.End)
		}
	}
	if string(f.Attr("type")) != "chat" || string(f.Payload().Local) != "body" {
		t.Error("attribute or payload")
	}
}

// checkNames checks which top-level elements are stanzas, and that children in the stream namespace are told.
func checkNames(t *testing.T) {
	s := opened(t, AfterLogin())
	for _, c := range []struct {
		input, space, local string
		name                Name
		streams             bool
	}{
		{"<iq/>", NSClient, "iq", IQ, false},
		{"<presence xmlns='jabber:client'/>", NSClient, "presence", Presence, false},
		{"<x:message xmlns:x='jabber:client'/>", NSClient, "message", Message, false},
		{"<message xmlns='jabber:server'/>", NSServer, "message", Other, false},
		{"<message xmlns='jabber:component:accept'/>", "jabber:component:accept", "message", Other, false},
		{"<message xmlns=''/>", "", "message", Other, false},
		{"<a xmlns='urn:xmpp:sm:3'/>", "urn:xmpp:sm:3", "a", Other, false},
		{"<stream:error/>", NSStreams, "error", Other, false},
		{"<features xmlns='http://etherx.jabber.org/streams'/>", NSStreams, "features", Other, true},
		{"<message><error xmlns='http://etherx.jabber.org/streams'/></message>", NSClient, "message", Message, true},
		{"<message xmlns:s='http://etherx.jabber.org/streams'><s:stream/></message>", NSClient, "message", Message, true},
		{"<message><a><b xmlns:s='http&#58;//etherx.jabber.org/streams'/></a></message>", NSClient, "message", Message, true},
	} {
		n, kind, err := s.Next([]byte(c.input))
		if n != len(c.input) || kind != Element || err != nil {
			t.Fatal(c.input, n, kind, err)
		}
		f := s.Frame()
		if string(f.Space) != c.space || string(f.Local) != c.local || f.Name != c.name || f.Streams != c.streams {
			t.Errorf("%s: {%s}%s %d %v", c.input, f.Space, f.Local, f.Name, f.Streams)
		}
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	for _, c := range stanzas {
		s, buf := opened(t, AfterLogin()), []byte(c.xml)
		if _, _, err := s.Next(buf); err != nil {
			t.Fatal(err)
		}
		want := describe(s.Frame())
		f := s.Frame().Clone()
		clear(buf)
		if _, _, err := s.Next([]byte("<a><b/><c/></a>")); err != nil {
			t.Fatal(err)
		}
		s.Park()
		if got := describe(&f); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", c.name, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", " ", "a", "<a>", "<a/>b", "<a/><b/>", " <a/>", "<a/> ", "</a>", "<?xml version='1.0'?><a/>", header} {
		if f, err := Parse([]byte(bad), NSClient, AfterLogin()); err == nil {
			t.Errorf("%q accepted as %s", bad, describe(&f))
		}
	}
	f, err := Parse([]byte("<item jid='a@d'><group>x</group></item>"), "jabber:iq:roster", AfterLogin())
	if err != nil || string(f.Space) != "jabber:iq:roster" || string(f.ChildText("jabber:iq:roster", "group")) != "x" {
		t.Error(err, describe(&f))
	}
}

func TestDecoder(t *testing.T) {
	t.Parallel()
	f := parse(t, "<iq id='1' type='set'><query xmlns='jabber:iq:roster'><item jid='a@d'/></query></iq>")
	var iq struct {
		XMLName xml.Name `xml:"jabber:client iq"`
		Item    struct {
			JID string `xml:"jid,attr"`
		} `xml:"jabber:iq:roster query>item"`
	}
	if err := f.Decoder().Decode(&iq); err != nil || iq.Item.JID != "a@d" {
		t.Error(err, iq)
	}
}

// TestPark checks that a parked stream goes on, and that nothing half-read is lost.
func TestPark(t *testing.T) {
	t.Parallel()
	s := opened(t, AfterLogin())
	s.Park()
	for _, half := range []int{0, 1, 4, 12} {
		in := []byte("<iq id='1'><a/></iq>")
		if _, kind, err := s.Next(in[:half]); kind != None || err != nil {
			t.Fatal(kind, err)
		}
		s.Park()
		if n, kind, err := s.Next(in); n != len(in) || kind != Element || err != nil || len(s.Frame().Children) != 1 {
			t.Fatal(half, n, kind, err)
		}
		s.Park()
		if s.work != nil {
			t.Error("memory kept")
		}
	}
}

// TestSmallerLimits checks that limits that shrink under a half-read element refuse it.
func TestSmallerLimits(t *testing.T) {
	t.Parallel()
	s := opened(t, AfterLogin())
	in := []byte("<message><body>" + strings.Repeat("a", 100))
	if _, _, err := s.Next(in); err != nil {
		t.Fatal(err)
	}
	s.SetLimits(Limits{StanzaBytes: 10, Depth: 9, Attributes: 9, Namespaces: 9, Children: 9})
	if n, kind, err := s.Next(in[:20]); n != 0 || kind != None || err != nil {
		t.Error("fewer bytes than before:", n, kind, err)
	}
	if _, _, err := s.Next(append(in, 'a')); err == nil {
		t.Error("accepted")
	}
}

// TestErrorText checks that an error tells its condition and nothing else that varies.
func TestErrorText(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte("<secret>\x00</secret>"), NSClient, AfterLogin())
	if err == nil || err.Error() != "frame: not-well-formed: character not allowed" {
		t.Error(err)
	}
}

// TestComponentStream: a component calls the content namespace by another name, and its stanzas are like anybody's. XEP-0114 §3
func TestComponentStream(t *testing.T) {
	t.Parallel()
	header := func(space string) string {
		return "<stream:stream xmlns='" + space + "' xmlns:stream='http://etherx.jabber.org/streams' to='a'>"
	}
	for in, want := range map[string]string{
		"<message from='a' to='b'><body>x</body></message>":                                 "<message from='a' to='b'><body>x</body></message>",
		"<message xmlns='jabber:component:accept' from='a' to='b'><body>x</body></message>": "<message from='a' to='b'><body>x</body></message>",
		"<message xmlns='jabber:client' from='a' to='b'><body>x</body></message>":           "<message from='a' to='b'><body>x</body></message>",
	} {
		var s Scanner
		s.ResetComponent(AfterLogin())
		b := []byte(header(NSComponent) + in)
		n, kind, err := s.Next(b)
		if kind != StreamHeader || err != nil {
			t.Fatal(kind, err)
		}
		if _, kind, err = s.Next(b[n:]); kind != Element || err != nil {
			t.Fatal(kind, err)
		}
		f := s.Frame()
		if f.Name != Message || string(f.ChildText(NSClient, "body")) != "x" {
			t.Errorf("%s: %v, %d children", in, f.Name, len(f.Children))
		}
		if got := string(f.AppendTo(nil, Stamp{})); got != want {
			t.Errorf("%s became %s", in, got)
		}
	}
	for _, space := range []string{NSClient, NSServer} {
		var s Scanner
		s.ResetComponent(AfterLogin())
		if _, _, err := s.Next([]byte(header(space))); err == nil {
			t.Errorf("a header in %s is taken", space)
		}
	}
	var s Scanner
	s.Reset(AfterLogin())
	if _, _, err := s.Next([]byte(header(NSComponent))); err == nil {
		t.Error("a client's header in the component's namespace is taken")
	}
}
