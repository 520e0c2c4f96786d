package main

import (
	"slices"
	"strings"
	"testing"

	"protokoll/test/ldap"
	"protokoll/test/wire"
)

// search asks for people, and returns the addresses of who is found.
func search(t *testing.T, c *wire.Conn, fields string) (found []string) {
	t.Helper()
	n := sendAndAwait(t, c, "<iq type='set' id='search' to='search."+siteDomain+"'><query xmlns='jabber:iq:search'>"+fields+"</query></iq>",
		func(n *wire.Node) bool { return n.Is(wire.NSClient, "iq") && n.Get("id") == "search" })
	if n.Get("type") != "result" {
		t.Fatalf("search:\n%v", n)
	}
	for _, item := range n.Find("jabber:iq:search", "query").Elements() {
		found = append(found, strings.TrimSuffix(item.Get("jid"), "@"+siteDomain))
	}
	slices.Sort(found)
	return found
}

// beFound says by the menu of a client whether its owner may be found.
func beFound(t *testing.T, c *wire.Conn, yes string) {
	t.Helper()
	n := sendAndAwait(t, c, "<iq type='set' id='menu' to='"+siteDomain+"'><command xmlns='http://jabber.org/protocol/commands' node='my-visibility' action='execute'/></iq>",
		func(n *wire.Node) bool { return n.Get("id") == "menu" })
	command := n.Find("http://jabber.org/protocol/commands", "command")
	if command == nil {
		t.Fatalf("the menu:\n%v", n)
	}
	n = sendAndAwait(t, c, "<iq type='set' id='menu' to='"+siteDomain+"'><command xmlns='http://jabber.org/protocol/commands' node='my-visibility' sessionid='"+command.Get("sessionid")+
		"' action='complete'><x xmlns='jabber:x:data' type='submit'><field var='found'><value>"+yes+"</value></field></x></command></iq>",
		func(n *wire.Node) bool { return n.Get("id") == "menu" })
	if c := n.Find("http://jabber.org/protocol/commands", "command"); c == nil || c.Get("status") != "completed" {
		t.Fatalf("the menu:\n%v", n)
	}
}

// TestDirectorySearch: people of the directory are found by what it says of them, if they have an account and allow it; where that is
// the rule, unless they object; wildcards find nobody.
func TestDirectorySearch(t *testing.T) {
	t.Parallel()
	for mode, row := range map[string]struct{ unasked, all []string }{
		"opt-in":  {nil, []string{anna}},
		"opt-out": {[]string{anna, ben}, []string{anna, ben}},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, startDirectory(t), "")
			s.edit("protokoll.toml", "[[domain]]\n", "[[domain]]\nsearch = \""+mode+"\"\n")
			server := s.serve()
			a, b := signIn(t, server.target, anna, ldap.Password), signIn(t, server.target, ben, ldap.Password)
			is := func(c *wire.Conn, fields string, want []string) {
				t.Helper()
				if got := search(t, c, fields); !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", fields, got, want)
				}
			}
			const mueller = "<last>Mueller</last>" // Clara is one too, and never signed in
			is(b, mueller, row.unasked)
			beFound(t, a, "1")
			is(b, mueller, row.all)
			is(b, "<email>anna.mueller@uni-due.de</email>", []string{anna})
			is(b, "<nick>anna muell</nick>", []string{anna})
			is(b, "<last>Muel*</last>", nil)
			is(b, "<last>)(uid=*</last>", nil)
			s.wants(0, "", "", "object", anna+"@"+siteDomain, "--to", "search", "--reason", "letter")
			is(b, "<first>Anna</first>"+mueller, nil)
			beFound(t, a, "1") // her newest word counts
			is(b, "<first>Anna</first>"+mueller, []string{anna})
			beFound(t, a, "0")
			is(b, "<first>Anna</first>"+mueller, nil)
			server.stop()
		})
	}
}

// TestDirectorySearchWithoutDirectory: local people are found while the directory is away.
func TestDirectorySearchWithoutDirectory(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	s.edit("protokoll.toml", "[[domain]]\n", "[[domain]]\nsearch = \"opt-out\"\n")
	server := s.serve()
	a := signIn(t, server.target, anna, ldap.Password)
	s.local("robot")
	r := signIn(t, server.target, "robot", "open sesame")
	request(t, r, "card", "set", "<vCard xmlns='vcard-temp'><FN>Robot Mueller</FN></vCard>")
	if got := search(t, a, "<last>Mueller</last>"); !slices.Equal(got, []string{anna, "robot"}) {
		t.Errorf("with the directory: %v", got)
	}
	slapd.Stop()
	if got := search(t, a, "<last>Mueller</last>"); !slices.Equal(got, []string{"robot"}) {
		t.Errorf("without the directory: %v", got)
	}
	server.stop()
}

// TestReports: what somebody reports while they block an address reaches who is named for abuse, and nothing else knows it.
// XEP-0377 §3, docs/decisions/0013
func TestReports(t *testing.T) {
	t.Parallel()
	s := newSite(t, startDirectory(t), "")
	s.edit("protokoll.toml", "[contact]\n", "[contact]\nabuse = [\"mailto:abuse@example.org\", \"xmpp:robot@"+siteDomain+"\"]\n")
	server := s.serve()
	s.local("robot")
	a := signIn(t, server.target, anna, ldap.Password)
	info := sendAndAwait(t, a, "<iq type='get' id='info' to='"+siteDomain+"'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
		func(n *wire.Node) bool { return n.Get("id") == "info" })
	if !strings.Contains(info.String(), "urn:xmpp:reporting:1") {
		t.Errorf("reports are not asked for:\n%v", info)
	}
	request(t, a, "block", "set", "<block xmlns='urn:xmpp:blocking'><item jid='spammer@example.net'><report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'>"+
		"<stanza-id xmlns='urn:xmpp:sid:0' by='"+anna+"@"+siteDomain+"' id='stanza-17'/><text xml:lang='en'>Buys &lt;gold&gt;</text></report></item></block>")
	r := signIn(t, server.target, "robot", "open sesame") // it waited for him
	got := sendAndAwait(t, r, "<presence/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "message") })
	body := got.Find(wire.NSClient, "body").Content()
	for _, part := range []string{"spam", anna + "@" + siteDomain, "spammer@example.net", "stanza-17", "Buys <gold>"} {
		if !strings.Contains(body, part) {
			t.Errorf("the report is without %q:\n%s", part, body)
		}
	}
	if got.Get("from") != siteDomain {
		t.Errorf("from %q", got.Get("from"))
	}
	list := request(t, a, "list", "get", "<blocklist xmlns='urn:xmpp:blocking'/>")
	if text := list.String(); !strings.Contains(text, "spammer@example.net") || strings.Contains(text, "gold") {
		t.Errorf("the block list:\n%v", list)
	}
	server.stop()
	if out := server.output(); strings.Contains(out, "spammer") || strings.Contains(out, "gold") {
		t.Errorf("the report is in the log:\n%s", out)
	}
}
