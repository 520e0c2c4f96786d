package pie_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	. "protokoll/portability/pie"
	"protokoll/portability/pie/pietest"
	"protokoll/schemas"
	"protokoll/xmpp/pubsub"
)

func document(users string) string {
	return "<server-data xmlns='urn:xmpp:pie:0'><host jid='a.example'>" + users + "</host></server-data>"
}

// node is a node that keeps more than one item, and what is in it, on the line where it begins.
func node(name, items string) string {
	return "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='" + name + "'><x xmlns='jabber:x:data'><field var='pubsub#max_items'><value>max</value></field></x></configure></pubsub>" +
		"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='" + name + "'>" + items + "</items></pubsub>"
}

// readText reads a document of one file.
func readText(t testing.TB, text string) (users []*User, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.xml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err = Document{Path: path}.Read(context.Background(), func(u *User) error {
		users = append(users, u)
		return nil
	})
	return users, err
}

func TestRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", MaxDepth) + strings.Repeat("</a>", MaxDepth)
	many := "<user name='a'><x " + strings.Repeat("a='' ", 0)
	for i := range MaxAttributes + 1 {
		many += " a" + strings.Repeat("b", i) + "=''"
	}
	for name, text := range map[string]string{
		"empty":               "",
		"no XML":              "hello",
		"cut off":             document("<user name='a'/>")[:80],
		"other root":          "<server-data xmlns='urn:xmpp:pie:1'/>",
		"document type":       "<!DOCTYPE server-data [<!ENTITY a 'b'>]>" + document("<user name='a'/>"),
		"entity":              document("<user name='&a;'/>"),
		"undeclared prefix":   document("<user name='a'><x:y/></user>"),
		"undeclared attr":     document("<user name='a' x:y=''/>"),
		"attribute twice":     document("<user name='a' name='b'/>"),
		"wrong end":           document("<user name='a'></usr>"),
		"prefix of the end":   document("<user name='a' xmlns:p='urn:xmpp:pie:0'><p:b></b></user>"),
		"too deep":            document("<user name='a'>" + deep + "</user>"),
		"attributes":          document(many + "/></user>"),
		"latin-1":             "<?xml version='1.0' encoding='iso-8859-1'?>" + document(""),
		"two roots":           document("") + document(""),
		"text behind":         document("") + "x",
		"late declaration":    document(strings.Repeat(" ", 300) + "<?xml version='1.0'?>"),
		"absolute include":    document("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd'/>"),
		"include above":       document("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='../x.xml'/>"),
		"include by a scheme": document("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:x.xml'/>"),
		"include of text":     document("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' parse='text' href='x.xml'/>"),
		"missing include":     document("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='x.xml'/>"),
		"include of itself":   document("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='data.xml'/>"),
		"host without domain": "<server-data xmlns='urn:xmpp:pie:0'><host jid=''><user name='a'/></host></server-data>",
	} {
		if users, err := readText(t, text); err == nil {
			t.Errorf("%s: accepted, with %d accounts", name, len(users))
		} else if f := (Fault{}); errors.As(err, &f) && (f.Line == 0 || f.File != "data.xml") {
			t.Errorf("%s: %v names no place", name, err)
		}
	}
}

// A fault names its line, and the rest of the account is read.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, text string }{
		"contact":        {"<query xmlns='jabber:iq:roster'>\n<item jid='@'/></query>", "usable address"},
		"subscription":   {"<query xmlns='jabber:iq:roster'>\n<item jid='b@b' subscription='all'/></query>", "unknown subscription"},
		"contact twice":  {"<query xmlns='jabber:iq:roster'><item jid='b@b'/>\n<item jid='B@b/c'/></query>", "contact twice"},
		"long name":      {"<query xmlns='jabber:iq:roster'>\n<item jid='b@b' name='" + strings.Repeat("x", 1024) + "'/></query>", "longer"},
		"message":        {"<offline-messages>\n<message xmlns='jabber:client'/></offline-messages>", "usable addresses"},
		"delay":          {"<offline-messages>\n<message xmlns='jabber:client' from='b@b'><delay xmlns='urn:xmpp:delay' stamp='noon'/></message></offline-messages>", "no time"},
		"private":        {"<query xmlns='jabber:iq:private'>\n<x xmlns=''/></query>", "namespace of its own"},
		"non-ASCII name": {"<query xmlns='jabber:iq:private'>\n<ä xmlns='b'/></query>", "beyond ASCII"},
		"keys":           {"\n<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'/>", "cannot be used"},
		"blocked":        {"<query xmlns='jabber:iq:privacy'><default name='a'/><list name='a'>\n<item type='jid' value='@' action='deny'/></list></query>", "blocked address"},
		"request":        {"\n<presence xmlns='jabber:client' type='subscribe'/>", "usable address"},
		"last activity":  {"\n<query xmlns='jabber:iq:last' seconds='soon'/>", "without seconds"},
		"own":            {"\n<last-login xmlns='urn:protokoll:export:1' signed-in='today'/>", "cannot be read"},
		"unnamed node":   {"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>\n<configure node=''/></pubsub>", "without a usable name"},
		"node twice":     {"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='n'/>\n<configure node='n'/></pubsub>", "configured twice"},
		"readers":        {"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><configure node='n'><x xmlns='jabber:x:data'>\n<field var='pubsub#access_model'><value>all</value></field></x></configure></pubsub>", "for its owner only"},
		"affiliation":    {"<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='n'>\n<affiliation jid='b@b' affiliation='king'/></affiliations></pubsub>", "affiliation"},
		"items alone":    {"<pubsub xmlns='http://jabber.org/protocol/pubsub'>\n<items node='n'/></pubsub>", "without a configuration"},
		"item twice":     {node("n", "<item id='i'/>\n<item id='i'/>"), "id of its own"},
		"two payloads":   {node("n", "\n<item id='i'><a xmlns='u'/><b xmlns='u'/></item>"), "one element"},
		"long item":      {node("n", "\n<item id='i'><a xmlns='u'>"+strings.Repeat("x", pubsub.MaxItemBytes)+"</a></item>"), "longer"},
		"second vCard":   {"<vCard xmlns='vcard-temp'><FN>a</FN></vCard>\n<vCard xmlns='vcard-temp'><FN>a</FN></vCard>", "second vCard"},
	} {
		users, err := readText(t, document("<user name='a'>"+c.content+"<query xmlns='jabber:iq:private'><ok xmlns='urn:ok'/></query></user>"))
		if err != nil || len(users) != 1 {
			t.Errorf("%s: %d accounts, %v", name, len(users), err)
			continue
		}
		u := users[0]
		if len(u.Faults) != 1 || u.Faults[0].Line != 2 || !strings.Contains(u.Faults[0].Text, c.text) {
			t.Errorf("%s: faults %v", name, u.Faults)
		}
		if len(u.Private) != 1 {
			t.Errorf("%s: the rest was not read", name)
		}
	}
}

// The longest account is read, one byte more is not.
func TestLongestAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size int
		ok   bool
	}{"fits": {MaxUserBytes - 8192, true}, "does not": {MaxUserBytes + 8192, false}} {
		_, err := readText(t, document("<user name='a'>"+strings.Repeat(" ", c.size)+"</user><user name='b'/>"))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIncludes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.xml":           "<server-data xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='a.example.xml'/></server-data>",
		"a.example.xml":      "<host xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude' jid='A.example'><xi:include href='a.example/j%20.xml'/></host>",
		"a.example/j .xml":   "<user xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude' name='J'><xi:include href='card.xml'/></user>",
		"a.example/card.xml": "<vCard xmlns='vcard-temp'><FN>J</FN></vCard>",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	err := Document{Path: filepath.Join(dir, "main.xml")}.Read(t.Context(), func(u *User) error {
		n++
		if u.Address() != "j@a.example" || len(u.VCard) == 0 || u.Place.File != "a.example/j .xml" {
			t.Errorf("got %s of %v with vCard %q", u.Address(), u.Place, u.VCard)
		}
		return nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d accounts, %v", n, err)
	}
}

// The forms in which other servers write, and what becomes of them.
func TestForms(t *testing.T) {
	t.Parallel()
	users, err := readText(t, document(`<user name='Juliet' password='s'>
<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>4096</iter-count><salt>MGdWZSs5Wkk2L3haZDJjU24yY012QT09</salt><server-key>NnJ6ZkZxU0lmVDRwRStKUW9nWlFuSGNZK01vPQ==</server-key><stored-key>RVFwUVp5N1FKMVBGeXZTczdNZFU1dEJxTTdBPQ==</stored-key></scram-credentials>
<presence xmlns='jabber:client' type='subscribe' from='Nurse@b.example/x'><status>a</status></presence>
<presence xmlns='jabber:client' type='subscribe' from='romeo@b.example'/>
<query xmlns='jabber:iq:roster'><item jid='Romeo@b.example/x' ask='subscribe' subscription='both' approved='true'><group/><group>B</group><group>A</group><group>B</group></item><item jid='c@d' subscription='remove'/></query>
<query xmlns='jabber:iq:privacy'><default name='x'/><list name='x'><item type='jid' value='T@e' action='deny' order='1'><message/><iq/><presence-in/><presence-out/></item><item type='jid' value='f@e' action='deny' order='2'><message/></item></list><list name='y'/></query>
<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'><item id='r@c'><conference xmlns='urn:xmpp:bookmarks:1'/></item></items></pubsub>
<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><affiliations node='urn:xmpp:bookmarks:1'><affiliation jid='M@b.example' affiliation='member'/></affiliations><configure node='urn:xmpp:bookmarks:1'><x xmlns='jabber:x:data' type='form'><field var='pubsub#max_items'><value>max</value></field><field var='pubsub#access_model'><value>whitelist</value></field><field var='pubsub#of_tomorrow'><value>1</value></field></x></configure><subscriptions node='urn:xmpp:bookmarks:1'><subscription jid='m@b.example' subscription='subscribed'/></subscriptions></pubsub>
<offline-messages><message xmlns='jabber:client' from='r@b.example/x' to='juliet@a.example'><archived xmlns='urn:xmpp:mam:tmp' by='juliet@a.example' id='7'/><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@a.example' id='7'/><stanza-id xmlns='urn:xmpp:sid:0' by='room@b' id='8'/><delay xmlns='urn:xmpp:delay' from='room@b' stamp='2001-01-01T00:00:00Z'/><delay xmlns='urn:xmpp:delay' from='a.example' stamp='2002-01-01T00:00:00.5Z'/><body><![CDATA[<a>]]>&amp;</body></message><message xmlns='jabber:client' type='groupchat' from='r@b'/></offline-messages></user>`))
	if err != nil || len(users) != 1 {
		t.Fatal(err)
	}
	u := users[0]
	if len(u.Faults) > 0 || u.Address() != "juliet@a.example" || u.Password != "s" || len(u.Credentials.GetVerifiers()) != 1 || len(u.Credentials.Verifiers[0].StoredKey) != 20 || len(u.Credentials.Verifiers[0].Salt) != 16 {
		t.Errorf("got %+v", u)
	}
	romeo := &schemas.RosterItem{Contact: "romeo@b.example", Groups: []string{"A", "B"}, Subscription: schemas.Subscription_BOTH, Listed: true}
	nurse := &schemas.RosterItem{Contact: "nurse@b.example", Request: []byte("<presence from='nurse@b.example' to='juliet@a.example' type='subscribe'><status>a</status></presence>")}
	if len(u.Roster) != 2 || !proto.Equal(u.Roster[0], nurse) || !proto.Equal(u.Roster[1], romeo) {
		t.Errorf("roster %v", u.Roster)
	}
	if len(u.Blocked) != 1 || u.Blocked[0].GetAddress() != "t@e" {
		t.Errorf("blocked %v", u.Blocked)
	}
	if len(u.Lists) != 1 || u.DefaultList != "x" || len(u.Lists[0].GetRules()) != 1 || u.Lists[0].GetRules()[0].GetValue() != "f@e" {
		t.Errorf("lists %v, default %q", u.Lists, u.DefaultList)
	}
	want := "<message xmlns='jabber:client' from='r@b.example/x' to='juliet@a.example'><stanza-id xmlns='urn:xmpp:sid:0' by='room@b' id='8'/><delay xmlns='urn:xmpp:delay' from='room@b' stamp='2001-01-01T00:00:00Z'/><body>&lt;a&gt;&amp;</body><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@a.example' id='7'/></message>"
	if len(u.Offline) != 1 || string(u.Offline[0].GetStanza()) != want || u.Offline[0].GetReceived() != 1009843200500 {
		t.Errorf("message %v", u.Offline)
	}
	if len(u.Nodes) != 1 || u.Nodes[0].GetAccess() != schemas.NodeAccess_ACCESS_WHITELIST || u.Nodes[0].GetMaxItems() != 0 || len(u.Nodes[0].GetAffiliations()) != 1 || len(u.Subscriptions) != 1 {
		t.Errorf("nodes %v, subscriptions %v", u.Nodes, u.Subscriptions)
	}
	if len(u.Items) != 1 || string(u.Items[0].GetPayload()) != "<conference xmlns='urn:xmpp:bookmarks:1'/>" {
		t.Errorf("items %v", u.Items)
	}
	if len(u.Ignored) != 2 {
		t.Errorf("ignored %v", u.Ignored)
	}
}

// What is written is read as the same, and written again as the same bytes.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		u := pietest.User(r, "a.example", "a")
		var first, second bytes.Buffer
		if err := WriteDocument(&first, u); err != nil {
			r.Fatal(err)
		}
		users, err := readText(t, first.String())
		if err != nil || len(users) != 1 || len(users[0].Faults) > 0 {
			r.Fatalf("%v, %v\n%s", err, users, first.String())
		}
		if err := WriteDocument(&second, users[0]); err != nil {
			r.Fatal(err)
		}
		if first.String() != second.String() {
			r.Fatalf("written\n%s\nthen\n%s", first.String(), second.String())
		}
	})
}

// Whatever is in a document: no panic, and what is kept can be written, read and written again.
func FuzzRead(f *testing.F) {
	f.Add(document("<user name='a'/>"))
	f.Add(document("<user name='a'><vCard xmlns='vcard-temp'><FN p:a='1' xmlns:p='u' xml:lang='de'>\n]]&gt;\t&#13;</FN></vCard></user>"))
	f.Add(document("<user name='a'><offline-messages><message xmlns='jabber:client' from='b@b' type='chat'><body>x</body></message></offline-messages></user>"))
	f.Add(document("<user name='a'><query xmlns='jabber:iq:roster'><item jid='b@b' name='&lt;'><group>g</group></item></query></user>"))
	f.Add(document("<user name='a'><query xmlns='jabber:iq:private'><x xmlns='u'><y xmlns=''/></x></query></user>"))
	f.Add(document("<user name='a'>" + node("n", "<item id='i'><a xmlns='u'/></item>") + "</user>"))
	f.Add("<!DOCTYPE a [<!ENTITY b '&b;&b;'>]><a>&b;</a>")
	f.Fuzz(func(t *testing.T, text string) {
		users, _ := readText(t, text)
		for _, u := range users {
			if u.Localpart == "" {
				continue
			}
			u.Faults = nil
			var first, second bytes.Buffer
			if err := WriteDocument(&first, u); err != nil {
				t.Fatal(err)
			}
			again, err := readText(t, first.String())
			if err != nil || len(again) != 1 || len(again[0].Faults) > 0 {
				t.Fatalf("%v\n%s", err, first.String())
			}
			if err := WriteDocument(&second, again[0]); err != nil || first.String() != second.String() {
				t.Fatalf("%v\n%s\n%s", err, first.String(), second.String())
			}
		}
	})
}
