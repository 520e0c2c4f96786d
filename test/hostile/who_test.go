package hostile

import (
	"fmt"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// whoRows: who says what to whom.
var whoRows = []row{
	{"H49", func(t *testing.T) {
		victim, other := bound(t), pool.Account()
		for _, claimed := range []string{other + "@" + target.Domain, target.Domain, "boss@elsewhere.example", other + "@" + target.Domain + "/x"} {
			s := bound(t)
			s.try("<message type='chat' id='h49' from='" + claimed + "' to='" + victim.full + "'><body>" + needle + "</body></message>")
			s.endOrQuiet(t, "invalid-from")
			for _, n := range victim.quiet(t) {
				if n.Get("from") != s.full {
					t.Errorf("%q came with from=%q", claimed, n.Get("from"))
				}
			}
		}
	}},
	{"H50", func(t *testing.T) {
		s := bound(t)
		ask := func(to string, conditions ...string) {
			t.Helper()
			s.send(t, "<iq type='get' id='h50' to='"+wire.Escape(to)+"'><ping xmlns='urn:xmpp:ping'/></iq>")
			s.stanzaError(t, "h50", conditions...)
		}
		d := target.Domain
		for _, to := range []string{
			"@" + d, "a@", "@", "a@@" + d, "@@", "a@" + d + "/", "/", "a@/b", strings.Repeat("l", 1024) + "@" + d,
			"a@" + d + "/" + strings.Repeat("r", 1024), strings.Repeat("x", 3072), "a b@" + d, "a\"b@" + d, "a&b@" + d, "a@b c",
			"a\u0000b@" + d, "a\u200E\u05D0b@" + d,
		} {
			if strings.ContainsRune(to, 0) {
				continue // no XML
			}
			ask(to, "jid-malformed")
		}
		for _, to := range []string{"a@elsewhere.example.", "a@[::1]", "a@xn--a", "xn--\u00FC.example", "a@" + strings.Repeat("d", 64) + ".example"} {
			ask(to, "jid-malformed", "remote-server-not-found", "service-unavailable")
		}
	}},
	{"H52", func(t *testing.T) {
		victim, s := bound(t), bound(t)
		inner := "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='boss@" + target.Domain + "' to='" + victim.full + "'><body>x</body></message></forwarded>"
		for i, kind := range []string{"received", "sent"} {
			for _, form := range []string{"<" + kind + " xmlns='urn:xmpp:carbons:2'>" + inner + "</" + kind + ">",
				"<c:" + kind + " xmlns:c='urn:xmpp:carbons:2'>" + inner + "</c:" + kind + ">"} {
				s.send(t, fmt.Sprintf("<message type='chat' id='h52-%d' to='%s'><body>x</body>%s</message>", i, victim.full, form))
			}
		}
		s.quiet(t)
		for _, n := range victim.quiet(t) {
			if n.Get("from") != s.full {
				t.Errorf("came under another name:\n%v", n)
			}
			if n.Child("urn:xmpp:carbons:2", "received") != nil || n.Child("urn:xmpp:carbons:2", "sent") != nil {
				t.Errorf("a forged carbon came through:\n%v", n)
			}
		}
	}},
	{"H54", func(t *testing.T) {
		victim, s := bound(t), bound(t)
		for i, by := range []string{victim.bare, strings.ToUpper(victim.bare), target.Domain, strings.ToUpper(target.Domain[:1]) + target.Domain[1:], "&#x75;ser" + strings.TrimPrefix(victim.bare, "user")} {
			id := fmt.Sprintf("h54-%d", i)
			s.send(t, "<message type='chat' id='"+id+"' to='"+victim.full+"'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='"+by+"' id='forged'/><s:stanza-id xmlns:s='urn:xmpp:sid:0' id='forged' by='"+by+"'/></message>")
			for _, c := range victim.answer(t, id).Elements() {
				if c.Name.Local == "stanza-id" && c.Get("id") == "forged" {
					t.Errorf("by=%q was kept", by)
				}
			}
		}
	}},
	{"H56", func(t *testing.T) {
		victim, s := bound(t), bound(t)
		push := "<query xmlns='jabber:iq:roster'><item jid='evil@elsewhere.example' subscription='both'/></query>"
		s.send(t, "<iq type='set' id='h56' to='"+victim.bare+"'>"+push+"</iq>")
		s.stanzaError(t, "h56", "forbidden", "service-unavailable")
		s.send(t, "<iq type='set' id='h56b' to='"+victim.full+"'>"+push+"</iq>")
		s.quiet(t)
		for _, n := range victim.quiet(t) {
			if n.Get("from") != s.full {
				t.Errorf("a roster push under another name:\n%v", n)
			}
		}
		victim.send(t, "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
		if n := victim.answer(t, "roster"); n.Find("jabber:iq:roster", "item") != nil {
			t.Errorf("the roster took it:\n%v", n)
		}
	}},
	{"H58", func(t *testing.T) {
		victim, s := bound(t), bound(t)
		s.send(t, "<presence type='subscribed' to='"+victim.bare+"'/><presence type='unsubscribed' to='"+victim.bare+"'/>")
		s.quiet(t)
		victim.send(t, "<presence type='subscribe' id='self' to='"+victim.bare+"'/><presence type='subscribed' to='"+victim.bare+"'/>")
		for _, n := range victim.quiet(t) {
			if n.Get("type") != "error" {
				t.Errorf("came of it:\n%v", n)
			}
		}
		victim.send(t, "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
		if n := victim.answer(t, "roster"); n.Find("jabber:iq:roster", "item") != nil {
			t.Errorf("the roster changed:\n%v", n)
		}
	}},
	{"H62", func(t *testing.T) {
		s := bound(t)
		for i, c := range []struct{ items, want string }{
			{"<item/>", "bad-request"}, {"", "bad-request"}, {"<item jid=''/>", "jid-malformed bad-request"}, {"<item jid='@@'/>", "jid-malformed"},
			{"<item jid='a@" + target.Domain + "'/><item/>", "bad-request"},
		} {
			id := fmt.Sprintf("h62-%d", i)
			s.send(t, "<iq type='set' id='"+id+"'><block xmlns='urn:xmpp:blocking'>"+c.items+"</block></iq>")
			s.stanzaError(t, id, strings.Fields(c.want)...)
		}
	}},
	{"H65", func(t *testing.T) {
		person, stranger := bound(t), bound(t)
		person.send(t, "<presence/><iq type='set' id='card'><vCard xmlns='vcard-temp'><FN>"+needle+"</FN></vCard></iq>")
		person.answer(t, "card")
		for i, ask := range []string{
			"<query xmlns='jabber:iq:last'/>", "<vCard xmlns='vcard-temp'/>", "<query xmlns='jabber:iq:version'/>",
			"<query xmlns='http://jabber.org/protocol/disco#info'/>", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<ping xmlns='urn:xmpp:ping'/>",
		} {
			var seen []string
			for _, to := range []string{person.bare, "nobody-at-all@" + target.Domain, person.bare + "/nowhere", "nobody-at-all@" + target.Domain + "/nowhere"} {
				id := fmt.Sprintf("h65-%d-%d", i, len(seen))
				stranger.send(t, "<iq type='get' id='"+id+"' to='"+to+"'>"+ask+"</iq>")
				text := stranger.answer(t, id).String()
				seen = append(seen, strings.NewReplacer(to, "TO", id, "ID").Replace(text))
			}
			if seen[0] != seen[1] || seen[2] != seen[3] {
				t.Errorf("%s tells who exists:\n%v", ask, seen)
			}
		}
		stranger.send(t, "<presence type='probe' to='"+person.bare+"'/><presence type='probe' to='nobody-at-all@"+target.Domain+"'/>")
		var about []string
		for _, n := range stranger.quiet(t) {
			about = append(about, n.Get("from"))
		}
		if len(about) == 1 {
			t.Errorf("a probe tells who exists: only %s answered", about[0])
		}
	}},
}

// endOrQuiet is for rows that allow a stream error or silence.
func (s *session) endOrQuiet(t *testing.T, conditions ...string) {
	t.Helper()
	s.try("<iq type='get' id='quiet' to='" + target.Domain + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	for {
		n, err := s.Next()
		if err != nil {
			t.Fatalf("neither an error nor an answer: %v", err)
		}
		if n.Get("id") == "quiet" {
			return
		}
		if n.Is(wire.NSStream, "error") {
			oneOf(t, "stream error", condition(n, wire.NSError), conditions...)
			return
		}
	}
}
