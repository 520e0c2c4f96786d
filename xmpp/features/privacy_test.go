package features

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"protokoll/schemas"
)

func privacy(inner string) string { return "<query xmlns='jabber:iq:privacy'>" + inner + "</query>" }

// TestPrivacyLists walks through both views of one block list.
func TestPrivacyLists(t *testing.T) {
	t.Parallel()
	r, a, s := newTestRegistry(), newAccount(romeo), &session{}
	const tybalt = "<item type='jid' value='tybalt@example.org' action='deny' order='%d'/>"
	deny := func(n int) string { return fmt.Sprintf(tybalt, n) }
	shown := func(n int) string { return strings.Replace(deny(n), "/>", "></item>", 1) }
	for n, c := range []struct {
		kind    Kind
		payload string
		want    string
		facts   int
		blocked int
		others  []string
	}{
		{kind: Get, payload: privacy(""), want: privacy("")},
		{kind: Set, payload: privacy("<list name='work'>" + deny(3) + "<item action='allow' order='9'/></list>"), facts: 1},
		{kind: Get, payload: privacy(""), want: privacy("<list name='work'/>")},
		{kind: Get, payload: privacy("<list name='home'/>"), want: "item-not-found"},
		{kind: Set, payload: privacy("<active name='home'/>"), want: "item-not-found"},
		{kind: Set, payload: privacy("<default name='home'/>"), want: "item-not-found"},
		{kind: Set, payload: privacy("<active name='work'/>")},
		{kind: Get, payload: privacy(""), want: privacy("<active name='work'/><list name='work'/>")},
		// The default list becomes the block list and what only a list can say.
		{kind: Set, payload: privacy("<default name='work'/>"), facts: 3, blocked: 1},
		{kind: Get, payload: privacy("<list name='work'/>"), want: privacy("<list name='work'>" + shown(1) + "<item action='allow' order='2'></item></list>"), blocked: 1},
		{kind: Get, payload: "<blocklist xmlns='urn:xmpp:blocking'/>", want: "<blocklist xmlns='urn:xmpp:blocking'><item jid='tybalt@example.org'/></blocklist>", blocked: 1},
		{kind: Set, payload: blockIQ("paris@example.org"), facts: 1, blocked: 2},
		{kind: Get, payload: privacy("<list name='work'/>"), blocked: 2, want: privacy("<list name='work'><item type='jid' value='paris@example.org' action='deny' order='1'></item>" + shown(2) + "<item action='allow' order='3'></item></list>")},
		// Declined: who is blocked stays so. docs/decisions/0012
		{kind: Set, payload: privacy("<default/>"), facts: 2, blocked: 2},
		{kind: Get, payload: privacy(""), want: privacy("<active name='work'/><default name='blocked'/><list name='blocked'/><list name='work'/>"), blocked: 2},
		{kind: Set, payload: privacy("<list name='blocked'>" + deny(1) + "</list>"), facts: 1, blocked: 1},
		// Others that use a list. XEP-0016 §2.5, §2.8
		{kind: Set, payload: privacy("<default name='work'/>"), want: "conflict", blocked: 1, others: []string{""}},
		{kind: Set, payload: privacy("<list name='work'/>"), want: "conflict", blocked: 1, others: []string{"work"}},
		{kind: Set, payload: privacy("<list name='blocked'/>"), want: "conflict", blocked: 1, others: []string{""}},
		{kind: Set, payload: privacy("<list name='work'/>"), facts: 1, blocked: 1},
		{kind: Set, payload: privacy("<list name='work'/>"), want: "item-not-found", blocked: 1},
		{kind: Get, payload: privacy(""), want: privacy("<default name='blocked'/><list name='blocked'/>"), blocked: 1},
		{kind: Set, payload: "<unblock xmlns='urn:xmpp:blocking'/>", facts: 1},
		{kind: Get, payload: privacy(""), want: privacy("")},
	} {
		s.others = c.others
		had := len(a.appended)
		req := request(t, c.kind, a, c.payload)
		req.Session = s
		_, got := serve(t, r, req)
		if diff := cmp.Diff(c.want, got); diff != "" || len(a.appended)-had != c.facts {
			t.Errorf("step %d: %d facts, %s", n, len(a.appended)-had, diff)
		}
		if b, err := BlocksOf(a, romeo); err != nil || b.Len() != c.blocked {
			t.Errorf("step %d: %d blocked, %v", n, b.Len(), err)
		}
	}
	if s.active != "" {
		t.Error("a list that was removed is still active")
	}
}

func TestPrivacyRefused(t *testing.T) {
	t.Parallel()
	item := func(attrs string) string { return privacy("<list name='x'><item " + attrs + "/></list>") }
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<item type='jid' value='u%d@example.org' action='deny' order='%d'><iq/></item>", i, i)
		}
		return privacy("<list name='x'>" + b.String() + "</list>")
	}
	for payload, want := range map[string]string{
		privacy("<active/><default/>"):                                       "bad-request",
		privacy("<list name='a'/><list name='b'/>"):                          "bad-request",
		privacy("<surprise/>"):                                               "bad-request",
		privacy("<list><item action='deny' order='1'/></list>"):              "bad-request",
		item("action='deny'"):                                                "bad-request",
		item("order='1'"):                                                    "bad-request",
		item("action='perhaps' order='1'"):                                   "bad-request",
		item("action='deny' order='-1'"):                                     "bad-request",
		item("action='deny' order='4294967296'"):                             "bad-request",
		item("action='deny' order='4294967295'"):                             "",
		item("type='jid' value='@@' action='deny' order='1'"):                "jid-malformed",
		item("type='group' value='' action='deny' order='1'"):                "bad-request",
		item("type='subscription' value='maybe' action='deny' order='1'"):    "bad-request",
		item("type='colour' value='red' action='deny' order='1'"):            "bad-request",
		item("action='deny' order='1'/><item action='allow' order='1'"):      "bad-request",
		privacy("<list name='" + strings.Repeat("n", MaxListName+1) + "'/>"): "bad-request",
		many(MaxPrivacyRules):                                                "",
		many(MaxPrivacyRules + 1):                                            "policy-violation",
		many(2_700):                                                          "not-allowed", // more bytes than are looked at
	} {
		if got := ask(t, Set, newAccount(romeo), payload); got != want {
			t.Errorf("%.80s: %q, want %q", payload, got, want)
		}
	}
}

func TestPrivacyLimits(t *testing.T) {
	t.Parallel()
	r, a := newTestRegistry(), newAccount(romeo)
	for n := range MaxPrivacyLists + 1 {
		_, got := serve(t, r, request(t, Set, a, privacy(fmt.Sprintf("<list name='l%d'><item action='deny' order='1'><iq/></item></list>", n))))
		if want := map[bool]string{true: "policy-violation"}[n == MaxPrivacyLists]; got != want {
			t.Errorf("list %d: %q", n, got)
		}
	}
}

// TestDenies asks lists about stanzas. XEP-0016 §2.1, §2.2
func TestDenies(t *testing.T) {
	t.Parallel()
	known := map[string]Acquaintance{"benvolio@example.org": {Groups: []string{"Friends", "Montague"}, Subscription: "both"}}
	for _, c := range []struct {
		items string
		kind  StanzaKind
		jid   string
		want  bool
	}{
		{"<item type='jid' value='tybalt@example.org' action='deny' order='1'/>", Everything, "tybalt@example.org/x", true},
		{"<item type='jid' value='tybalt@example.org' action='deny' order='1'><message/></item>", MessageIn, "tybalt@example.org/x", true},
		{"<item type='jid' value='tybalt@example.org' action='deny' order='1'><message/></item>", Everything, "tybalt@example.org", false},
		{"<item type='jid' value='tybalt@example.org' action='deny' order='1'><message/></item>", IQIn, "tybalt@example.org", false},
		{"<item type='jid' value='example.org' action='deny' order='1'><presence-in/></item>", PresenceIn, "tybalt@example.org/x", true},
		{"<item type='jid' value='example.org' action='deny' order='1'><presence-out/></item>", PresenceIn, "tybalt@example.org/x", false},
		{"<item type='jid' value='example.org' action='deny' order='2'/><item type='jid' value='tybalt@example.org' action='allow' order='1'/>", MessageIn, "tybalt@example.org/x", false},
		{"<item type='jid' value='example.org' action='deny' order='1'/><item type='jid' value='tybalt@example.org' action='allow' order='2'/>", MessageIn, "tybalt@example.org/x", true},
		{"<item type='group' value='Friends' action='allow' order='1'/><item action='deny' order='2'/>", MessageIn, "benvolio@example.org/x", false},
		{"<item type='group' value='Enemies' action='allow' order='1'/><item action='deny' order='2'/>", MessageIn, "benvolio@example.org/x", true},
		{"<item type='subscription' value='none' action='deny' order='1'/>", MessageIn, "stranger@example.org", true},
		{"<item type='subscription' value='none' action='deny' order='1'/>", MessageIn, "benvolio@example.org/x", false},
		{"<item type='subscription' value='both' action='deny' order='1'><presence-out/></item>", PresenceOut, "benvolio@example.org", true},
		{"<item action='deny' order='1'/>", MessageIn, romeo + "/other", false},
		{"<item action='deny' order='1'/>", IQIn, domain, false},
		{"<item action='deny' order='1'/>", IQIn, "anybody@example.net", true},
	} {
		a := newAccount(romeo)
		if got := ask(t, Set, a, privacy("<list name='l'>"+c.items+"</list>")); got != "" {
			t.Fatal(got)
		}
		b, err := BlocksOf(a, romeo)
		if err != nil {
			t.Fatal(err)
		}
		if b = b.Knowing(known); b.Denies("l", c.kind, c.jid) != c.want {
			t.Errorf("%s: kind %d of %s: not %v", c.items, c.kind, c.jid, c.want)
		}
		if b.Denies("", c.kind, c.jid) {
			t.Error("a list that is not active denies")
		}
	}
}

// TestListNeverUnblocks: whatever is set, chosen or declined, an address goes from the block list only where the client that
// takes it out was shown it.
func TestListNeverUnblocks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &lists{blocked: map[string]bool{"enemy@example.org": true}, rules: map[string][]*schemas.PrivacyRule{}}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "blocked"}).Draw(t, "name")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				if name != l.standing() {
					l.put(name, []*schemas.PrivacyRule{{Type: schemas.PrivacyRuleType_BY_JID, Value: "enemy@example.org", Order: 1}})
				}
			case 1:
				if l.exists(name) {
					l.choose(name)
				}
			case 2:
				l.choose("")
			}
			if !l.compile(romeo).Denies("", MessageIn, "enemy@example.org/x") {
				t.Fatal("not blocked any more")
			}
			for n := range l.rules {
				if !l.compile(romeo).Denies(n, MessageIn, "enemy@example.org/x") {
					t.Fatal("not blocked where a list is active")
				}
			}
		}
	})
}

// BenchmarkDenies: a list of a thousand rules costs what one of three does.
func BenchmarkDenies(b *testing.B) {
	for _, n := range []int{3, MaxPrivacyRules} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rules := make([]*schemas.PrivacyRule, n)
			for i := range rules {
				rules[i] = &schemas.PrivacyRule{Type: schemas.PrivacyRuleType_BY_JID, Value: fmt.Sprintf("u%d@example.org", i), Deny: true, Message: true}
			}
			l := newList(rules)
			b.ReportAllocs()
			for b.Loop() {
				l.denies(MessageIn, "somebody@example.org/phone", nil)
			}
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	var got []Report
	c := Config{Clock: nil, Reports: func(r Report) { got = append(got, r) }}
	c.Logger, c.Software = newTestRegistry().logger, Software{Name: "P"}
	r, a := New(c), newAccount(romeo)
	report := "<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'><stanza-id xmlns='urn:xmpp:sid:0' by='" + romeo + "' id='28482'/>" +
		"<text xml:lang='en'>" + strings.Repeat("ä", MaxReportText) + "</text></report>"
	reply, _ := serve(t, r, request(t, Set, a, "<block xmlns='urn:xmpp:blocking'><item jid='spammer@example.org'>"+report+"</item></block>"))
	if reply.Then == nil || len(got) != 0 {
		t.Fatal("a report goes out before the address is blocked, or never")
	}
	reply.Then()
	if len(got) != 1 || got[0].From != romeo || got[0].About != "spammer@example.org" || !got[0].Spam || len(got[0].Text) != MaxReportText ||
		len(got[0].Stanzas) != 1 || !strings.Contains(got[0].Body(), "28482") {
		t.Errorf("%+v", got)
	}
	if reply, _ := serve(t, r, request(t, Set, a, blockIQ("other@example.org"))); reply.Then != nil {
		t.Error("a report that nobody made")
	}
}
