package portability

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"protokoll/accounts"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// messageOf finds the message of an event type.
func messageOf(t *testing.T, name string) (found protoreflect.MessageType) {
	t.Helper()
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		if e, ok := proto.GetExtension(m.Descriptor().Options(), schemas.E_Event).(*schemas.EventType); ok && e.GetName() == name {
			found = m
		}
		return found == nil
	})
	if found == nil {
		t.Fatalf("no message of %s", name)
	}
	return found
}

// Nothing that is stored of a person can be missing on the page, or stand there without a name in both languages.
func TestEveryTypeIsShown(t *testing.T) {
	t.Parallel()
	shown := []string{"audit.action", "proof.order"}
	for _, s := range sections {
		shown = append(shown, s.types...)
	}
	for _, kind := range schemas.Types() {
		if !slices.Contains(families(), kind.Family) || slices.Contains([]string{"account.reserved", "account.notice"}, kind.Name) { // the server's own
			continue
		}
		if !slices.Contains(shown, kind.Name) {
			t.Errorf("%s stands in no section of the page", kind.Name)
		}
	}
	for _, name := range shown {
		labelled(t, messageOf(t, name).Descriptor())
	}
	for cause := range schemas.Cause_value {
		if _, ok := valueLabels[cause]; !ok && cause != "CAUSE_UNSPECIFIED" {
			t.Errorf("the cause %s has no name on the page", cause)
		}
	}
}

func labelled(t *testing.T, m protoreflect.MessageDescriptor) {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if l := fieldLabels[string(f.Name())]; !hidden(f) && (l.DE == "" || l.EN == "") {
			t.Errorf("%s has no name on the page", f.FullName())
		}
		if f.Message() != nil {
			labelled(t, f.Message())
		}
	}
}

// What people wrote is text on the page, whatever it looks like; keys are left out when they are not wanted.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys, err := seal.Create(filepath.Join(dir, "keys"), seal.FileRoot(filepath.Join(dir, "root.key")))
	if err != nil {
		t.Fatal(err)
	}
	const evil = `<script>alert("x")</script>`
	now := time.Unix(1e9, 0)
	h := &Holding{Account: accounts.Account{Owner: keys.Server(), Localpart: "a", Domain: "b"}, Facts: []Fact{
		{Value: &schemas.RosterItem{Contact: "c@d", Name: evil, Listed: true}, Time: now, Cause: schemas.Cause_CLIENT},
		{Value: &schemas.VCard{Vcard: []byte("<vCard xmlns='vcard-temp'><PHOTO><BINVAL>iVBORw0KGgo=</BINVAL></PHOTO><NOTE>" + evil + "</NOTE></vCard>")}, Time: now},
		{Value: &schemas.AccountCredentials{Verifiers: []*schemas.Verifier{{Hash: schemas.Hash_SHA1, Salt: []byte("saltsalt"), StoredKey: []byte("keykey")}}}, Time: now},
	}, Held: []Fact{{Value: &schemas.PresenceUpdated{Resource: "r", Status: "held " + evil}, Time: now}}}
	for _, credentials := range []bool{true, false} {
		var out bytes.Buffer
		if err := h.WritePage(&out, now, credentials); err != nil {
			t.Fatal(err)
		}
		page := out.String()
		for _, wanted := range []string{"&lt;script&gt;", "data:image/png;base64,iVBORw0KGgo=", "held &lt;script", "2001-09-09 01:46:40 UTC"} {
			if !strings.Contains(page, wanted) {
				t.Errorf("the page lacks %q", wanted)
			}
		}
		if strings.Contains(page, "<script") {
			t.Error("the page holds a script")
		}
		if strings.Contains(page, "6b65796b6579") != credentials {
			t.Errorf("keys are wanted: %t, and that is not what the page does", credentials)
		}
	}
}
