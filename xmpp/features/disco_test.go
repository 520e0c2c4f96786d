package features

import (
	"slices"
	"strings"
	"testing"
)

func TestDiscoInfo(t *testing.T) {
	t.Parallel()
	server := askServer(t, "<query xmlns='"+NSDiscoInfo+"'/>")
	for _, want := range []string{
		"<identity category='server' type='im' name='Protokoll'/>",
		"<feature var='http://jabber.org/protocol/disco#info'/>", "<feature var='http://jabber.org/protocol/disco#items'/>",
		"<feature var='urn:xmpp:ping'/>", "<feature var='urn:xmpp:blocking'/>", "<feature var='urn:xmpp:carbons:2'/>",
		"<feature var='jabber:iq:last'/>", "<feature var='jabber:iq:version'/>", "<feature var='urn:xmpp:time'/>",
		"<feature var='vcard-temp'/>", "<feature var='msgoffline'/>", "<feature var='http://jabber.org/protocol/caps'/>",
		"<field var='x-data-protection-addresses' type='list-multi'><value>mailto:dsb@example.net</value></field>" +
			"<field var='abuse-addresses' type='list-multi'><value>xmpp:a@example.net</value><value>mailto:a@example.net</value></field></x>",
	} {
		if !strings.Contains(server, want) {
			t.Errorf("no %s in %s", want, server)
		}
	}
	if strings.Contains(server, "carbons:rules") || strings.Contains(server, NSSession) || strings.Contains(server, "sales") {
		t.Error("advertised what is not there:", server)
	}
	own := ask(t, Get, newAccount(romeo), "<query xmlns='"+NSDiscoInfo+"'/>")
	if !strings.Contains(own, "<identity category='account' type='registered'/>") || !strings.Contains(own, "'urn:xmpp:blocking'") {
		t.Error("own account:", own)
	}
}

func TestDiscoOfAnother(t *testing.T) {
	t.Parallel()
	info, items := "<query xmlns='"+NSDiscoInfo+"'/>", "<query xmlns='"+NSDiscoItems+"'/>"
	friend := newAccount(juliet, romeo)
	if got := askContact(t, Get, friend, info); !strings.Contains(got, "'registered'") || strings.Contains(got, "blocking") {
		t.Error("a friend sees what applies to friends:", got)
	}
	if got := askContact(t, Get, friend, items); got != "<query xmlns='"+NSDiscoItems+"'></query>" {
		t.Error(got)
	}
	for _, a := range []*account{newAccount(juliet), nil} {
		if got := askContact(t, Get, a, info) + askContact(t, Get, a, items); got != "service-unavailableservice-unavailable" {
			t.Error("RFC 6121 §8.5.1:", got)
		}
	}
}

func TestDiscoNodes(t *testing.T) {
	t.Parallel()
	for _, ns := range []string{NSDiscoInfo, NSDiscoItems} {
		asked := "<query xmlns='" + ns + "' node='&lt;x'/>"
		if got := askServer(t, asked) + ask(t, Get, newAccount(romeo), asked); got != "item-not-founditem-not-found" {
			t.Error("XEP-0030 §7:", ns, got)
		}
		if got := askContact(t, Get, newAccount(juliet), asked); got != "service-unavailable" {
			t.Error("a stranger must not see the difference:", got)
		}
	}
}

func TestDiscoItems(t *testing.T) {
	t.Parallel()
	r := newTestRegistry()
	r.Item(Server, Item{JID: "rooms.example.net", Node: "n", Name: "Rooms & <more>"})
	req := request(t, Get, nil, "<query xmlns='"+NSDiscoItems+"'/>")
	req.Target = Server
	_, got := serve(t, r, req)
	if got != "<query xmlns='"+NSDiscoItems+"'><item jid='rooms.example.net' node='n' name='Rooms &amp; &lt;more&gt;'/></query>" {
		t.Error(got)
	}
}

// TestAdvertisedIsServed: what has a handler is advertised at its target.
func TestAdvertisedIsServed(t *testing.T) {
	t.Parallel()
	r := newTestRegistry()
	for route := range r.handlers {
		if route.namespace != NSSession && !slices.Contains(r.about[route.target].features, route.namespace) {
			t.Errorf("%+v is not advertised", route)
		}
	}
}

// TestVerificationString uses the two examples of the specification.
func TestVerificationString(t *testing.T) {
	t.Parallel()
	simple := description{identities: []Identity{{"client", "pc", "Exodus 0.9.1"}}, features: []string{
		"http://jabber.org/protocol/caps", "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items",
		"http://jabber.org/protocol/muc",
	}}
	if got := simple.verification(); got != "QgayPKawpkPSDYmwT/WM94uAlu0=" {
		t.Error("XEP-0115 §5.2:", got)
	}
	// The form of XEP-0115 §5.3, with an identity that has no language: computed apart from this code.
	form := simple
	form.forms = []Form{{"urn:xmpp:dataforms:softwareinfo", []Field{
		{Var: "os", Values: []string{"Mac"}}, {Var: "ip_version", Values: []string{"ipv6", "ipv4"}}, {Var: "os_version", Values: []string{"10.5.1"}},
		{Var: "software", Values: []string{"Psi"}}, {Var: "software_version", Values: []string{"0.11"}},
	}}}
	if got := form.verification(); got != "y9rqmEQFYCFNC9c96vzxYnjXsB8=" {
		t.Error("XEP-0115 §5.3:", got)
	}
}

// TestCaps: the hash in the stream features names a node that the server answers with the same.
func TestCaps(t *testing.T) {
	t.Parallel()
	r := newTestRegistry()
	c := parse(t, "<presence>"+string(r.Caps())+"</presence>").Child(NSCaps, "c")
	node := string(c.Attr("node")) + "#" + string(c.Attr("ver"))
	if string(c.Attr("hash")) != "sha-1" {
		t.Error("XEP-0115 §4:", string(c.Raw))
	}
	base := askServer(t, "<query xmlns='"+NSDiscoInfo+"'/>")
	got := askServer(t, "<query xmlns='"+NSDiscoInfo+"' node='"+node+"'/>")
	if got != strings.Replace(base, "'>", "' node='"+node+"'>", 1) {
		t.Error("XEP-0115 §6.2:", got)
	}
	if got := askServer(t, "<query xmlns='"+NSDiscoInfo+"' node='"+CapsNode+"#wrong'/>"); got != "item-not-found" {
		t.Error("H60:", got)
	}
}

func TestContactsCheck(t *testing.T) {
	t.Parallel()
	good := Contacts{DataProtection: []string{"mailto:a@b", "xmpp:a@b", "https://b/x"}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "a@b", "https:", "://", "mailto:"} {
		if err := (Contacts{Security: []string{bad}}).Check(); err == nil || strings.Contains(err.Error(), "a@b") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
