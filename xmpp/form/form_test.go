package form

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestLanguages(t *testing.T) {
	t.Parallel()
	text := Text{"Abbrechen", "Cancel"}
	for lang, want := range map[string]string{"de": "Abbrechen", "DE-at": "Abbrechen", "de-DE-1996": "Abbrechen", "den": "Cancel", "en": "Cancel", "": "Cancel", "fr": "Cancel"} {
		if got := text.In(lang); got != want {
			t.Errorf("%q: %s", lang, got)
		}
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	f := Form{Kind: "form", Type: "urn:x", Title: Text{"Titel", "Title"}, Fields: []Field{
		{Var: "a", Kind: "list-single", Label: Text{"Wahl", "Choice"}, Help: Text{"Warum", "Why"}, Required: true, Values: []string{"<1>"},
			Options: []Option{{Text{"eins", "one"}, "<1>"}}},
	}}
	const want = "<x xmlns='jabber:x:data' type='form'><title>Titel</title><field var='FORM_TYPE' type='hidden'><value>urn:x</value></field>" +
		"<field var='a' type='list-single' label='Wahl'><desc>Warum</desc><required/><value>&lt;1&gt;</value><option label='eins'><value>&lt;1&gt;</value></option></field></x>"
	if got := string(f.Append(nil, "de")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	f = Form{Kind: "result", Fields: []Field{{Var: "jid", Kind: "jid-single"}}, Rows: []Row{{"a@b"}, {"c@d"}}}
	if got := string(f.Append(nil, "")); !strings.Contains(got, "<reported><field var='jid' type='jid-single'/></reported><item><field var='jid'><value>a@b</value></field></item>") {
		t.Error(got)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	a, err := Parse([]byte("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:x</value></field>" +
		"<field var='one'><value>1</value></field><field var='two'><value>a</value><value>b</value></field></x>"))
	if err != nil || a.Type != "urn:x" || a.Kind != "submit" || !a.True("one") || a.Get("two") != "" || len(a.All("two")) != 2 || a.Has("three") {
		t.Errorf("%+v, %v", a, err)
	}
	fields := func(n, values int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "<field var='f%d'>%s</field>", i, strings.Repeat("<value/>", values))
		}
		return "<x xmlns='jabber:x:data' type='submit'>" + b.String() + "</x>"
	}
	for text, ok := range map[string]bool{
		fields(MaxFields, 1):         true,
		fields(MaxFields+1, 0):       false,
		fields(1, MaxValues):         true,
		fields(1, MaxValues+1):       false,
		"<x xmlns='other'/>":         false,
		"<y xmlns='jabber:x:data'/>": false,
		"<x xmlns='jabber:x:data'><field var='a'/><field var='a'/></x>": false,
		"": false,
	} {
		if _, err := Parse([]byte(text)); (err == nil) != ok || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("<x xmlns='jabber:x:data' type='submit'><field var='a'><value>1</value></field></x>"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		if a, err := Parse(raw); err == nil {
			a.Get("a")
		}
	})
}
