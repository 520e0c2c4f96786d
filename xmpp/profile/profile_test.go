package profile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

func vcard(inner string) string { return "<vCard xmlns='vcard-temp'>" + inner + "</vCard>" }

func photo(image []byte) string {
	return "<PHOTO><TYPE>image/jpeg</TYPE><BINVAL>" + base(image) + "</BINVAL></PHOTO>"
}

// TestAvatarFromVCard: XEP-0398 §3.2, and its end.
func TestAvatarFromVCard(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := &Photo{picture(1), "image/png"}
	if _, reply := s.ask(t, features.Set, vcard("<FN>Romeo</FN>"+photo(p.Image))); !reply.Photo || len(reply.Notices) != 3 {
		t.Errorf("photo %v, %d notices", reply.Photo, len(reply.Notices))
	}
	want := "<metadata xmlns='urn:xmpp:avatar:metadata'><info id='" + p.ID() + "' type='image/png' bytes='" + fmt.Sprint(len(p.Image)) +
		"' width='3' height='2'/></metadata>"
	if got := s.items(t, NSAvatarMetadata); !strings.Contains(got, want) || !strings.Contains(got, "<item id='"+p.ID()+"'") {
		t.Error(got)
	}
	if got := s.items(t, NSAvatarData); !strings.Contains(got, base(p.Image)) {
		t.Error(got)
	}
	before := s.appended
	if s.ask(t, features.Set, vcard("<FN>Romeo</FN>"+photo(p.Image))); s.appended != before {
		t.Error("the same vCard again changes something")
	}
	s.ask(t, features.Set, vcard("<FN>Romeo</FN>"))
	if got := s.items(t, NSAvatarMetadata); !strings.Contains(got, "<metadata xmlns='urn:xmpp:avatar:metadata'/>") {
		t.Errorf("the photo is gone, the avatar is not: %s", got)
	}
}

// TestVCardFromAvatar: XEP-0398 §3.1 with everything that can be wrong.
func TestVCardFromAvatar(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.ask(t, features.Set, vcard("<FN>Romeo</FN><NICKNAME>R</NICKNAME>"))
	p := &Photo{picture(2), "image/png"}
	other := &Photo{picture(3), "image/png"}
	s.publish(t, NSAvatarData, other.ID(), "<data xmlns='urn:xmpp:avatar:data'>"+base([]byte("no image"))+"</data>")
	s.publish(t, NSAvatarMetadata, "x", "<metadata xmlns='urn:xmpp:avatar:metadata'><info id='"+other.ID()+"' type='image/png' bytes='9'/></metadata>")
	s.publish(t, NSAvatarData, p.ID(), string(p.data()))
	hash := func() string { return features.PhotoHash([]byte(first(s.ask(t, features.Get, vcard(""))))) }
	for n, c := range []struct{ metadata, want string }{
		{"<info id='" + other.ID() + "' type='image/png' bytes='9'/>", ""},
		{"<info id='" + p.ID() + "' type='image/png' bytes='9'/>", p.ID()},
		{"<info id='" + p.ID() + "' type='image/png' url='https://example.net/a.png' bytes='9'/>", p.ID()},
		{"<info id='0000' type='image/png' bytes='9'/>", p.ID()},
		{"", ""},
		{"<info id='0' type='image/png' bytes='9' url='https://example.net/a.png'/><info id='" + p.ID() + "' type='image/png' bytes='9'/>", p.ID()},
	} {
		s.publish(t, NSAvatarMetadata, fmt.Sprint(n), "<metadata xmlns='urn:xmpp:avatar:metadata'>"+c.metadata+"</metadata>")
		if got := hash(); got != c.want {
			t.Errorf("step %d: %q, want %q", n, got, c.want)
		}
	}
	if got, _ := s.ask(t, features.Get, vcard("")); !strings.Contains(got, "<FN>Romeo</FN>") || !strings.Contains(got, "<NICKNAME>R</NICKNAME>") {
		t.Error("the conversion took more than the photo: " + got)
	}
}

// TestLargestAvatar fits into a vCard too.
func TestLargestAvatar(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, c := range []struct {
		bytes int
		want  bool
	}{{maxAvatar, true}, {maxAvatar + 3, false}} {
		image := append(picture(4), make([]byte, c.bytes-len(picture(4)))...)
		s.ask(t, features.Set, vcard(photo(image)))
		got := s.items(t, NSAvatarMetadata)
		if strings.Contains(got, "<info") != c.want {
			t.Errorf("%d bytes: %.200s", c.bytes, got)
		}
		if c.want {
			if card, _ := s.ask(t, features.Get, vcard("")); features.PhotoHash([]byte(card)) == "" {
				t.Error("the vCard lost the largest photo")
			}
		}
	}
	if got, _ := s.ask(t, features.Set, vcard(photo([]byte("not an image at all")))); got != "" {
		t.Errorf("a photo of no kind: %s", got)
	}
	if got := s.items(t, NSAvatarMetadata); strings.Contains(got, "<info") {
		t.Error("what is no image became an avatar")
	}
}

func first(s string, _ features.Reply) string { return s }

// TestVCard4 converts both ways, and keeps what the other form does not know.
func TestVCard4(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	v4 := "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Romeo Montague</text></fn><gender><sex><text>M</text></sex></gender>" +
		"<tel><parameters><type><text>work</text></type></parameters><uri>tel:+49-201-1</uri></tel><email><text>r@example.net</text></email></vcard>"
	s.ask(t, features.Set, vcard(photo(picture(5))))
	s.publish(t, NSVCard4, "x", v4)
	got, _ := s.ask(t, features.Get, vcard(""))
	for _, part := range []string{"<FN>Romeo Montague</FN>", "<TEL><WORK/><NUMBER>+49-201-1</NUMBER></TEL>", "<USERID>r@example.net</USERID>", "<BINVAL>"} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is missing in %.400s", part, got)
		}
	}
	s.ask(t, features.Set, vcard("<FN>Romeo</FN><ORG><ORGNAME>Montague</ORGNAME><ORGUNIT>Youth</ORGUNIT></ORG><JABBERID>romeo@example.net</JABBERID>"))
	got = s.items(t, NSVCard4)
	for _, part := range []string{"<item id='x'", "<fn><text>Romeo</text></fn>", "<gender><sex><text>M</text></sex></gender>",
		"<org><text>Montague</text><text>Youth</text></org>", "<impp><uri>xmpp:romeo@example.net</uri></impp>"} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is missing in %s", part, got)
		}
	}
	if strings.Contains(got, "<tel>") {
		t.Error("what was taken out of one form is still in the other")
	}
}

func privateXML(inner string) string {
	return "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>" + inner + "</storage></query>"
}

// TestBookmarks walks through the three forms. XEP-0402 §6, XEP-0411 §3
func TestBookmarks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	shown := func() string { return first(s.ask(t, features.Get, privateXML(""))) }
	want := func(step, got string, parts ...string) {
		t.Helper()
		for _, p := range parts {
			if !strings.Contains(got, p) {
				t.Errorf("%s: %s is missing in %s", step, p, got)
			}
		}
	}
	// An old client.
	s.ask(t, features.Set, privateXML("<url name='x' url='https://example.net/'/><conference jid='a@chat.example' name='A' autojoin='1'><nick>R</nick></conference>"))
	want("old, new", s.items(t, NSBookmarks), "<item id='a@chat.example'><conference xmlns='urn:xmpp:bookmarks:1' name='A' autojoin='true'><nick>R</nick></conference>")
	want("old, pep", s.items(t, NSStorage), "<conference jid='a@chat.example' name='A' autojoin='1'><nick>R</nick></conference>")
	// A new client, with an extension.
	s.publish(t, NSBookmarks, "b@chat.example", "<conference xmlns='urn:xmpp:bookmarks:1' name='B'><extensions><pinned xmlns='urn:xmpp:bookmarks-pinning:0'/></extensions></conference>")
	want("new, private", shown(), "<url ", "jid='a@chat.example'", "<conference jid='b@chat.example' name='B'/>")
	want("new, pep", s.items(t, NSStorage), "<conference jid='b@chat.example' name='B'/>")
	// An old client of PEP renames one and takes the other out; the extension stays.
	s.publish(t, NSStorage, "current", "<storage xmlns='storage:bookmarks'><conference jid='b@chat.example' name='Bee'/></storage>")
	got := s.items(t, NSBookmarks)
	want("pep, new", got, "name='Bee'", "<pinned xmlns='urn:xmpp:bookmarks-pinning:0'/>")
	if strings.Contains(got, "a@chat.example") || strings.Contains(shown(), "a@chat.example") {
		t.Error("a bookmark that was taken out is still there")
	}
	s.ask(t, features.Set, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><retract node='"+NSBookmarks+"'><item id='b@chat.example'/></retract></pubsub>")
	if strings.Contains(shown(), "conference") || strings.Contains(s.items(t, NSStorage), "conference") {
		t.Error("the last bookmark is still there")
	}
	for _, node := range []string{NSBookmarks, NSStorage} {
		for _, m := range s.facts[schemas.Family_NODE_FACTS] {
			if c := m.(*schemas.NodeConfigured); c.GetNode() == node && c.GetAccess() != schemas.NodeAccess_ACCESS_WHITELIST {
				t.Errorf("%s is open to others", node)
			}
		}
	}
}

// TestBookmarksByTheThousand: as many as fit into private XML all become items, in one command; a byte more is refused whole.
func TestBookmarksByTheThousand(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	rooms := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<conference jid='r%d@c.example'/>", i)
		}
		return privateXML(b.String())
	}
	if got, reply := s.ask(t, features.Set, rooms(MaxBookmarks)); got != "" || len(reply.Notices) != MaxBookmarks+1 {
		t.Errorf("%q, %d notices", got, len(reply.Notices))
	}
	if got, _ := s.ask(t, features.Set, rooms(MaxBookmarks+1)); got != "policy-violation" {
		t.Errorf("more than are kept: %q", got)
	}
	if n := len(s.facts[schemas.Family_PEP_FACTS]); n != MaxBookmarks+1 {
		t.Errorf("%d items", n)
	}
	if got, _ := s.ask(t, features.Set, privateXML("")); got != "" || len(s.facts[schemas.Family_PRIVATE_FACTS]) != 0 {
		t.Errorf("%q", got)
	}
}

// TestForeignNodes: a node that others may read is not written to, and one that fewer may read is not copied.
func TestForeignNodes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	create := func(node, access string) {
		s.ask(t, features.Set, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='"+node+"'/><configure><x xmlns='jabber:x:data' type='submit'>"+
			"<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config</value></field><field var='pubsub#access_model'><value>"+access+"</value></field></x></configure></pubsub>")
	}
	create(NSBookmarks, "open")
	s.ask(t, features.Set, privateXML("<conference jid='secret@chat.example'/>"))
	if strings.Contains(s.items(t, NSBookmarks), "secret") {
		t.Error("bookmarks went into a node that everybody may read")
	}
	create(NSVCard4, "whitelist")
	s.publish(t, NSVCard4, "x", "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Secret</text></fn></vcard>")
	if strings.Contains(first(s.ask(t, features.Get, vcard(""))), "Secret") {
		t.Error("a vCard for few became one for all contacts")
	}
}

// FuzzConversions: whatever is published or set, the server's own forms are well-formed and no answer is an internal error.
func FuzzConversions(f *testing.F) {
	f.Add([]byte("<vCard xmlns='vcard-temp'><FN>x</FN><ADR><HOME/><STREET>s</STREET></ADR></vCard>"), uint8(0))
	f.Add([]byte("<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><n><surname>x</surname></n></vcard>"), uint8(1))
	f.Add([]byte("<conference xmlns='urn:xmpp:bookmarks:1' a:b='c' xmlns:a='d'><nick>x</nick></conference>"), uint8(2))
	f.Add([]byte("<storage xmlns='storage:bookmarks'><conference jid='@'/><conference jid='a@b'/></storage>"), uint8(3))
	f.Add([]byte("<metadata xmlns='urn:xmpp:avatar:metadata'><info/></metadata>"), uint8(4))
	f.Add([]byte("<storage xmlns='storage:bookmarks'><conference jid='a@b'><nick>x</nick></conference></storage>"), uint8(5))
	nodes := []string{NSVCard4, NSBookmarks, NSStorage, NSAvatarMetadata}
	f.Fuzz(func(t *testing.T, payload []byte, form uint8) {
		if _, err := frame.Parse(payload, frame.NSClient, frame.AfterLogin()); err != nil {
			return
		}
		s := newServer(t)
		switch form % 6 {
		case 0:
			s.askRaw(t, payload)
		case 5:
			s.askRaw(t, append(append([]byte("<query xmlns='jabber:iq:private'>"), payload...), "</query>"...))
		default:
			s.askRaw(t, bytes.Join([][]byte{[]byte("<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='" + nodes[form%6-1] + "'><item id='a@b'>"),
				payload, []byte("</item></publish></pubsub>")}, nil))
		}
		for family, facts := range s.facts {
			for _, m := range facts {
				var raw []byte
				switch m := m.(type) {
				case *schemas.VCard:
					raw = m.GetVcard()
				case *schemas.PrivateElement:
					raw = m.GetElement()
				case *schemas.ItemPublished:
					raw = m.GetPayload()
				}
				if len(raw) > 0 {
					if _, err := frame.Parse(raw, frame.NSClient, frame.AfterLogin()); err != nil {
						t.Fatalf("%v: %v in %q", family, err, raw)
					}
				}
			}
		}
	})
}

func (s server) askRaw(t *testing.T, payload []byte) {
	f, err := frame.Parse(append(append([]byte("<iq id='1' type='set'>"), payload...), "</iq>"...), frame.NSClient, frame.AfterLogin())
	if err != nil {
		return
	}
	_, err = s.Serve(&features.Request{Kind: features.Set, Target: features.Self, From: romeo + "/x", To: romeo, Frame: &f, Account: s.account})
	if err != nil && features.StanzaError(err).Condition == "internal-server-error" {
		t.Fatal(err)
	}
}
