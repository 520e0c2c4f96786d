package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"protokoll/test/ldap"
	"protokoll/test/wire"
)

const (
	nsVCard    = "vcard-temp"
	nsUpdate   = "vcard-temp:x:update"
	nsMetadata = "urn:xmpp:avatar:metadata"
	nsData     = "urn:xmpp:avatar:data"
)

// portrait draws somebody who does not exist.
func portrait(t *testing.T, shade uint8) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 48, 64))
	for y := range 64 {
		for x := range 48 {
			dx, dy := x-24, y-24
			img.Set(x, y, color.RGBA{shade, uint8(4 * y), 200, 255})
			if dx*dx+dy*dy < 200 {
				img.Set(x, y, color.RGBA{240, 200, shade, 255})
			}
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func hashOf(picture []byte) string {
	sum := sha1.Sum(picture)
	return hex.EncodeToString(sum[:])
}

// replace sets attributes of an entry; an attribute without values goes.
func replace(t *testing.T, slapd *ldap.Server, dn string, attributes map[string][]string) {
	t.Helper()
	change := goldap.NewModifyRequest(dn, nil)
	for name, values := range attributes {
		change.Replace(name, values)
	}
	if err := admin(t, slapd).Modify(change); err != nil {
		t.Fatal(err)
	}
}

// seeEachOther lets two people see each other's presence.
func seeEachOther(t *testing.T, a, b *wire.Conn, nameA, nameB string) {
	t.Helper()
	for _, s := range []struct {
		from, to *wire.Conn
		who      string
	}{{a, b, nameB}, {b, a, nameA}} {
		other := nameA + nameB
		other = strings.Replace(other, s.who, "", 1)
		sendAndAwait(t, s.from, "<presence type='subscribe' to='"+s.who+"@"+siteDomain+"'/>", rosterPush)
		if err := s.to.Write("<presence type='subscribed' to='" + other + "@" + siteDomain + "'/>"); err != nil {
			t.Fatal(err)
		}
		await(t, s.from, func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") && n.Get("type") == "subscribed" })
	}
}

func rosterPush(n *wire.Node) bool {
	return n.Is(wire.NSClient, "iq") && n.Find("jabber:iq:roster", "query") != nil && n.Get("type") == "set"
}

// follows signs in, follows the roster and comes online.
func follows(t *testing.T, server *served, user string) *wire.Conn {
	t.Helper()
	c := signIn(t, server.target, user, ldap.Password)
	request(t, c, "roster", "get", "<query xmlns='jabber:iq:roster'/>")
	sendAndAwait(t, c, "<presence/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") })
	return c
}

// cardOf asks for the vCard of a person.
func cardOf(t *testing.T, c *wire.Conn, user string) *wire.Node {
	t.Helper()
	return sendAndAwait(t, c, "<iq type='get' id='card' to='"+user+"@"+siteDomain+"'><vCard xmlns='vcard-temp'/></iq>",
		func(n *wire.Node) bool { return n.Is(wire.NSClient, "iq") && n.Get("id") == "card" })
}

// cardUntil asks until the card is as it should be: the server asks the directory again when what it knows is old.
func cardUntil(t *testing.T, c *wire.Conn, user, what string, right func(*wire.Node) bool) *wire.Node {
	t.Helper()
	var card *wire.Node
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if card = cardOf(t, c, user); right(card) {
			return card
		}
	}
	t.Fatalf("never %s:\n%v", what, card)
	return nil
}

func photoIn(n *wire.Node) string {
	b := n.Find(nsVCard, "BINVAL")
	if b == nil {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(b.Content())
	if err != nil {
		return "?"
	}
	return hashOf(raw)
}

// itemsOf asks for a node of a person.
func itemsOf(t *testing.T, c *wire.Conn, user, node string) *wire.Node {
	t.Helper()
	return sendAndAwait(t, c, "<iq type='get' id='items' to='"+user+"@"+siteDomain+"'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='"+
		node+"'/></pubsub></iq>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "iq") && n.Get("id") == "items" })
}

// showing waits for a presence of somebody with the hash of a photo; "": with none.
func showing(user, hash string) func(*wire.Node) bool {
	return func(n *wire.Node) bool {
		if !n.Is(wire.NSClient, "presence") || !strings.HasPrefix(n.Get("from"), user) {
			return false
		}
		x := n.Child(nsUpdate, "x")
		return hash == "" && x == nil || x != nil && hash != "" && x.Find(nsUpdate, "photo").Content() == hash
	}
}

// TestDirectoryCards: who says nothing of themselves is shown as the directory has them, in every form, to those who see them;
// what they say themselves counts, and so does their objection; a photo that changes is noticed.
func TestDirectoryCards(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	first, second := portrait(t, 20), portrait(t, 90)
	entry := "uid=m000000," + ldap.PeopleDN
	replace(t, slapd, entry, map[string][]string{"telephoneNumber": {"+49 201 183-1"}, "title": {"Dr. <rer>"}, "o": {"UDE"}, "ou": {"ZIM"},
		"jpegPhoto": {string(first)}})
	s := newSite(t, slapd, "")
	s.edit("protokoll.toml", "[domain.directory]\n", "[domain.directory.vcard]\nrefresh = \"1s\"\n[domain.directory]\n")
	server := s.serve()
	a, b := follows(t, server, anna), follows(t, server, ben)
	if n := cardOf(t, b, anna); n.Get("type") != "error" {
		t.Errorf("a stranger sees\n%v", n)
	}
	if n := itemsOf(t, b, anna, nsMetadata); n.Get("type") != "error" {
		t.Errorf("a stranger sees\n%v", n)
	}
	seeEachOther(t, a, b, anna, ben)

	card := cardUntil(t, b, anna, "the first photo", func(n *wire.Node) bool { return photoIn(n) == hashOf(first) })
	for name, want := range map[string]string{"FN": "Anna Mueller", "GIVEN": "Anna", "FAMILY": "Mueller", "USERID": "anna.mueller@uni-due.de",
		"NUMBER": "+49 201 183-1", "TITLE": "Dr. <rer>", "ORGNAME": "UDE", "ORGUNIT": "ZIM"} {
		if e := card.Find(nsVCard, name); e == nil || e.Content() != want {
			t.Errorf("%s is not %q:\n%v", name, want, card)
		}
	}
	if n := request(t, a, "own", "get", "<vCard xmlns='vcard-temp'/>"); photoIn(n) != hashOf(first) {
		t.Errorf("to herself:\n%v", n)
	}
	info := itemsOf(t, b, anna, nsMetadata).Find(nsMetadata, "info")
	if info == nil || info.Get("id") != hashOf(first) || info.Get("type") != "image/jpeg" || info.Get("width") != "48" || info.Get("height") != "64" {
		t.Errorf("metadata:\n%v", info)
	}
	data := itemsOf(t, b, anna, nsData).Find(nsData, "data")
	if data == nil || data.Content() != base64.StdEncoding.EncodeToString(first) {
		t.Errorf("data:\n%v", data)
	}
	if n := itemsOf(t, b, anna, "urn:xmpp:vcard4"); n.Find("urn:ietf:params:xml:ns:vcard-4.0", "title") == nil {
		t.Errorf("vCard4:\n%v", n)
	}

	// Another photo is noticed when what is known is old, and everybody hears of it.
	replace(t, slapd, entry, map[string][]string{"jpegPhoto": {string(second)}})
	cardUntil(t, b, anna, "the second photo", func(n *wire.Node) bool { return photoIn(n) == hashOf(second) })
	await(t, a, showing(anna, hashOf(second))) // her own client, too
	if err := a.Write("<presence><show>away</show></presence>"); err != nil {
		t.Fatal(err)
	}
	await(t, b, func(n *wire.Node) bool {
		return showing(anna, hashOf(second))(n) && n.Find(wire.NSClient, "show") != nil
	})

	// What she says herself counts, whole.
	request(t, a, "set", "set", "<vCard xmlns='vcard-temp'><FN>Anna M.</FN></vCard>")
	if n := cardOf(t, b, anna); n.Find(nsVCard, "FN").Content() != "Anna M." || n.Find(nsVCard, "TITLE") != nil || photoIn(n) != "" {
		t.Errorf("beside her own vCard:\n%v", n)
	}
	if n := itemsOf(t, b, anna, nsMetadata); n.Get("type") != "error" {
		t.Errorf("beside her own vCard:\n%v", n)
	}
	request(t, a, "unset", "set", "<vCard xmlns='vcard-temp'/>")

	// What is no picture is not shown.
	for _, bad := range [][]byte{second[:len(second)/2], []byte("\xff\xd8\xff\xe0 no picture"), append(bytes.Clone(second), make([]byte, 95<<10)...)} {
		replace(t, slapd, entry, map[string][]string{"jpegPhoto": {string(bad)}})
		cardUntil(t, b, anna, "a card without a photo", func(n *wire.Node) bool { return photoIn(n) == "" && n.Find(nsVCard, "TITLE") != nil })
		replace(t, slapd, entry, map[string][]string{"jpegPhoto": {string(first)}})
		cardUntil(t, b, anna, "the first photo again", func(n *wire.Node) bool { return photoIn(n) == hashOf(first) })
	}

	// Who objects shows nothing of it, at once.
	s.wants(0, "", "", "object", anna+"@"+siteDomain, "--to", "directory-photo", "--reason", "letter")
	if n := cardOf(t, b, anna); n.Get("type") != "result" || n.Find(nsVCard, "FN") != nil || photoIn(n) != "" {
		t.Errorf("after the objection:\n%v", n)
	}
	if err := a.Write("<presence><show>dnd</show></presence>"); err != nil {
		t.Fatal(err)
	}
	dnd := await(t, b, func(n *wire.Node) bool {
		return n.Find(wire.NSClient, "show") != nil && n.Find(wire.NSClient, "show").Content() == "dnd"
	})
	if !showing(anna, "")(dnd) {
		t.Errorf("after the objection:\n%v", dnd)
	}
	s.wants(0, "", "", "object", anna+"@"+siteDomain, "--to", "directory-photo", "--withdraw", "--reason", "letter")
	cardUntil(t, b, anna, "the photo again", func(n *wire.Node) bool { return photoIn(n) == hashOf(first) })
	server.stop()
	if out := server.output(); strings.Contains(out, "mueller") || strings.Contains(out, "Mueller") {
		t.Errorf("a name is in the log:\n%s", out)
	}
}

// TestDirectoryCardsWait: a directory that does not answer holds nothing up: the client's other requests are answered meanwhile,
// and its own without what the directory would say.
func TestDirectoryCardsWait(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	s := newSite(t, slapd, "")
	s.edit("protokoll.toml", "[domain.directory]\n", "[domain.directory.vcard]\nphoto = \"\"\nrefresh = \"1s\"\n[domain.directory]\n")
	server := s.serve()
	c := signIn(t, server.target, anna, ldap.Password)
	if err := slapd.Pause(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slapd.Resume() }()
	if err := c.Write("<iq type='get' id='card'><vCard xmlns='vcard-temp'/></iq>"); err != nil {
		t.Fatal(err)
	}
	settles(t, c, "ping") // and with it passes whatever came before, so the card must come behind it
	card := await(t, c, func(n *wire.Node) bool { return n.Get("id") == "card" })
	if card.Get("type") != "result" || card.Find(nsVCard, "FN") != nil {
		t.Errorf("without the directory:\n%v", card)
	}
	if err := slapd.Resume(); err != nil {
		t.Fatal(err)
	}
	server.stop()
}
