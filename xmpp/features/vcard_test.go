package features

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/schemas"
)

func card(inner string) string { return "<vCard xmlns='vcard-temp'>" + inner + "</vCard>" }

const getCard = "<vCard xmlns='vcard-temp'/>"

func TestVCard(t *testing.T) {
	t.Parallel()
	r, a := newTestRegistry(), newAccount(juliet, romeo)
	photo := "<PHOTO><TYPE>image/png</TYPE><BINVAL>\n YWJj\n ZGVm </BINVAL></PHOTO>"
	for n, c := range []struct {
		payload string
		photo   bool
		facts   int
		hash    string
	}{
		{card("<FN>Juliet</FN>"), false, 1, ""},
		{card("<FN>Juliet</FN>"), false, 0, ""},
		{card("<FN>Juliet</FN>" + photo), true, 1, "1f8ac10f23c5b5bc1167bda84b833e5c057a77d2"},
		{card("<FN>J</FN>" + photo), false, 1, "1f8ac10f23c5b5bc1167bda84b833e5c057a77d2"},
		{card("<PHOTO><BINVAL>%%%</BINVAL></PHOTO>"), true, 1, ""},
		{card("<x:FN xmlns:x='vcard-temp'>J</x:FN>"), false, 1, ""},
	} {
		had := len(a.appended)
		reply, got := serve(t, r, request(t, Set, a, c.payload))
		if got != "" || reply.Photo != c.photo || len(a.appended)-had != c.facts || (reply.After != nil) != (c.facts > 0) {
			t.Errorf("step %d: %q, photo %v, %d facts", n, got, reply.Photo, len(a.appended)-had)
		}
		if stored, err := vCardOf(a); stored.GetPhotoSha1() != c.hash || err != nil {
			t.Errorf("step %d: hash %q, %v", n, stored.GetPhotoSha1(), err)
		}
		if got := ask(t, Get, a, getCard) + askContact(t, Get, a, getCard); got != c.payload+c.payload {
			t.Errorf("step %d: %s", n, got)
		}
	}
	if got := ask(t, Set, a, getCard); got != "" || len(a.facts[schemas.Family_PROFILE_FACTS]) != 0 {
		t.Error("an empty vCard must end the fact:", got)
	}
	if got := ask(t, Get, a, getCard); got != getCard {
		t.Error("XEP-0054 §3.1:", got)
	}
	if got := askContact(t, Set, a, card("<FN>Forged</FN>")); got != "service-unavailable" || len(a.facts[schemas.Family_PROFILE_FACTS]) != 0 {
		t.Error("another's vCard was set:", got)
	}
}

// TestVCardLimit: the largest vCard is kept, one byte more is not. H75
func TestVCardLimit(t *testing.T) {
	t.Parallel()
	fill := MaxVCardBytes - len(card("<FN></FN>"))
	a := newAccount(romeo)
	if got := ask(t, Set, a, card("<FN>"+strings.Repeat("x", fill)+"</FN>")); got != "" {
		t.Error("at the limit:", got)
	}
	if got := ask(t, Set, a, card("<FN>"+strings.Repeat("x", fill+1)+"</FN>")); got != "not-allowed" || len(a.appended) != 1 {
		t.Error("H75:", got)
	}
}

func TestVCardNeedsItsOwnPrefixes(t *testing.T) {
	t.Parallel()
	a := newAccount(romeo)
	req := request(t, Set, a, getCard)
	req.Frame = parse(t, "<iq xmlns:v='vcard-temp' id='1' type='set'><v:vCard><v:FN>x</v:FN></v:vCard></iq>")
	if _, got := serve(t, newTestRegistry(), req); got != "bad-request" || len(a.appended) != 0 {
		t.Error(got)
	}
}

func TestFullDiskIsWait(t *testing.T) {
	t.Parallel()
	a := newAccount(romeo)
	a.fail = errors.Join(eventlog.ErrNoSpace)
	for _, payload := range []string{card("<FN>x</FN>"), blockIQ("a@b"), "<query xmlns='jabber:iq:private'><a xmlns='b'>c</a></query>"} {
		if got := ask(t, Set, a, payload); got != "resource-constraint" {
			t.Error(payload, got)
		}
	}
}

func TestPhotoUpdate(t *testing.T) {
	t.Parallel()
	x := func(inner string) string { return "<x xmlns='vcard-temp:x:update'>" + inner + "</x>" }
	for _, c := range []struct{ name, in, hash, want string }{
		{"no photo, the client's word stands", x("<photo/>"), "", x("<photo/>")},
		{"no photo, nothing said", "", "", ""},
		{"none is shown, which stands", x("<photo/>"), "abc", x("<photo/>")},
		{"added", "<show>away</show>", "abc", "<show>away</show>" + x("<photo>abc</photo>")},
		{"corrected, each occurrence", x("<photo>old</photo>") + "<c/>" + x(""), "abc", "<c/>" + x("<photo>abc</photo>")},
	} {
		f := parse(t, "<presence>"+c.in+"</presence>")
		added := PhotoUpdate(f, c.hash)
		var got strings.Builder
		for _, child := range f.Children {
			if !child.Dropped {
				got.Write(child.Raw)
			}
		}
		if got.String()+string(added) != c.want {
			t.Errorf("%s: %s%s", c.name, got.String(), added)
		}
	}
	if f := parse(t, "<presence type='unavailable'>"+x("")+"</presence>"); PhotoUpdate(f, "abc") != nil || f.Children[0].Dropped {
		t.Error("unavailable presence says nothing about photos")
	}
}

func FuzzVCard(f *testing.F) {
	f.Add([]byte(card("<PHOTO><BINVAL>" + base64.StdEncoding.EncodeToString([]byte("x")) + "</BINVAL></PHOTO>")))
	f.Add([]byte(card("<FN>x</FN>")))
	f.Fuzz(func(t *testing.T, payload []byte) {
		v, err := ParseVCard(payload)
		if err != nil || v == nil {
			return
		}
		if n := len(v.GetPhotoSha1()); n != 0 && n != 40 {
			t.Fatal("hash of", n)
		}
		wellFormed(t, v.GetVcard())
	})
}
