package features

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// natures writes a nature as letters: kept for the absent, archived, copied when sent, copied when received, wakes, urgent,
// about a call.
func (n Nature) String() string {
	var b strings.Builder
	for _, l := range []struct {
		yes    bool
		letter byte
	}{{n.Stored, 'k'}, {n.Archived, 'a'}, {n.Sent, 's'}, {n.Received, 'r'}, {n.Wakes, 'w'}, {n.Urgent, 'u'}, {n.Call, 'c'}} {
		if l.yes {
			b.WriteByte(l.letter)
		}
	}
	return b.String()
}

func TestNature(t *testing.T) {
	t.Parallel()
	const private = "<private xmlns='urn:xmpp:carbons:2'/>"
	jingle := func(what string) string { return "<" + what + " xmlns='urn:xmpp:jingle-message:0' id='1'/>" }
	call := func(what string) string { return "<" + what + " xmlns='urn:xmpp:call-invites:0' id='1'/>" }
	for _, c := range []struct{ name, typ, inner, want string }{
		{"chat", "chat", body, "kasrwu"},
		{"normal with body", "", body, "kasrwu"},
		{"normal with body, typed", "normal", body, "kasrwu"},
		{"unknown type, RFC 6121 §5.2.2", "letter", body, "kasrwu"},
		{"body with accompaniment", "chat", active + body + "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>", "kasrwu"},
		{"headline", "headline", body, "u"},
		{"groupchat", "groupchat", body, "u"},
		{"groupchat without body", "groupchat", active, ""},
		{"error, XEP-0280 §6.1", "error", body, "u"},
		{"hints in an error belong to what it answers, XEP-0334 §5", "error", body + store, "u"},
		{"empty", "chat", "", "sr"},
		{"empty body", "chat", "<body/>", "sr"},
		{"body of another namespace", "", "<body xmlns='x'/>", "ka"},
		{"unknown content of a chat", "chat", "<x xmlns='x'/>", "kasr"},
		{"unknown content of a normal message", "", "<x xmlns='x'/>", "ka"},

		{"private, XEP-0280 §9", "chat", body + private + noCopy, "kawu"},
		{"private alone", "chat", body + private, "kawu"},
		{"no-copy alone, XEP-0334 §4.3", "chat", body + noCopy, "kawu"},
		{"no-store, XEP-0334 §4.2", "chat", body + noStore, "sru"},
		{"no-store wins", "chat", body + noStore + store, "sru"},
		{"store, XEP-0334 §4.4", "chat", active + store, "kasr"},
		{"no-permanent-store, XEP-0334 §4.1", "chat", body + "<no-permanent-store xmlns='urn:xmpp:hints'/>", "ksrwu"},
		{"ids only", "chat", "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>" + noCopy, ""},

		{"chat state, XEP-0085 §5.4", "chat", active + "<thread>1</thread>", "sr"},
		{"chat state of a normal message", "", active, "sr"},
		{"receipt, XEP-0184 §5.3", "", receipt, "kasr"},
		{"request alone", "", "<request xmlns='urn:xmpp:receipts'/>", "sr"},
		{"marker, XEP-0333 §4.1", "", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", "kasr"},
		{"markable alone", "", "<markable xmlns='urn:xmpp:chat-markers:0'/>", "sr"},
		{"correction, XEP-0308 §4", "chat", body + "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>", "kasrwu"},
		{"retraction with words for old clients, XEP-0424 §4.1", "chat", body + "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", "kasrwu"},
		{"retraction alone", "chat", "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>", "kasru"},
		{"reaction, XEP-0444 §4.1", "", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>" + store, "kasr"},
		{"reply, XEP-0461 §4", "chat", body + "<reply xmlns='urn:xmpp:reply:0' id='1'/>", "kasrwu"},
		{"link, XEP-0066 §3", "", "<x xmlns='jabber:x:oob'><url>x</url></x>", "kasrwu"},
		{"attention, XEP-0224 §2", "headline", "<attention xmlns='urn:xmpp:attention:0'/>", "u"},

		{"OMEMO, XEP-0384 §5.5", "chat", omemoWith("<payload>x</payload>"), "kasrwu"},
		{"OMEMO in a normal message", "", omemoWith("<payload>x</payload>"), "kasrwu"},
		{"OMEMO, keys only", "chat", omemo, "kasr"},
		{"OMEMO 2", "chat", "<encrypted xmlns='urn:xmpp:omemo:2'><payload>x</payload></encrypted>", "kasrwu"},
		{"encrypted in some way, XEP-0380 §2", "", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>", "kasrwu"},
		{"OpenPGP", "", "<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>", "kasrwu"},

		{"call proposed, XEP-0353 §3.1", "chat", jingle("propose") + store, "kasrwuc"},
		{"call proposed by a client without hints", "chat", jingle("propose"), "kasrwuc"},
		{"call of type normal", "", jingle("propose"), "kasrwuc"},
		{"ringing, XEP-0353 §3.2", "chat", jingle("ringing") + store, "kasruc"},
		{"call retracted, XEP-0353 §3.3", "chat", jingle("retract") + store, "kasruc"},
		{"call taken, XEP-0353 §3.4", "chat", jingle("proceed") + store, "kasruc"},
		{"call over, XEP-0353 §3.7", "chat", jingle("finish") + store, "kasruc"},
		{"invited to a call, XEP-0482 §2.1", "chat", call("invite"), "kasrwuc"},
		{"call left, XEP-0482 §2.5", "chat", call("left"), "kasruc"},

		{"direct invitation, XEP-0249 §2", "", direct, "kasrwu"},
		{"mediated invitation, XEP-0045 §7.8.2", "", invite, "kasrwu"},
		{"private message in a room", "chat", body + inTheRoom, "kaswu"},
		{"news of a node", "headline", "<event xmlns='http://jabber.org/protocol/pubsub#event'/>", ""},
		{"news of a node, of type normal", "", "<event xmlns='http://jabber.org/protocol/pubsub#event'/>", ""},
	} {
		if got := NatureOf(message(t, c.typ, c.inner)).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func omemoWith(payload string) string {
	return "<encrypted xmlns='eu.siacs.conversations.axolotl'>" + payload + "</encrypted>"
}

// What is dropped is not looked at, and some things follow from others whatever a message holds.
func TestNatureFollows(t *testing.T) {
	t.Parallel()
	parts := []string{body, active, invite, inTheRoom, direct, noCopy, noStore, store, receipt, omemo, omemoWith("<payload/>"), "<x xmlns='y'/>"}
	rapid.Check(t, func(r *rapid.T) {
		f := message(t, rapid.SampledFrom([]string{"", "chat", "normal", "groupchat", "headline", "error"}).Draw(r, "type"),
			strings.Join(rapid.SliceOf(rapid.SampledFrom(parts)).Draw(r, "children"), ""))
		n := NatureOf(f)
		if n.Archived && !n.Stored || n.Received && !n.Sent || n.Wakes && !(n.Stored && n.Urgent) || n.Call && !n.Urgent {
			r.Fatalf("%s: %s", f.Raw, n)
		}
		for i := range f.Children {
			f.Drop(i)
		}
		if n := NatureOf(f); n.Stored || n.Wakes || n.Call {
			r.Fatalf("%s, all dropped: %s", f.Raw, n)
		}
	})
}
