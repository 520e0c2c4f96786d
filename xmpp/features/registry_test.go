package features

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"protokoll/eventlog"
	"protokoll/xmpp/roster"
)

func TestServe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, want string }{
		{"no payload, RFC 6120 §8.2.3", "", "bad-request"},
		{"two payloads, RFC 6120 §8.2.3", "<ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/>", "bad-request"},
		{"unknown namespace, RFC 6120 §8.4", "<x xmlns='y'/>", "service-unavailable"},
		{"unknown name", "<pong xmlns='urn:xmpp:ping'/>", "service-unavailable"},
		{"ping, XEP-0199 §4.2", "<ping xmlns='urn:xmpp:ping'/>", ""},
		{"any prefix", "<p:ping xmlns:p='urn:xmpp:ping'/>", ""},
	} {
		if got := ask(t, Get, newAccount(romeo), c.payload); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	if got := ask(t, Set, newAccount(romeo), "<ping xmlns='urn:xmpp:ping'/>"); got != "service-unavailable" {
		t.Errorf("a set is no get: %q", got)
	}
}

func TestUnknownErrorIsLoggedAndNotTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := NewRegistry(slog.New(slog.NewTextHandler(&log, nil)))
	r.Handle(Get, Self, "x", "x", func(*Request) (Reply, error) { return Reply{}, errors.New("disk on fire") })
	_, err := r.Serve(request(t, Get, newAccount(romeo), "<x xmlns='x'/>"))
	stanza, _ := errors.AsType[*Error](err)
	if stanza.Condition != "internal-server-error" || strings.Contains(string(stanza.Append(nil)), "fire") {
		t.Error(string(stanza.Append(nil)))
	}
	if !strings.Contains(log.String(), "disk on fire") {
		t.Error("nothing in the log")
	}
}

func TestStanzaError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err             error
		typ, conditions string
	}{
		{Forbidden(), "auth", "forbidden"},
		{fmt.Errorf("deep: %w", ItemNotFound()), "cancel", "item-not-found"},
		{fmt.Errorf("append: %w", eventlog.ErrNoSpace), "wait", "resource-constraint"},
		{eventlog.ErrStopped, "wait", "resource-constraint"},
		{eventlog.ErrUncertain, "wait", "resource-constraint"},
		{eventlog.ErrTooLarge, "modify", "not-allowed"},
		{roster.ErrBadRequest, "modify", "bad-request"},
		{fmt.Errorf("name: %w", roster.ErrNotAcceptable), "modify", "not-acceptable"},
		{roster.ErrMalformedJID, "modify", "jid-malformed"},
		{roster.ErrNotFound, "cancel", "item-not-found"},
		{errors.New("other"), "cancel", "internal-server-error"},
	} {
		if got := StanzaError(c.err); got.Type != c.typ || got.Condition != c.conditions {
			t.Errorf("%v: %v", c.err, got)
		}
	}
	want := "<error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" +
		"<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>a&lt;b</text></error>"
	if got := string(BadRequest("a<b").Append(nil)); got != want {
		t.Error(got)
	}
	if got := string(TooBig().Append(nil)); !strings.HasSuffix(got, "<stanza-too-big xmlns='urn:xmpp:errors'/></error>") {
		t.Error(got)
	}
}

// TestStrangersLearnNothing: whatever is asked about a person by a stranger has the answer of an account that does not
// exist, whichever facts there are. H65
func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	rich := newAccount(juliet, "friend@example.net")
	ask(t, Set, rich, card("<FN>Juliet</FN>"))
	ask(t, Set, rich, "<query xmlns='jabber:iq:private'><a xmlns='b'>c</a></query>")
	ask(t, Set, rich, "<block xmlns='urn:xmpp:blocking'><item jid='a@b'/></block>")
	rich.seen = LastSeen{Online: true}
	for _, k := range []Kind{Get, Set} {
		for route := range newTestRegistry().handlers {
			payload := "<" + route.local + " xmlns='" + route.namespace + "'/>"
			stranger, nobody := askContact(t, k, rich, payload), askContact(t, k, nil, payload)
			if stranger != nobody {
				t.Errorf("%s: %q, but %q for an account that does not exist", payload, stranger, nobody)
			}
			if stranger != "service-unavailable" && stranger != "forbidden" {
				t.Errorf("%s answered: %q", payload, stranger)
			}
		}
	}
}
