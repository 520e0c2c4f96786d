package archive

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

func ids(n int) string {
	return "<field var='ids'>" + strings.Repeat("<value>a</value>", n) + "</field>"
}

func submitted(fields string) string {
	return "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>" + fields + "</x></query>"
}

func paged(set string) string {
	return "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set></query>"
}

// Every limit at its edge, and what hostile clients send. XEP-0313 §4, XEP-0059 §2
func TestParseQuery(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxText+1)
	for _, c := range []struct{ name, payload, want string }{
		{"nothing", "<query xmlns='urn:xmpp:mam:2'/>", ""},
		{"all fields", submitted("<field var='with'><value>A@b.example/x</value></field><field var='start'><value>2010-06-07T00:00:00Z</value></field>" +
			"<field var='end'><value>2010-07-07T13:23:54.25+02:00</value></field><field var='before-id'><value>1</value></field><field var='after-id'><value>2</value></field>"), ""},
		{"as many ids as may be", submitted(ids(MaxIDs)), ""},
		{"one id too many", submitted(ids(MaxIDs + 1)), "policy-violation"},
		{"no form type", "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'/></query>", "bad-request"},
		{"another form", "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>a</value></field></x></query>", "bad-request"},
		{"unknown field", submitted("<field var='withtext'><value>a</value></field>"), "feature-not-implemented"},
		{"no address", submitted("<field var='with'><value>a b@c</value></field>"), "jid-malformed"},
		{"long field", submitted("<field var='after-id'><value>" + long + "</value></field>"), "bad-request"},
		{"no time", submitted("<field var='end'><value>2010-07-07</value></field>"), "bad-request"},
		{"a node", "<query xmlns='urn:xmpp:mam:2' node='a'/>", "item-not-found"},
		{"not a number", paged("<max>ten</max>"), "bad-request"},
		{"far too many", paged("<max>99999999999999999999</max>"), "bad-request"},
		{"by index", paged("<index>0</index>"), "feature-not-implemented"},
		{"long id", paged("<before>" + long + "</before>"), "item-not-found"},
		{"long query id", "<query xmlns='urn:xmpp:mam:2' queryid='" + long + "'/>", "bad-request"},
	} {
		_, err := ParseQuery([]byte(c.payload))
		if got := condition(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for max, want := range map[int]int{0: 0, 1: 1, MaxPage: MaxPage, MaxPage + 1: MaxPage, 1 << 30: MaxPage} {
		q, err := ParseQuery([]byte(paged(fmt.Sprintf("<max>%d</max>", max))))
		if err != nil || q.Max != want {
			t.Errorf("a page of %d: %+v, %v", max, q, err)
		}
	}
}

func condition(err error) string {
	if err == nil {
		return ""
	}
	stanza, ok := errors.AsType[*features.Error](err)
	if !ok {
		return "not a stanza error: " + err.Error()
	}
	return stanza.Condition
}

func TestParsePreferences(t *testing.T) {
	t.Parallel()
	listed := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<jid>u%d@a.example</jid>", i)
		}
		return "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always>" + b.String() + "</always></prefs>"
	}
	for _, c := range []struct{ name, payload, want string }{
		{"off", "<prefs xmlns='urn:xmpp:mam:2' default='never'/>", ""},
		{"no default", "<prefs xmlns='urn:xmpp:mam:2'/>", "bad-request"},
		{"as many as may be", listed(MaxListed), ""},
		{"one too many", listed(MaxListed + 1), "policy-violation"},
		{"no address", "<prefs xmlns='urn:xmpp:mam:2' default='roster'><never><jid/></never></prefs>", "jid-malformed"},
	} {
		m, err := parsePrefs([]byte(c.payload))
		if got := condition(err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if err == nil && len(prefs(m)) == 0 {
			t.Errorf("%s is not shown", c.name)
		}
	}
	m, err := parsePrefs([]byte("<prefs xmlns='urn:xmpp:mam:2' default='always'><never><jid> A@B.example </jid><jid>a@b.example</jid></never></prefs>"))
	if err != nil || len(m.GetNever()) != 1 || m.GetNever()[0] != "a@b.example" {
		t.Errorf("%v, %v", m, err)
	}
}

// XEP-0441 §2.1, §2.2
func TestKeep(t *testing.T) {
	t.Parallel()
	lists := func(d schemas.ArchiveDefault) *Preferences {
		return FromFact(&schemas.ArchivePreferences{ByDefault: d, Always: []string{"a@x", "b@x/desk"}, Never: []string{"n@x", "a@x/phone"}})
	}
	contact := func(bare string) bool { return bare == "c@x" }
	for _, c := range []struct {
		with                  string
		never, always, roster bool
	}{
		{"a@x", true, true, true},
		{"a@x/desk", true, true, true},
		{"a@x/phone", false, false, false},
		{"b@x/desk", true, true, true},
		{"b@x/other", false, true, false},
		{"n@x/any", false, false, false},
		{"c@x/any", false, true, true},
		{"d@x", false, true, false},
	} {
		for d, want := range map[schemas.ArchiveDefault]bool{schemas.ArchiveDefault_ARCHIVE_NEVER: c.never, schemas.ArchiveDefault_ARCHIVE_ALWAYS: c.always, schemas.ArchiveDefault_ARCHIVE_ROSTER: c.roster} {
			if got := lists(d).Keep(c.with, contact); got != want {
				t.Errorf("%s by default %s: %t", c.with, d, got)
			}
		}
	}
	for _, off := range []*schemas.ArchivePreferences{nil, {}, {ByDefault: schemas.ArchiveDefault_ARCHIVE_NEVER, Never: []string{"n@x"}}} {
		if FromFact(off) != nil || FromFact(off).Keep("a@x", contact) {
			t.Errorf("%v archives something", off)
		}
	}
}

// FuzzQuery reads hostile queries and preferences.
func FuzzQuery(f *testing.F) {
	f.Add([]byte(submitted("<field var='with'><value>a@b</value></field>")))
	f.Add([]byte(paged("<max>1</max><before/>")))
	f.Add([]byte("<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>a@b</jid></always></prefs>"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if q, err := ParseQuery(payload); err == nil && (q.Max > MaxPage || len(q.IDs) > MaxIDs) {
			t.Fatalf("%+v", q)
		} else if err != nil && strings.HasPrefix(condition(err), "not") && !strings.HasPrefix(condition(err), "not-") {
			t.Fatal(err)
		}
		if m, err := parsePrefs(payload); err == nil && len(m.GetAlways())+len(m.GetNever()) > MaxListed {
			t.Fatal(m)
		}
	})
}
