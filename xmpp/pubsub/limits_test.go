package pubsub

import (
	"fmt"
	"strings"
	"testing"

	"protokoll/xmpp/features"
)

const note = "<x xmlns='n'/>"

// payloadOf returns an element of n bytes.
func payloadOf(n int) string {
	return "<x xmlns='n'>" + strings.Repeat("a", n-len("<x xmlns='n'></x>")) + "</x>"
}

func failed(answer string) bool { return answer != "" && !strings.HasPrefix(answer, "<") }

// TestLimits: what fits is taken, one more is refused with the error that says why, and changes nothing. H72, H73
func TestLimits(t *testing.T) {
	t.Parallel()
	many := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	jids := func(n int) string {
		return many(n, "<affiliation jid='p%d@example.org' affiliation='member'/>")
	}
	groups := func(n int) string {
		return owned("<configure node='n'><x xmlns='jabber:x:data' type='submit'><field var='pubsub#roster_groups_allowed'>" +
			many(n, "<value>%d</value>") + "</field></x></configure>")
	}
	items := func(n int) string { return many(n, "<item id='%d'>"+note+"</item>") }
	for _, c := range []struct {
		name, fits, beyond, want string
	}{
		{"XEP-0060 §7.1.3.4: a payload", publishing("n", "1", payloadOf(MaxItemBytes)), publishing("n", "1", payloadOf(MaxItemBytes+1)), "not-acceptable payload-too-big"},
		{"the id of an item", publishing("n", strings.Repeat("i", MaxName), note), publishing("n", strings.Repeat("i", MaxName+1), note), "not-acceptable"},
		{"the name of a node", publishing(strings.Repeat("n", MaxName), "1", note), publishing(strings.Repeat("n", MaxName+1), "1", note), "item-not-found"},
		{"items of a request", pubsub("<publish node='all'>" + items(MaxPublished) + "</publish>"), pubsub("<publish node='all'>" + items(MaxPublished+1) + "</publish>"), "not-allowed max-items-exceeded"},
		{"XEP-0060 §12.8: more items than the node keeps", pubsub("<publish node='n'>" + items(1) + "</publish>"), pubsub("<publish node='n'>" + items(2) + "</publish>"), "not-allowed max-items-exceeded"},
		{"max_items", creating("a", "max_items", fmt.Sprint(MaxItems)), creating("b", "max_items", fmt.Sprint(MaxItems+1)), "not-acceptable"},
		{"a title", creating("a", "title", strings.Repeat("t", MaxText)), creating("b", "title", strings.Repeat("t", MaxText+1)), "not-acceptable"},
		{"affiliations", owned("<affiliations node='n'>" + jids(MaxAffiliations) + "</affiliations>"), owned("<affiliations node='n'><affiliation jid='one@more' affiliation='member'/></affiliations>"), "policy-violation"},
		{"groups", groups(MaxGroups), groups(MaxGroups + 1), "not-acceptable"},
		{"ids that are asked to go", pubsub("<retract node='all'>" + many(MaxAsked, "<item id='%d'/>") + "</retract>"), pubsub("<retract node='all'>" + many(MaxAsked+1, "<item id='%d'/>") + "</retract>"), "not-allowed max-items-exceeded"},
	} {
		s := newStage(t)
		s.set(romeo, romeo, publishing("n", "0", note))
		s.set(romeo, romeo, creating("all", "max_items", "max"))
		if strings.HasPrefix(c.name, "ids") {
			s.set(romeo, romeo, pubsub("<publish node='all'>"+items(MaxPublished)+"</publish>"))
		}
		if got := s.set(romeo, romeo, c.fits); failed(got) {
			t.Error(c.name, "at the limit:", got)
		}
		before := describe(s.town.people[romeo].catalogue)
		if got := s.set(romeo, romeo, c.beyond); got != c.want {
			t.Error(c.name, "beyond:", got)
		}
		if after := describe(s.town.people[romeo].catalogue); after != before {
			t.Error(c.name, "has changed something")
		}
	}
}

func TestNodesOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for i := range MaxNodes {
		to := []string{romeo, service}[i%2] // both count
		if got := s.set(romeo, to, creating(fmt.Sprint("n", i))); got != "" {
			t.Fatal(i, got)
		}
	}
	for _, to := range []string{romeo, service} {
		if got := s.set(romeo, to, creating("more")); got != "policy-violation max-nodes-exceeded" {
			t.Error(to, got)
		}
	}
	if got := s.set(romeo, romeo, publishing("more", "1", note)); got != "policy-violation max-nodes-exceeded" {
		t.Error(got)
	}
	if got := s.set(juliet, service, creating("more")); got != "" {
		t.Error("a name is lost to who did not get it:", got)
	}
	s.set(romeo, romeo, owned("<delete node='n0'/>"))
	if got := s.set(romeo, romeo, creating("n0")); got != "" {
		t.Error("there is room again:", got)
	}
}

func TestBytesOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(romeo, romeo, creating("n", "max_items", "max"))
	for i := range MaxAccountBytes / MaxItemBytes {
		if got := s.set(romeo, romeo, publishing("n", fmt.Sprint(i), payloadOf(MaxItemBytes))); failed(got) {
			t.Fatal(i, got)
		}
	}
	if got := s.set(romeo, romeo, publishing("n", "more", note)); got != "resource-constraint" {
		t.Error(got)
	}
	if got := s.set(romeo, romeo, publishing("n", "0", note)); failed(got) {
		t.Error("in place of a larger one:", got)
	}
	if got := s.set(romeo, romeo, publishing("n", "more", note)); failed(got) {
		t.Error("there is room again:", got)
	}
	// An answer does not grow with what is stored: the newest come first, the rest by pages. XEP-0060 §6.5.4
	reply, err := s.ask(features.Get, romeo, romeo, pubsub("<items node='n'/>"))
	if err != nil || len(reply.Payload) > MaxAnswerBytes+MaxItemBytes || !strings.Contains(string(reply.Payload), "<count>") ||
		!strings.Contains(string(reply.Payload), "id='more'") {
		t.Error(err, len(reply.Payload), "bytes")
	}
}

// TestMostItems: a node keeps the newest, and what was pushed out has ended.
func TestMostItems(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(romeo, romeo, creating("n", "max_items", "max"))
	for i := range MaxItems + 5 {
		s.town.t = quiet{t} // agreeing at every step would take long
		s.set(romeo, romeo, publishing("n", fmt.Sprint(i), note))
	}
	s.town.t = t
	p := s.town.people[romeo]
	p.agree(t)
	n := p.catalogue.Node(Ref{"", "n"})
	if len(n.items) != MaxItems || n.items[0].id != "5" {
		t.Error(len(n.items), n.items[0])
	}
	s.set(romeo, romeo, owned("<configure node='n'>"+submit("max_items", "3")+"</configure>"))
	if n = p.catalogue.Node(Ref{"", "n"}); len(n.items) != 3 || n.items[0].id != fmt.Sprint(MaxItems+2) {
		t.Error("XEP-0060 §8.2: a node that keeps fewer", n.items)
	}
}

func TestSubscriptionsOfANode(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(romeo, service, creating("n"))
	for i := range MaxSubscriptions {
		d, err := s.core.Begin(s.town.people[romeo])
		if err == nil {
			err = d.Subscribe(Ref{service, "n"}, fmt.Sprint("p", i, "@example.org"))
		}
		if err != nil {
			t.Fatal(i, err)
		}
		s.town.people[romeo].write(quiet{t}, d.Facts)
	}
	if got := s.set(juliet, service, pubsub("<subscribe node='n' jid='"+juliet+"'/>")); got != "policy-violation too-many-subscriptions" {
		t.Error("XEP-0060 §6.1.3.9:", got)
	}
}
