package features

import (
	"strings"
	"testing"

	"protokoll/xmpp/frame"
)

const (
	body    = "<body>hi</body>"
	active  = "<active xmlns='http://jabber.org/protocol/chatstates'/>"
	invite  = "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b'/></x>"
	inRoom  = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
	direct  = "<x xmlns='jabber:x:conference' jid='r@b'/>"
	noCopy  = "<no-copy xmlns='urn:xmpp:hints'/>"
	noStore = "<no-store xmlns='urn:xmpp:hints'/>"
	store   = "<store xmlns='urn:xmpp:hints'/>"
	receipt = "<received xmlns='urn:xmpp:receipts' id='1'/>"
	omemo   = "<encrypted xmlns='eu.siacs.conversations.axolotl'/>"
)

func message(t testing.TB, typ, inner string) *frame.Frame {
	t.Helper()
	if typ != "" {
		typ = " type='" + typ + "'"
	}
	return parse(t, "<message"+typ+">"+inner+"</message>")
}

func TestEligible(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, typ, inner string
		sent, received   bool
	}{
		{"chat", "chat", body, true, true},
		{"chat without body", "chat", omemo, true, true},
		{"normal with body", "", body, true, true},
		{"normal with body, typed", "normal", body, true, true},
		{"normal without body", "", omemo, false, false},
		{"body of another namespace", "", "<body xmlns='x'/>", false, false},
		{"receipt", "", receipt, true, true},
		{"chat state", "", active, true, true},
		{"marker", "", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", true, true},
		{"groupchat", "groupchat", body, false, false},
		{"headline", "headline", body, false, false},
		{"error", "error", body, false, false},
		{"private, XEP-0280 §9", "chat", body + "<private xmlns='urn:xmpp:carbons:2'/>" + noCopy, false, false},
		{"no-copy alone, XEP-0334 §4.3", "chat", body + noCopy, false, false},
		{"direct invitation", "", direct, true, true},
		{"mediated invitation", "", invite, true, true},
		{"private message in a room", "chat", body + inRoom, true, false},
	} {
		f := message(t, c.typ, c.inner)
		if sent, received := Eligible(f, Sent), Eligible(f, Received); sent != c.sent || received != c.received {
			t.Errorf("XEP-0280 §6.1: %s: sent %v, received %v", c.name, sent, received)
		}
	}
}

func TestStorable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, typ, inner string
		want             bool
	}{
		{"chat", "chat", body, true},
		{"normal", "", body, true},
		{"encrypted", "chat", omemo, true},
		{"receipt", "chat", receipt, true},
		{"chat state only", "chat", active + "<thread>1</thread>", false},
		{"chat state and body", "chat", active + body, true},
		{"empty", "chat", "", false},
		{"groupchat", "groupchat", body, false},
		{"headline", "headline", body + store, false},
		{"error", "error", body + store, false},
		{"no-store", "chat", body + noStore, false},
		{"no-store wins", "chat", body + noStore + store, false},
		{"store", "chat", active + store, true},
		{"no-permanent-store is for archives", "chat", body + "<no-permanent-store xmlns='urn:xmpp:hints'/>", true},
		{"ids only", "chat", "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>" + noCopy, false},
	} {
		if got := Storable(message(t, c.typ, c.inner)); got != c.want {
			t.Errorf("XEP-0160 §3: %s: %v", c.name, got)
		}
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	all := noCopy + noStore + store + "<no-permanent-store xmlns='urn:xmpp:hints'/>"
	if got := HintsOf(message(t, "chat", all)); got != (Hints{true, true, true, true}) {
		t.Error(got)
	}
	if got := HintsOf(message(t, "error", all)); got != (Hints{}) {
		t.Error("XEP-0334 §5:", got)
	}
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
		_ = Eligible(f, Sent) && Storable(f)
	}
}
