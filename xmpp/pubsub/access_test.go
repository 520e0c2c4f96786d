package pubsub

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// TestAccess: who may read and publish, by the node's access and what they are to it. XEP-0060 §4.1, §4.5
func TestAccess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, access, role, who string
		read, publish           bool
	}{
		{"owner", "whitelist", "", romeo, true, true},
		{"open, contact", "open", "", juliet, true, false},
		{"open, stranger", "open", "", paris, true, false},
		{"open, outcast", "open", "outcast", paris, false, false},
		{"presence, contact", "presence", "", juliet, true, false},
		{"presence, stranger", "presence", "", paris, false, false},
		{"presence, member", "presence", "member", paris, true, false},
		{"roster, contact in the group", "roster", "", juliet, true, false},
		{"roster, in the group but no contact", "roster", "", tybalt, false, false},
		{"whitelist, contact", "whitelist", "", juliet, false, false},
		{"whitelist, member", "whitelist", "member", paris, true, false},
		{"whitelist, publisher", "whitelist", "publisher", paris, true, true},
		{"whitelist, publish-only", "whitelist", "publish-only", paris, false, true},
		{"whitelist, second owner", "whitelist", "owner", paris, true, true},
	} {
		s := newStage(t)
		s.set(romeo, romeo, pubsub("<create node='n'/><configure><x xmlns='jabber:x:data' type='submit'><field var='pubsub#access_model'><value>"+
			c.access+"</value></field><field var='pubsub#roster_groups_allowed'><value>Capulets</value></field></x></configure>"))
		s.set(romeo, romeo, publishing("n", "1", note))
		if c.role != "" {
			if got := s.set(romeo, romeo, owned("<affiliations node='n'><affiliation jid='"+c.who+"' affiliation='"+c.role+"'/></affiliations>")); got != "" {
				t.Fatal(c.name, got)
			}
		}
		if got := s.get(c.who, romeo, pubsub("<items node='n'/>")); failed(got) == c.read {
			t.Error(c.name, "reads:", got)
		} else if !c.read && c.who != juliet && got != "item-not-found" {
			t.Error(c.name, "learns that there is something:", got)
		}
		if got := s.set(c.who, romeo, pubsub("<subscribe node='n' jid='"+c.who+"'/>")); failed(got) == c.read {
			t.Error(c.name, "subscribes:", got)
		}
		if got := s.set(c.who, romeo, publishing("n", "2", note)); failed(got) == c.publish {
			t.Error(c.name, "publishes:", got)
		}
	}
}

// TestBlocked: whom the owner blocks is answered as if there were nobody, whatever the node says. XEP-0191 §3.3
func TestBlocked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(romeo, romeo, creating("n", "access_model", "open"))
	s.set(juliet, romeo, pubsub("<subscribe node='n' jid='"+juliet+"'/>"))
	s.town.people[romeo].blocked = juliet
	if got := s.get(juliet, romeo, pubsub("<items node='n'/>")); got != "item-not-found" {
		t.Error(got)
	}
	reply, err := s.ask(features.Set, romeo, romeo, publishing("n", "1", note))
	if err != nil || len(reply.Notices) != 1 || len(reply.Notices[0].Subscribers) != 0 {
		t.Error(err, reply.Notices)
	}
}

// TestStrangersSeeNobody: for a stranger an account with closed nodes and one that does not exist are the same. H65
func TestStrangersSeeNobody(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(romeo, romeo, creating("n"))
	for _, c := range []struct {
		kind    features.Kind
		payload string
	}{
		{features.Get, pubsub("<items node='n'/>")}, {features.Get, pubsub("<items node='none'/>")},
		{features.Get, pubsub("<subscriptions/>")}, {features.Get, pubsub("<affiliations/>")},
		{features.Set, publishing("n", "1", note)}, {features.Set, publishing("none", "1", note)},
		{features.Set, pubsub("<retract node='n'><item id='1'/></retract>")},
		{features.Set, pubsub("<subscribe node='n' jid='" + paris + "'/>")}, {features.Set, pubsub("<unsubscribe node='n' jid='" + paris + "'/>")},
		{features.Set, pubsub("<create node='n'/>")}, {features.Set, owned("<delete node='n'/>")}, {features.Set, owned("<purge node='n'/>")},
		{features.Get, owned("<configure node='n'/>")}, {features.Get, owned("<default/>")}, {features.Get, owned("<affiliations node='n'/>")},
		{features.Get, owned("<subscriptions node='n'/>")}, {features.Set, owned("<configure node='n'>" + submit("title", "x") + "</configure>")},
		{features.Get, "<query xmlns='" + features.NSDiscoInfo + "' node='n'/>"}, {features.Get, "<query xmlns='" + features.NSDiscoItems + "' node='n'/>"},
	} {
		here := s.got(c.kind, paris, romeo, c.payload)
		nowhere := s.got(c.kind, paris, "nobody@example.net", c.payload)
		if here != nowhere {
			t.Errorf("%s: %s, of nobody %s", c.payload, here, nowhere)
		}
	}
}

// TestNotices: who is told. XEP-0163 §4.3
func TestNotices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		options  []string
		contacts []string
		notices  int
		holds    string
	}{
		{"as usual", nil, []string{juliet}, 1, "<x xmlns='n'/>"},
		{"whitelist", []string{"access_model", "whitelist"}, nil, 1, "<x xmlns='n'/>"},
		{"roster, another group", []string{"access_model", "roster"}, nil, 1, "<x xmlns='n'/>"},
		{"without payloads", []string{"deliver_payloads", "0"}, []string{juliet}, 1, "<item id='1'/>"},
		{"silent", []string{"deliver_notifications", "false"}, nil, 0, ""},
		{"not kept", []string{"persist_items", "0"}, []string{juliet}, 1, "<x xmlns='n'/>"},
	} {
		s := newStage(t)
		if got := s.set(romeo, romeo, creating("n", c.options...)); got != "" {
			t.Fatal(c.name, got)
		}
		reply, err := s.ask(features.Set, romeo, romeo, publishing("n", "1", note))
		if err != nil || len(reply.Notices) != c.notices {
			t.Error(c.name, err, len(reply.Notices))
			continue
		}
		if c.notices > 0 {
			n := reply.Notices[0]
			if !slices.Equal(n.Contacts, c.contacts) || !n.Own || n.From != romeo || !strings.Contains(string(n.Payload), c.holds) {
				t.Errorf("%s: %+v %s", c.name, n, n.Payload)
			}
		}
		if kept := len(s.town.people[romeo].catalogue.Node(Ref{"", "n"}).items) == 1; kept != (c.name != "not kept") {
			t.Error(c.name, "kept:", kept)
		}
	}
}

// TestConverters follow what people do, in the same command, and not what converters do.
func TestConverters(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var seen []Change
	s.core.Convert("a", func(d *Draft, c Change) error {
		seen = append(seen, c)
		d.Photo = true
		_, err := d.Publish(Publication{Ref: Ref{"", "b"}, ID: "same", Payload: []byte(note)})
		return err
	})
	s.core.Convert("b", func(*Draft, Change) error { t.Error("a converter is followed"); return nil })
	reply, err := s.ask(features.Set, romeo, romeo, publishing("a", "1", note))
	if err != nil || !reply.Photo || len(reply.Notices) != 2 || len(seen) != 1 || seen[0].Published[0].GetItemId() != "1" {
		t.Error(err, seen)
	}
	d, _ := s.core.Begin(s.town.people[romeo])
	if i, err := d.Newest(Ref{"", "b"}); err != nil || i.GetItemId() != "same" {
		t.Error(err, i)
	}
	s.core.Convert("c", func(*Draft, Change) error { return errors.New("no") })
	if _, err := s.ask(features.Set, romeo, romeo, publishing("c", "1", note)); err == nil || s.town.people[romeo].catalogue.Node(Ref{"", "c"}) != nil {
		t.Error("half of a command", err)
	}
}

// TestNamesAtAService: a name belongs to one owner, until the node is gone, its owner, or the attempt to make it.
func TestNamesAtAService(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.town.people[romeo].fail = errors.New("disk full")
	s.set(romeo, service, creating("n"))
	s.town.people[romeo].fail = nil
	for _, step := range []struct{ from, payload, want string }{
		{romeo, creating("n"), ""}, {juliet, creating("n"), "conflict"}, {juliet, owned("<delete node='n'/>"), "forbidden"},
		{romeo, owned("<delete node='n'/>"), ""}, {juliet, creating("n"), ""}, {romeo, publishing("n", "1", note), "forbidden"},
	} {
		if got := s.set(step.from, service, step.payload); got != step.want {
			t.Error(step.from, step.payload, got)
		}
	}
	if err := New(nil, nil).Use(s.town); err != nil {
		t.Error(err)
	}
	delete(s.town.people, juliet) // erased
	if got := s.set(romeo, service, creating("n")); got != "" {
		t.Error("the name of who is gone:", got)
	}
}

// TestHostile: requests that make no sense are refused, whatever they hold. H70–H73
func TestHostile(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.set(romeo, romeo, publishing("n", "1", note))
	nested := "<configure node='n'>" + strings.Repeat("<x xmlns='jabber:x:data' type='submit'><field var='pubsub#title'><value>", 10) +
		"t" + strings.Repeat("</value></field></x>", 10) + "</configure>"
	fields := strings.Repeat("<field var='a'/>", 2)
	for _, c := range []struct {
		kind          features.Kind
		payload, want string
	}{
		{features.Set, pubsub(""), "bad-request"},
		{features.Set, pubsub("<publish node='n'/><retract node='n'/>"), "bad-request"},
		{features.Set, pubsub("<publish xmlns='x' node='n'/>"), "bad-request"},
		{features.Set, pubsub("<configure node='n'/><configure node='n'/>"), "bad-request"},
		{features.Set, pubsub("<collection/>"), "feature-not-implemented unsupported"},
		{features.Set, owned("<configure node='n'/>"), "bad-request"},
		{features.Set, owned("<configure node='n'><x xmlns='jabber:x:data' type='submit'>" + fields + "</x></configure>"), "bad-request invalid-options"},
		{features.Set, owned("<configure node='n'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>x</value></field></x></configure>"), "bad-request invalid-options"},
		{features.Set, owned("<configure node='n'>" + submit("max_items", "-1") + "</configure>"), "not-acceptable"},
		{features.Set, owned("<configure node='n'>" + submit("max_items", "99999999999999999999") + "</configure>"), "not-acceptable"},
		{features.Set, owned("<configure node='n'>" + submit("access_model", "authorize") + "</configure>"), "not-acceptable"},
		{features.Set, owned("<configure node='n'>" + submit("persist_items", "perhaps") + "</configure>"), "not-acceptable"},
		{features.Set, owned("<affiliations node='n'><affiliation jid='@@' affiliation='member'/></affiliations>"), "bad-request"},
		{features.Set, owned("<affiliations node='n'><affiliation jid='a@b' affiliation='king'/></affiliations>"), "bad-request"},
		{features.Set, owned("<affiliations node='n'><affiliation jid='" + romeo + "' affiliation='none'/></affiliations>"), "not-acceptable"},
		{features.Set, owned("<subscriptions node='n'><subscription jid='" + paris + "' subscription='subscribed'/></subscriptions>"), "not-acceptable"},
		{features.Get, pubsub("<items node='n' max_items='0'/>"), "bad-request"},
		{features.Get, pubsub("<items node='n'/><set xmlns='" + NSRSM + "'><max>x</max></set>"), "bad-request"},
		{features.Get, pubsub("<items node='n'/><set xmlns='" + NSRSM + "'><after>" + strings.Repeat("x", 10_000) + "</after></set>"), "item-not-found"},
		{features.Get, pubsub("<items node='n'/><set xmlns='" + NSRSM + "'><index>7</index></set>"), "item-not-found"},
		{features.Get, pubsub("<items/>"), "bad-request nodeid-required"},
	} {
		if got := s.got(c.kind, romeo, romeo, c.payload); got != c.want {
			t.Errorf("%s: %s", c.payload, got)
		}
	}
	if got := s.set(romeo, romeo, owned(nested)); got != "" && !failed(got) {
		t.Error("nested forms:", got)
	}
	if n := s.town.people[romeo].catalogue.Node(Ref{"", "n"}); n.Config.GetAccess() != schemas.NodeAccess_ACCESS_PRESENCE || n.Config.GetMaxItems() != 1 {
		t.Error("something of it was taken over:", n.Config)
	}
}

// TestPages: every page of every size, forwards and backwards, is what a client puts together again. XEP-0059 §2
func TestPages(t *testing.T) {
	t.Parallel()
	ids := strings.Split("abcdefg", "")
	text := func(s string) *string { return &s }
	for size := 1; size <= 9; size++ {
		max := text(string(rune('0' + size)))
		var forwards, backwards []string
		for p := (pageXML{Max: max}); len(forwards) < len(ids); p.After = text(forwards[len(forwards)-1]) {
			got, err := p.cut(ids)
			if err != nil || got.to <= got.from {
				t.Fatal(size, err, got)
			}
			forwards = append(forwards, ids[got.from:got.to]...)
		}
		for p := (pageXML{Max: max, Before: text("")}); len(backwards) < len(ids); p.Before = text(backwards[0]) {
			got, err := p.cut(ids)
			if err != nil || got.to <= got.from {
				t.Fatal(size, err, got)
			}
			backwards = append(slices.Clone(ids[got.from:got.to]), backwards...)
		}
		if !slices.Equal(forwards, ids) || !slices.Equal(backwards, ids) {
			t.Error(size, forwards, backwards)
		}
	}
	if p, err := (&pageXML{Max: text("0")}).cut(ids); err != nil || p.from != p.to || p.total != len(ids) {
		t.Error("XEP-0059 §2.7: the number only", p, err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(uint8(0), publishing("n", "1", note))
	f.Add(uint8(1), pubsub("<items node='n'/><set xmlns='"+NSRSM+"'><max>1</max><before/></set>"))
	f.Add(uint8(2), owned("<configure node='n'>"+submit("max_items", "max")+"</configure>"))
	f.Add(uint8(2), owned("<affiliations node='n'><affiliation jid='a@b' affiliation='member'/></affiliations>"))
	f.Fuzz(func(t *testing.T, kind uint8, payload string) {
		if !strings.HasPrefix(payload, "<pubsub ") {
			return
		}
		s := newStage(t)
		s.set(romeo, romeo, publishing("n", "1", note))
		if _, err := frame.Parse([]byte("<iq id='1'>"+payload+"</iq>"), frame.NSClient, frame.AfterLogin()); err != nil {
			return
		}
		for _, to := range []string{romeo, juliet, service} {
			reply, err := s.ask(features.Kind(kind%2), romeo, to, payload)
			if err == nil && len(reply.Payload) > 0 {
				if _, err := frame.Parse(reply.Payload, frame.NSClient, frame.AfterLogin()); err != nil {
					t.Fatal(err, string(reply.Payload))
				}
			}
			for _, n := range reply.Notices {
				if _, err := frame.Parse(n.Payload, frame.NSClient, frame.AfterLogin()); err != nil {
					t.Fatal(err, string(n.Payload))
				}
			}
		}
	})
}
