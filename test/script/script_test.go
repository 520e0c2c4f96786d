package script

import (
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	head := "# title\n[client] romeo: user1/orchard\n"
	for name, text := range map[string]string{
		"no title":         "[client] romeo: user1/orchard\n",
		"unknown verb":     head + "romeo dances\n",
		"unknown client":   head + "juliet connects\n",
		"unknown option":   "# title\n[client] romeo: user1/orchard (flies)\n",
		"empty block":      head + "romeo sends:\nromeo connects\n",
		"block of nothing": head + "\t<presence/>\n",
		"contact":          head + "[contacts] romeo juliet\n",
		"everyone":         head + "everyone connects\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Parse("x.txt", strings.NewReader(text)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	me := own{full: "a@b/c", bare: "a@b"}
	for _, c := range []struct {
		name, want, got string
		fits            bool
	}{
		{"the same", `<iq id='1' type='result'/>`, `<iq type="result" id='1'></iq>`, true},
		{"another value", `<iq id='1'/>`, `<iq id='2'/>`, false},
		{"prefix for default", `<x xmlns='n'/>`, `<p:x xmlns:p='n'/>`, true},
		{"another namespace", `<x xmlns='n'/>`, `<x xmlns='m'/>`, false},
		{"attribute of another namespace", `<x a='1'/>`, `<x xmlns:p='n' p:a='1'/>`, false},
		{"unlisted attribute", `<x/>`, `<x a='1'/>`, false},
		{"unlisted attribute passed over", `<x script:ignore='attributes'/>`, `<x a='1'/>`, true},
		{"missing attribute", `<x a='{any}'/>`, `<x/>`, false},
		{"optional attribute", `<x a='{optional}'/>`, `<x/>`, true},
		{"some is not empty", `<x a='{some}'/>`, `<x a=''/>`, false},
		{"pattern in a value", `<x a='1-{some}-3'/>`, `<x a='1-2-3'/>`, true},
		{"order free", `<x><a/><b/></x>`, `<x><b/><a/></x>`, true},
		{"order asked for", `<x script:order='exact'><a/><b/></x>`, `<x><b/><a/></x>`, false},
		{"unlisted child", `<x><a/></x>`, `<x><a/><b/></x>`, false},
		{"unlisted child passed over", `<x script:ignore='children'><a/></x>`, `<x><b/><a/>t</x>`, true},
		{"missing child", `<x script:ignore='children'><a/></x>`, `<x><b/></x>`, false},
		{"optional child", `<x><a script:optional='yes'/></x>`, `<x/>`, true},
		{"one child for two", `<x><a/><a/></x>`, `<x><a/></x>`, false},
		{"text", `<x>&lt;é</x>`, `<x><![CDATA[<]]>&#233;</x>`, true},
		{"other text", `<x>a</x>`, `<x>b</x>`, false},
		{"text wanted", `<x>a</x>`, `<x/>`, false},
		{"own address", `<iq/>`, `<iq to='a@b/c' from='a@b'/>`, true},
		{"foreign address", `<iq/>`, `<iq from='x@b'/>`, false},
		{"free only at the top", `<x><iq/></x>`, `<x><iq to='a@b'/></x>`, false},
		{"error with text and payload", `<iq type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
			`<iq type='error'><q xmlns='n'/><error type='cancel' by='b'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>t</text></error></iq>`, true},
		{"stanza-id of the own account", `<message/>`, `<message><stanza-id xmlns='urn:xmpp:sid:0' by='a@b' id='1'/></message>`, true},
		{"stanza-id of another", `<message/>`, `<message><stanza-id xmlns='urn:xmpp:sid:0' by='x@b' id='1'/></message>`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want, err := elements(c.want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := elements(c.got)
			if err != nil {
				t.Fatal(err)
			}
			err = match(want[0], got[0], me, map[string]string{})
			if (err == nil) != c.fits {
				t.Errorf("fits = %v: %v", err == nil, err)
			}
		})
	}
}

func TestCaptureOnlyFromWhatFits(t *testing.T) {
	t.Parallel()
	want, err := elements(`<x><a id='{capture first}' k='1'/><b/></x>`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := elements(`<x><a id='no' k='2'/><b/><a id='yes' k='1'/></x>`)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{}
	if match(want[0], got[0], own{}, vars) == nil || len(vars) != 0 {
		t.Errorf("an element that does not fit left %v behind", vars)
	}
	got[0].Children = got[0].Children[1:]
	if err := match(want[0], got[0], own{}, vars); err != nil || vars["first"] != "yes" {
		t.Errorf("captured %v, %v", vars, err)
	}
}
