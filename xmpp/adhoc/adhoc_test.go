package adhoc

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"protokoll/xmpp/features"
	"protokoll/xmpp/form"
	"protokoll/xmpp/frame"
)

const romeo = "romeo@example.org/orchard"

// world has a command for everybody with a form, one without, and one for operators.
func world() *features.Registry {
	r := features.NewRegistry(slog.New(slog.DiscardHandler))
	Register(r, []Command{
		{Node: "greet", Name: form.Text{DE: "Grüßen", EN: "Greet"},
			Form: func(context.Context, Caller) (*form.Form, error) {
				return &form.Form{Kind: "form", Fields: []form.Field{{Var: "whom", Kind: "text-single", Required: true}}}, nil
			},
			Run: func(_ context.Context, _ Caller, a form.Answers) (Outcome, error) {
				if a.Get("whom") == "" {
					return Failed("Wen?", "Whom?"), nil
				}
				return Done("Gegrüßt: "+a.Get("whom"), "Greeted: "+a.Get("whom")), nil
			}},
		{Node: "now", Name: form.Same("Now"), Run: func(context.Context, Caller, form.Answers) (Outcome, error) {
			return Outcome{Form: &form.Form{Kind: "result"}}, nil
		}},
		{Node: "stop", Name: form.Same("Stop"), Allowed: func(c Caller) bool { return c.Bare == "admin@example.org" },
			Run: func(context.Context, Caller, form.Answers) (Outcome, error) { return Outcome{}, errors.New("on fire") }},
	})
	return r
}

// ask sends a request and returns the payload of the reply, or the condition of the error.
func ask(t *testing.T, from, lang string, kind features.Kind, payload string) string {
	t.Helper()
	f, err := frame.Parse([]byte("<iq type='set' id='1'>"+payload+"</iq>"), frame.NSClient, frame.AfterLogin())
	if err != nil {
		t.Fatal(err)
	}
	reply, err := world().Serve(&features.Request{Kind: kind, Target: features.Server, From: from, To: "example.org", Lang: lang, Frame: &f})
	if err == nil && reply.Later != nil {
		reply, err = reply.Later(t.Context())
	}
	if stanza, ok := errors.AsType[*features.Error](err); ok {
		return stanza.Condition + string(stanza.App)
	}
	return string(reply.Payload)
}

func TestCommands(t *testing.T) {
	t.Parallel()
	command := func(rest string) string { return "<command xmlns='" + NS + "' " + rest }
	submit := "<x xmlns='jabber:x:data' type='submit'><field var='whom'><value>J &amp; N</value></field></x></command>"
	for _, c := range []struct{ name, lang, payload, want string }{
		{"a form is shown", "de", command("node='greet' action='execute'/>"), "status='executing' xml:lang='de'><actions execute='complete'><complete/></actions><x xmlns='jabber:x:data' type='form'>"},
		{"and carried out, XEP-0050 §3.4", "de", command("node='greet' sessionid='s' action='complete'>" + submit), "sessionid='s' status='completed' xml:lang='de'><note type='info'>Gegrüßt: J &amp; N</note>"},
		{"in English otherwise", "fr", command("node='greet' sessionid='s' action='complete'>" + submit), "Greeted"},
		{"next is complete where there is one step", "en", command("node='greet' sessionid='s' action='next'>" + submit), "completed"},
		{"what is wrong with it is said", "en", command("node='greet' sessionid='s'><x xmlns='jabber:x:data' type='submit'/></command>"), "<note type='error'>Whom?</note>"},
		{"a second step without a form", "en", command("node='greet' sessionid='s' action='complete'/>"), "bad-request<bad-payload"},
		{"two forms", "en", command("node='greet' sessionid='s'><x xmlns='jabber:x:data' type='submit'/><x xmlns='jabber:x:data' type='submit'/></command>"), "bad-request<bad-payload"},
		{"cancelled", "en", command("node='greet' sessionid='s' action='cancel'/>"), "status='canceled'"},
		{"cancelled by the form", "en", command("node='greet' sessionid='s'><x xmlns='jabber:x:data' type='cancel'/></command>"), "status='canceled'"},
		{"nothing before the first step", "en", command("node='greet' sessionid='s' action='prev'/>"), "bad-request<bad-action"},
		{"a session id at the limit", "en", command("node='greet' action='cancel' sessionid='" + strings.Repeat("s", maxSession) + "'/>"), "canceled"},
		{"a session id beyond it", "en", command("node='greet' action='cancel' sessionid='" + strings.Repeat("s", maxSession+1) + "'/>"), "bad-request<bad-sessionid"},
		{"no form, no step", "en", command("node='now'/>"), "status='completed' xml:lang='en'><x xmlns='jabber:x:data' type='result'>"},
		{"no such command", "en", command("node='dance'/>"), "item-not-found"},
		{"not for everybody", "en", command("node='stop'/>"), "forbidden"},
	} {
		if got := ask(t, romeo, c.lang, features.Set, c.payload); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	if got := ask(t, "admin@example.org/desk", "", features.Set, command("node='stop'/>")); got != "internal-server-error" {
		t.Error(got)
	}
}

func TestDisco(t *testing.T) {
	t.Parallel()
	list := "<query xmlns='" + features.NSDiscoItems + "' node='" + NS + "'/>"
	if got := ask(t, romeo, "de", features.Get, list); !strings.Contains(got, "node='greet' name='Grüßen'") || strings.Contains(got, "stop") {
		t.Error(got)
	}
	if got := ask(t, "admin@example.org/desk", "de", features.Get, list); !strings.Contains(got, "stop") {
		t.Error(got)
	}
	info := func(node string) string { return "<query xmlns='" + features.NSDiscoInfo + "' node='" + node + "'/>" }
	for node, want := range map[string]string{NS: "type='command-list'", "greet": "type='command-node' name='Greet'", "stop": "item-not-found", "dance": "item-not-found"} {
		if got := ask(t, romeo, "", features.Get, info(node)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", node, got)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add("<command xmlns='" + NS + "' node='greet'><x xmlns='jabber:x:data' type='submit'/></command>")
	r := world()
	f.Fuzz(func(t *testing.T, payload string) {
		frame, err := frame.Parse([]byte("<iq type='set' id='1'>"+payload+"</iq>"), frame.NSClient, frame.AfterLogin())
		if err != nil {
			return
		}
		reply, err := r.Serve(&features.Request{Kind: features.Set, Target: features.Server, From: romeo, To: "example.org", Frame: &frame})
		if err == nil && reply.Later != nil {
			_, _ = reply.Later(t.Context())
		}
	})
}
