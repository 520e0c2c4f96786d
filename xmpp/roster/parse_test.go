package roster

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"protokoll/schemas"
)

func query(inner string) []byte {
	return []byte("<query xmlns='jabber:iq:roster'>" + inner + "</query>")
}

func groups(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<group>g%d</group>", i)
	}
	return b.String()
}

func TestParseSet(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxNameBytes)
	set := func(contact, name string, groups ...string) Change {
		return Change{Contact: contact, Event: Event{Kind: Set, Name: name, Groups: groups}}
	}
	for _, c := range []struct {
		name, in string
		want     Change
		err      error
	}{
		{"add, RFC 6121 §2.3.1", "<item jid='juliet@example.net' name='Jule &amp; &lt;Co&gt;'><group>B</group><group>A</group></item>",
			set(contact, "Jule & <Co>", "A", "B"), nil},
		{"bare JID in canonical form", "<item jid='JULIET@Example.NET/balcony'/>", set(contact, ""), nil},
		{"the server's attributes are ignored, RFC 6121 §2.1.2", "<item jid='juliet@example.net' subscription='both' ask='subscribe' approved='true'/>",
			set(contact, ""), nil},
		{"other elements are ignored", "<item jid='juliet@example.net'><group xmlns='x'>no</group><x xmlns='y'/></item><y xmlns='z'/>",
			set(contact, ""), nil},
		{"remove, RFC 6121 §2.5.1", "<item jid='juliet@example.net' subscription='remove'/>",
			Change{Contact: contact, Event: Event{Kind: Remove}}, nil},
		{"domain", "<item jid='example.net'/>", set("example.net", ""), nil},
		{"name at the limit", "<item jid='juliet@example.net' name='" + long + "'/>", set(contact, long), nil},
		{"name beyond the limit, RFC 6121 §2.3.3", "<item jid='juliet@example.net' name='" + long + "x'/>", Change{}, ErrNotAcceptable},
		{"group at the limit", "<item jid='juliet@example.net'><group>" + long + "</group></item>", set(contact, "", long), nil},
		{"group beyond the limit, RFC 6121 §2.3.3", "<item jid='juliet@example.net'><group>" + long + "x</group></item>", Change{}, ErrNotAcceptable},
		{"empty group, RFC 6121 §2.3.3", "<item jid='juliet@example.net'><group/></item>", Change{}, ErrNotAcceptable},
		{"same group twice, RFC 6121 §2.3.3", "<item jid='juliet@example.net'><group>a</group><group>b</group><group>a</group></item>", Change{}, ErrBadRequest},
		{"too many groups", "<item jid='juliet@example.net'>" + groups(MaxGroups+1) + "</item>", Change{}, ErrNotAcceptable},
		{"two items, RFC 6121 §2.3.3", "<item jid='juliet@example.net'/><item jid='romeo@example.net'/>", Change{}, ErrBadRequest},
		{"no item", "", Change{}, ErrBadRequest},
		{"no address", "<item name='x'/>", Change{}, ErrBadRequest},
		{"item of another namespace", "<item xmlns='x' jid='juliet@example.net'/>", Change{}, ErrBadRequest},
		{"H50 two ats", "<item jid='@@'/>", Change{}, ErrMalformedJID},
		{"H50 empty resource", "<item jid='a@b/'/>", Change{}, ErrMalformedJID},
		{"H50 empty localpart", "<item jid='@b'/>", Change{}, ErrMalformedJID},
		{"H50 3,072 bytes", "<item jid='" + strings.Repeat("a", 3072) + "@b'/>", Change{}, ErrMalformedJID},
		{"not even XML", "<item", Change{}, ErrBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseSet(query(c.in))
			if !errors.Is(err, c.err) || (c.err == nil) != (err == nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got, err := ParseSet(query("<item jid='juliet@example.net'>" + groups(MaxGroups) + "</item>")); err != nil || len(got.Event.Groups) != MaxGroups {
		t.Error("groups at the limit:", err)
	}
}

func TestParseGet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, ver   string
		versioned bool
		err       error
	}{
		{"<query xmlns='jabber:iq:roster'/>", "", false, nil},
		{"<query xmlns='jabber:iq:roster' ver=''/>", "", true, nil},
		{"<query xmlns='jabber:iq:roster' ver='x&amp;'/>", "x&", true, nil},
		{"<query xmlns='jabber:iq:roster'><item jid='a@b'/></query>", "", false, ErrBadRequest},
		{"<query xmlns='other'/>", "", false, ErrBadRequest},
		{"<r:query/>", "", false, ErrBadRequest},
	} {
		ver, versioned, err := ParseGet([]byte(c.in))
		if ver != c.ver || versioned != c.versioned || !errors.Is(err, c.err) {
			t.Error(c.in, ver, versioned, err)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	full := Item{Contact: "o'brien@x", Name: "<&>'\"\n", Groups: []string{"]]>", "b"}, Subscription: schemas.Subscription_TO,
		Ask: true, Approved: true, Request: request, Listed: true}
	want := "<query xmlns='jabber:iq:roster' ver='v&amp;'><item jid='o&apos;brien@x' name='&lt;&amp;&gt;&apos;&quot;&#10;' subscription='to' " +
		"ask='subscribe' approved='true'><group>]]&gt;</group><group>b</group></item></query>"
	hidden := Item{Contact: contact, Request: request}
	if diff := cmp.Diff(want, string(AppendQuery(nil, "v&", full, hidden))); diff != "" {
		t.Error(diff)
	}
	want = "<query xmlns='jabber:iq:roster'><item jid='juliet@example.net' subscription='remove'/></query>"
	if diff := cmp.Diff(want, string(AppendPush(nil, "", hidden))); diff != "" {
		t.Error("RFC 6121 §2.5.2", diff)
	}
}

// text draws what a client can send: characters that XML has.
func text() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]rune("ab&<>'\"\n\r\t]äß😀 ")), 1, 8).Draw(t, "text"))
	})
}

// TestWrittenIsRead: a set made of what is written is the same item.
func TestWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Item{Contact: contact, Name: text().Draw(t, "name"), Listed: true}
		want.Groups = rapid.SliceOfNDistinct(text(), 1, 5, rapid.ID[string]).Draw(t, "groups")
		sorted, err := sortedGroups(want.Groups)
		if err != nil {
			t.Fatal(err)
		}
		want.Groups = sorted
		got, err := ParseSet(AppendPush(nil, "v", want))
		if err != nil || got.Event.Name != want.Name || !cmp.Equal(got.Event.Groups, want.Groups) {
			t.Fatalf("%+v from %+v: %v", got, want, err)
		}
	})
}

func FuzzParseSet(f *testing.F) {
	f.Add(query("<item jid='juliet@example.net' name='x'><group>a</group></item>"))
	f.Add(query("<item jid='@@'/>"))
	f.Add([]byte("<query xmlns='jabber:iq:roster'><item jid='a@b' subscription='remove'/></query>"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := ParseSet(payload)
		if err != nil {
			return
		}
		r, err := Apply(Item{Contact: c.Contact}, c.Event)
		if c.Event.Kind == Remove {
			if !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
			return
		}
		if why := invariants(r.Item); why != "" {
			t.Fatal(why)
		}
		var q queryPayload
		if err := xml.Unmarshal(AppendQuery(nil, "", r.Item), &q); err != nil {
			t.Fatal("what is written cannot be read:", err)
		}
	})
}
