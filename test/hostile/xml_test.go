package hostile

import (
	"fmt"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// Groups of stream conditions that rows allow. bad-format stands for the more specific ones, RFC 6120 §4.9.3.1.
var (
	restricted = []string{"restricted-xml", "not-well-formed", "bad-format"} // RFC 6120 §11.1; XML 1.0 for what it forbids itself
	malformed  = []string{"not-well-formed", "bad-format"}
	encoding   = []string{"not-well-formed", "bad-format", "unsupported-encoding"} // RFC 6120 §4.9.3.22
)

// each sends every input on a stream of its own, to a bystander who must not get it.
func each(t *testing.T, conditions []string, inputs map[string]string) {
	t.Helper()
	victim := bound(t)
	user := pool.Account()
	n := 0
	for name, input := range inputs {
		n++
		s := boundAs(t, user, fmt.Sprintf("r%d", n))
		s.try(strings.NewReplacer("TO", victim.full, "ME", s.full, "DOMAIN", target.Domain).Replace(input))
		t.Run(name, func(t *testing.T) { s.streamError(t, conditions...) })
	}
	if came := victim.quiet(t); len(came) > 0 {
		t.Errorf("relayed:\n%v", came[0])
	}
}

// xmlRows: XML that is none, or none of XMPP's.
var xmlRows = []row{
	{"H13", func(t *testing.T) {
		lol := "<!DOCTYPE lolz [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
		each(t, restricted, map[string]string{
			"laughs in mid-stream": lol + "<message to='TO'><body>&c;</body></message>",
			"external entity":      "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><message to='TO'><body>&e;</body></message>",
			"parameter entity":     "<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'> %p;]><message to='TO'><body>x</body></message>",
			"inside a stanza":      "<message to='TO'>" + lol + "<body>x</body></message>",
		})
		s := secure(t)
		s.send(t, "<?xml version='1.0'?>"+lol+strings.TrimPrefix(wire.Header("&c;"), "<?xml version='1.0'?>"))
		if _, err := s.AnswerHeader(); err == nil {
			s.streamError(t, restricted...)
		}
	}},
	{"H14", func(t *testing.T) {
		each(t, restricted, map[string]string{
			"comment between stanzas":     "<!-- hello -->",
			"comment inside":              "<message to='TO'><!-- hello --><body>x</body></message>",
			"processing instruction":      "<?php echo 1 ?>",
			"processing instruction deep": "<message to='TO'><body><?x y?></body></message>",
			"XML declaration":             "<?xml version='1.0'?>",
			"XML declaration inside":      "<message to='TO'><?xml version='1.0'?></message>",
		})
	}},
	{"H15", func(t *testing.T) {
		each(t, restricted, map[string]string{
			"nbsp":             "<message to='TO'><body>&nbsp;</body></message>",
			"unknown":          "<message to='TO'><body>&foo;</body></message>",
			"in an attribute":  "<message to='TO' id='&foo;'><body>x</body></message>",
			"bare ampersand":   "<message to='TO'><body>a & b</body></message>",
			"unterminated":     "<message to='TO'><body>&amp</body></message>",
			"ampersand at end": "<message to='TO' id='&'><body>x</body></message>",
		})
	}},
	{"H16", func(t *testing.T) {
		each(t, encoding, map[string]string{
			"in text":           "<message to='TO'><body>\xEB<x/></body></message>",
			"in a tag name":     "<message to='TO'><b\xEB></b\xEB></message>",
			"in a value":        "<message to='TO' id='\xEB'><body/></message>",
			"two bytes of four": "<message to='TO'><body>\xF0\x9F</body></message>",
			"before a quote":    "<message to='TO' id='a\xC3'><body/></message>",
		})
	}},
	{"H17", func(t *testing.T) {
		each(t, encoding, map[string]string{
			"overlong":            "<message to='TO'><body>\xC0\xAF</body></message>",
			"overlong NUL":        "<message to='TO'><body>\xC0\x80</body></message>",
			"surrogate":           "<message to='TO'><body>\xED\xA0\x80</body></message>",
			"above U+10FFFF":      "<message to='TO'><body>\xF4\x90\x80\x80</body></message>",
			"NUL":                 "<message to='TO'><body>\x00</body></message>",
			"C0 control":          "<message to='TO'><body>\x01</body></message>",
			"C0 in a value":       "<message to='TO' id='\x0B'><body/></message>",
			"reference to NUL":    "<message to='TO'><body>&#0;</body></message>",
			"reference to U+0001": "<message to='TO'><body>&#x1;</body></message>",
			"U+FFFE":              "<message to='TO'><body>\xEF\xBF\xBE</body></message>",
			"reference to U+FFFF": "<message to='TO'><body>&#xFFFF;</body></message>",
			"reference too large": "<message to='TO'><body>&#x110000;</body></message>",
			"continuation alone":  "<message to='TO'><body>\x80</body></message>",
		})
	}},
	{"H18", func(t *testing.T) {
		latin := strings.Replace(wire.Header(target.Domain), "'1.0'?", "'1.0' encoding='iso-8859-1'?", 1)
		var utf16 strings.Builder
		utf16.WriteString("\xFE\xFF")
		for _, c := range []byte(wire.Header(target.Domain)) {
			utf16.Write([]byte{0, c})
		}
		for name, header := range map[string]string{"iso-8859-1": latin, "UTF-16": utf16.String()} {
			s := secure(t)
			s.send(t, header)
			if _, err := s.AnswerHeader(); err != nil {
				t.Fatalf("%s: no header before the error (RFC 6120 §4.9.1.2): %v", name, err)
			}
			s.streamError(t, encoding...)
		}
	}},
	{"H19", func(t *testing.T) {
		each(t, []string{"not-well-formed", "bad-format", "bad-namespace-prefix"}, map[string]string{
			"undeclared":                "<message to='TO'><p:x/></message>",
			"undeclared, of attribute":  "<message to='TO'><x p:a='1'/></message>",
			"undeclared, of the stanza": "<p:message to='TO'/>",
			"xmlns as a prefix":         "<message to='TO'><xmlns:x/></message>",
		})
		victim, s := bound(t), headerPrefix(t)
		s.try("<message to='" + victim.full + "' id='h19'><q:x>y</q:x></message>")
		s.endOrQuiet(t, "bad-namespace-prefix", "not-well-formed", "bad-format")
		for _, n := range victim.quiet(t) {
			if n.Get("id") == "h19" && n.Child("urn:q", "x") == nil {
				t.Errorf("relayed without the declaration:\n%v", n)
			}
		}
	}},
	{"H20", func(t *testing.T) {
		each(t, malformed, map[string]string{
			"twice":                 "<message to='TO' id='1' id='2'/>",
			"in a child":            "<message to='TO'><x a='1' b='2' a='3'/></message>",
			"by two prefixes":       "<message to='TO'><x xmlns:p='urn:u' xmlns:q='urn:u' p:a='1' q:a='2'/></message>",
			"the declaration twice": "<message to='TO'><x xmlns='urn:u' xmlns='urn:v'/></message>",
		})
	}},
	{"H21", func(t *testing.T) {
		s := bound(t)
		for i, ns := range []string{"urn:xmpp:ping ", "urn:xmpp:ping&#124;ping", "urn:xmpp:ping}ping"} {
			id := fmt.Sprintf("h21-%d", i)
			s.send(t, "<iq type='get' id='"+id+"' to='"+target.Domain+"'><ping xmlns='"+ns+"'/></iq>")
			s.stanzaError(t, id, "service-unavailable")
		}
		each(t, malformed, map[string]string{
			"control character": "<iq type='get' id='x' to='DOMAIN'><ping xmlns='urn:xmpp:ping\x01'/></iq>",
			"reference to it":   "<iq type='get' id='x' to='DOMAIN'><ping xmlns='urn:xmpp:ping&#1;'/></iq>",
			"line feed":         "<iq type='get' id='x' to='DOMAIN'><ping xmlns='urn:xmpp:ping&#10;'/></iq>",
		})
	}},
	{"H22", func(t *testing.T) {
		each(t, []string{"unsupported-stanza-type", "bad-format", "not-well-formed"}, map[string]string{
			"features": "<stream:features/>",
			"a stream": "<stream:stream xmlns='jabber:client' to='DOMAIN' version='1.0'>",
		})
		s := bound(t)
		s.send(t, "<stream:error><conflict xmlns='"+wire.NSError+"'/></stream:error>")
		s.ended(t)
	}},
	{"H23", func(t *testing.T) {
		victim := bound(t)
		s := bound(t)
		for i, child := range []string{
			"<error xmlns='" + wire.NSStream + "'><conflict xmlns='" + wire.NSError + "'/></error>",
			"<stream:features xmlns:stream='" + wire.NSStream + "'/>",
			"<q:stream xmlns:q='" + wire.NSStream + "'/>",
		} {
			id := fmt.Sprintf("h23-%d", i)
			s.send(t, "<message type='chat' to='"+victim.full+"' id='"+id+"'><body>"+needle+"</body>"+child+"</message>")
			s.stanzaError(t, id, "bad-request")
		}
		if came := victim.quiet(t); len(came) > 0 {
			t.Errorf("relayed:\n%v", came[0])
		}
		each(t, []string{"bad-namespace-prefix", "not-well-formed", "bad-format"}, map[string]string{
			"by the header's prefix": "<message to='TO'><stream:error/></message>",
		})
	}},
	{"H24", func(t *testing.T) {
		victim, s := bound(t), bound(t)
		s.try("<x:message xmlns:x='jabber:client' to='" + victim.full + "' id='h24' type='chat'><x:body>prefixed</x:body></x:message>")
		s.endOrQuiet(t, "invalid-namespace")
		for _, n := range victim.quiet(t) {
			if b := n.Child(wire.NSClient, "body"); !n.Is(wire.NSClient, "message") || b == nil || b.Content() != "prefixed" {
				t.Errorf("relayed with another meaning:\n%v", n)
			}
		}
		s = bound(t)
		s.try("<message to='" + victim.full + "' id='h24b' type='chat'><body xmlns='urn:other'>foreign</body></message>")
		s.endOrQuiet(t, "invalid-namespace")
		for _, n := range victim.quiet(t) {
			if n.Child(wire.NSClient, "body") != nil || n.Child("urn:other", "body") == nil {
				t.Errorf("relayed with another meaning:\n%v", n)
			}
		}
	}},
	{"H25", func(t *testing.T) {
		each(t, []string{"invalid-namespace", "unsupported-stanza-type"}, map[string]string{
			"of servers":    "<message xmlns='jabber:server' to='TO'><body>x</body></message>",
			"of components": "<message xmlns='jabber:component:accept' to='TO'><body>x</body></message>",
			"of nobody":     "<message xmlns='urn:nobody' to='TO'><body>x</body></message>",
			"none":          "<message xmlns='' to='TO'><body>x</body></message>",
			"handshake":     "<handshake xmlns='jabber:component:accept'>aa</handshake>",
			"dialback":      "<result xmlns='jabber:server:dialback' from='a' to='b'>k</result>",
		})
	}},
	{"H26", func(t *testing.T) {
		victim, s := bound(t), bound(t)
		text := "</body></message><iq type='set'>"
		s.send(t, "<message to='"+victim.full+"' id='h26' type='chat'><body><![CDATA["+text+"]]></body></message>")
		if got := victim.answer(t, "h26").Child(wire.NSClient, "body").Content(); got != text {
			t.Errorf("text became %q", got)
		}
		each(t, malformed, map[string]string{"bare end of CDATA": "<message to='TO'><body>a ]]> b</body></message>"})
	}},
	{"H27", func(t *testing.T) {
		each(t, malformed, map[string]string{
			"wrong end tag":       "<message to='TO'><body>x</subject></message>",
			"of the stream early": "<message to='TO'><body>x</stream:stream>",
			"alone":               "</message>",
			"another prefix":      "</message:stream>",
		})
		victim, s := bound(t), bound(t)
		s.send(t, "</stream:stream><message to='"+victim.full+"'><body>"+needle+"</body></message>")
		s.ended(t)
		if came := victim.quiet(t); len(came) > 0 {
			t.Errorf("sent after the end of the stream and relayed:\n%v", came[0])
		}
	}},
}

// headerPrefix is a client that declares a prefix on its stream header.
func headerPrefix(t *testing.T) *session {
	t.Helper()
	s := opened(t)
	s.user = pool.Account()
	s.send(t, wire.Auth("PLAIN", "\x00"+s.user+"\x00"+password))
	if n, err := s.Next(); err != nil || n.Name.Local != "success" {
		t.Fatalf("sign-in: %v %v", n, err)
	}
	s.send(t, strings.Replace(wire.Header(target.Domain), " xmlns=", " xmlns:q='urn:q' xmlns=", 1))
	if _, err := s.Answer(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bind("hostile"); err != nil {
		t.Fatal(err)
	}
	return s
}
