package features

import (
	"strings"
	"testing"

	"protokoll/xmpp/frame"
)

const (
	body      = "<body>hi</body>"
	active    = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
	invite    = "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b'/></x>"
	inTheRoom = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
	direct    = "<x xmlns='jabber:x:conference' jid='r@b'/>"
	noCopy    = "<no-copy xmlns='urn:xmpp:hints'/>"
	noStore   = "<no-store xmlns='urn:xmpp:hints'/>"
	store     = "<store xmlns='urn:xmpp:hints'/>"
	receipt   = "<received xmlns='urn:xmpp:receipts' id='1'/>"
	omemo     = "<encrypted xmlns='eu.siacs.conversations.axolotl'/>"
)

func message(t testing.TB, typ, inner string) *frame.Frame {
	t.Helper()
	if typ != "" {
		typ = " type='" + typ + "'"
	}
	return parse(t, "<message"+typ+">"+inner+"</message>")
}

func TestDropForged(t *testing.T) {
	t.Parallel()
	sid := func(by string) string { return "<stanza-id xmlns='urn:xmpp:sid:0' id='1'" + by + "/>" }
	delay := func(from string) string { return "<delay xmlns='urn:xmpp:delay'" + from + " stamp='x'/>" }
	gone := []string{
		"<received xmlns='urn:xmpp:carbons:2'/>", "<sent xmlns='urn:xmpp:carbons:2'/>", // H52
		sid(" by='romeo@example.net'"), sid(" by='ROMEO@Example.NET'"), sid(" by='example.net'"), sid(" by='romeo@example.net/x'"), // H54
		sid(""), sid(" by='@@'"), "<s:stanza-id xmlns:s='urn:xmpp:sid:0' id='1' by='romeo@example.net'/>",
		delay(" from='example.net'"), delay(" from='romeo@example.net'"), // H55
	}
	stays := []string{
		body, sid(" by='room@other.example'"), delay(" from='room@other.example'"), delay(""),
		"<origin-id xmlns='urn:xmpp:sid:0' id='1'/>", "<private xmlns='urn:xmpp:carbons:2'/>", "<received xmlns='urn:xmpp:receipts' id='1'/>",
	}
	f := message(t, "chat", strings.Join(gone, "")+strings.Join(stays, "")+strings.Join(gone, ""))
	DropForged(f, func(d string) bool { return d == domain })
	want := "<message type='chat'>" + strings.Join(stays, "") + "</message>"
	if got := string(f.AppendTo(nil, frame.Stamp{})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAppendCarbon(t *testing.T) {
	t.Parallel()
	f := message(t, "chat", body)
	forwarded := f.AppendTo(nil, frame.Stamp{From: juliet + "/balcony", To: romeo, XMLNS: frame.NSClient})
	got := string(AppendCarbon(nil, Received, romeo, romeo+"/o'rchard", "chat", forwarded))
	want := "<message from='romeo@example.net' to='romeo@example.net/o&apos;rchard' type='chat'><received xmlns='urn:xmpp:carbons:2'>" +
		"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='juliet@example.net/balcony' to='romeo@example.net' type='chat'>" +
		"<body>hi</body></message></forwarded></received></message>"
	if got != want {
		t.Errorf("XEP-0280 §7:\n%s\n%s", got, want)
	}
	parse(t, string(AppendCarbon(nil, Sent, romeo, romeo+"/x", "", forwarded)))
}

func BenchmarkMessageRules(b *testing.B) {
	f := message(b, "chat", body+active+"<origin-id xmlns='urn:xmpp:sid:0' id='1'/>")
	b.ReportAllocs()
	for b.Loop() {
		DropForged(f, func(string) bool { return true })
		_ = NatureOf(f)
	}
}
