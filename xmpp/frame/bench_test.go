package frame

import "testing"

// stanzas are of the kinds and sizes that clients send most. The chat message has 300 bytes.
var stanzas = []struct{ name, xml string }{
	{"chat", `<message xmlns='jabber:client' type='chat' to='juliet.capulet@uni-verona.example/balcony' id='b4d0f3e8-6a41-4ff1-9d5e-3b1c6a1b2c3d' xml:lang='de'>` +
		`<body>Deny thy father, Romeo</body>` +
		`<origin-id xmlns='urn:xmpp:sid:0' id='b4d0f3e8-6a41'/><active xmlns='http://jabber.org/protocol/chatstates'/></message>`},
	{"omemo", omemo()},
	{"presence", `<presence id='p1'><show>away</show><status>gone fishing</status><priority>5</priority>` +
		`<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>` +
		`<x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x></presence>`},
	{"iq", `<iq type='get' to='uni-verona.example' id='disco1'><query xmlns='http://jabber.org/protocol/disco#info' node='x'/></iq>`},
}

func omemo() string {
	keys := ""
	for _, id := range []string{"1234567", "7654321", "5550123", "9910021", "4711471"} {
		keys += `<key rid='` + id + `'>MwohBQ3sdGvk2Zl0Jq5c8Hy0P7mF1nQb9tXr4wYzAbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/MwohBQ3sdGvk2Zl0Jq5c8Hy0P7mF1nQb9tXr4wYzAbCdEfGhIjKl</key>`
	}
	return `<message type='chat' to='juliet@uni-verona.example' id='o1'><encrypted xmlns='eu.siacs.conversations.axolotl'>` +
		`<header sid='27183'>` + keys + `<iv>bWFyY28gcG9sbyE=</iv></header><payload>U2FsdGVkX1+vupppZksvRf5pq5g5XjFRlipRkwB0K1Y96Qsv2Lm+31cmzaAILwyt</payload></encrypted>` +
		`<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>` +
		`<body>I sent you an OMEMO encrypted message but your client does not support it.</body><store xmlns='urn:xmpp:hints'/></message>`
}

// opened returns a Scanner behind a stream header.
func opened(t testing.TB, l Limits) *Scanner {
	t.Helper()
	s := new(Scanner)
	s.Reset(l)
	h := []byte(`<?xml version='1.0'?><stream:stream to='uni-verona.example' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`)
	if n, kind, err := s.Next(h); n != len(h) || kind != StreamHeader || err != nil {
		t.Fatalf("header: %d %v %v", n, kind, err)
	}
	return s
}

func BenchmarkNext(b *testing.B) {
	for _, c := range stanzas {
		b.Run(c.name, func(b *testing.B) {
			s, buf := opened(b, AfterLogin()), []byte(c.xml)
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if n, kind, err := s.Next(buf); n != len(buf) || kind != Element {
					b.Fatal(n, kind, err)
				}
			}
		})
	}
}

func BenchmarkRelay(b *testing.B) {
	for _, c := range stanzas {
		b.Run(c.name, func(b *testing.B) {
			s, buf := opened(b, AfterLogin()), []byte(c.xml)
			stamp := Stamp{From: "romeo.montague@uni-verona.example/orchard", Lang: "de"}
			var out []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if n, kind, err := s.Next(buf); n != len(buf) || kind != Element {
					b.Fatal(n, kind, err)
				}
				out = s.Frame().AppendTo(out[:0], stamp)
			}
		})
	}
}

// BenchmarkBytewise shows a stanza of the largest size byte by byte; the figure is for one byte, the call included.
func BenchmarkBytewise(b *testing.B) {
	s, buf := opened(b, AfterLogin()), []byte(sized(ClientStanzaBytes))
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		if _, kind, err := s.Next(buf[:i]); err != nil {
			b.Fatal(err)
		} else if kind == Element {
			i = 0
		}
	}
}

func BenchmarkParse(b *testing.B) {
	buf := []byte(stanzas[0].xml)
	b.ReportAllocs()
	for b.Loop() {
		if f, err := Parse(buf, NSClient, AfterLogin()); err != nil || f.Name != Message {
			b.Fatal(err)
		}
	}
}

func BenchmarkClone(b *testing.B) {
	s, buf := opened(b, AfterLogin()), []byte(stanzas[0].xml)
	if _, _, err := s.Next(buf); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if f := s.Frame().Clone(); f.Name != Message {
			b.Fatal("clone")
		}
	}
}
