package features

import (
	"fmt"
	"strings"
	"testing"

	"protokoll/schemas"
)

func private(inner string) string { return "<query xmlns='jabber:iq:private'>" + inner + "</query>" }

func TestPrivate(t *testing.T) {
	t.Parallel()
	a := newAccount(romeo)
	stored := "<storage xmlns='storage:bookmarks'><conference jid='a@b'/>&amp;</storage>"
	if got := ask(t, Get, a, private("<storage xmlns='storage:bookmarks'/>")); got != private("<storage xmlns='storage:bookmarks'/>") {
		t.Error("nothing stored:", got)
	}
	if got := ask(t, Set, a, private(stored+"<x xmlns='storage:bookmarks' a='1'/>")); got != "" || len(a.appended) != 2 {
		t.Error("XEP-0049 §2.3:", got, len(a.appended))
	}
	if got := ask(t, Set, a, private(stored)); got != "" || len(a.appended) != 2 {
		t.Error("the same again:", got, len(a.appended))
	}
	if got := ask(t, Get, a, private("<storage xmlns='storage:bookmarks'/>")); got != private(stored) {
		t.Error(got)
	}
	if got := ask(t, Get, a, private("<x xmlns='storage:bookmarks'/>")); got != private("<x xmlns='storage:bookmarks' a='1'/>") {
		t.Error("attributes are content too:", got)
	}
	if got := ask(t, Set, a, private("<p:storage xmlns:p='storage:bookmarks'> </p:storage>")); got != "" || len(a.facts[schemas.Family_PRIVATE_FACTS]) != 1 {
		t.Error("an empty element must end the fact:", got)
	}
}

func TestHostilePrivate(t *testing.T) {
	t.Parallel()
	big := func(n int) string {
		return private("<a xmlns='b'>" + strings.Repeat("x", n-len("<a xmlns='b'></a>")) + "</a>")
	}
	for _, c := range []struct {
		name    string
		kind    Kind
		payload string
		want    string
	}{
		{"set nothing, XEP-0049 §2.3", Set, private(""), "not-acceptable"},
		{"set without a namespace, XEP-0049 §2.3", Set, private("<a>x</a>"), "not-acceptable"},
		{"same name twice", Set, private("<a xmlns='b'>1</a><a xmlns='b'>2</a>"), "not-acceptable"},
		{"prefix of the query", Set, "<query xmlns='jabber:iq:private' xmlns:p='b'><p:a>1</p:a></query>", "bad-request"},
		{"get nothing, XEP-0049 §2.3", Get, private(""), "bad-request"},
		{"get two", Get, private("<a xmlns='b'/><b xmlns='b'/>"), "bad-request"},
		{"H75 beyond the limit", Set, big(MaxPrivateBytes + 1), "not-allowed"},
	} {
		a := newAccount(romeo)
		if got := ask(t, c.kind, a, c.payload); got != c.want || len(a.appended) != 0 {
			t.Errorf("%s: %q, %d facts", c.name, got, len(a.appended))
		}
	}
	a := newAccount(romeo)
	if got := ask(t, Set, a, big(MaxPrivateBytes)); got != "" || len(a.appended) != 1 {
		t.Error("at the limit:", got)
	}
	other := newAccount(juliet, romeo)
	for _, k := range []Kind{Get, Set} {
		if got := askContact(t, k, other, private("<a xmlns='b'>1</a>")); got != "service-unavailable" || len(other.appended) != 0 {
			t.Error("XEP-0049 §2.3:", got)
		}
	}
}

func TestPrivateElementLimit(t *testing.T) {
	t.Parallel()
	a := newAccount(romeo)
	for i := range MaxPrivateElements {
		if got := ask(t, Set, a, private(fmt.Sprintf("<a xmlns='n%d'>x</a>", i))); got != "" {
			t.Fatal(i, got)
		}
	}
	if got := ask(t, Set, a, private("<a xmlns='more'>x</a>")); got != "policy-violation" {
		t.Error("beyond the limit:", got)
	}
	if got := ask(t, Set, a, private("<a xmlns='n0'>y</a>")); got != "" {
		t.Error("a change at the limit:", got)
	}
}
