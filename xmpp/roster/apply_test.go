package roster

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"protokoll/schemas"
)

const contact = "juliet@example.net"

var request = []byte("<presence from='juliet@example.net' type='subscribe'><status>me</status></presence>")

// The nine states of RFC 6121 §A.1.
const (
	none       = "None"
	noneOut    = "None + Pending Out"
	noneIn     = "None + Pending In"
	noneOutIn  = "None + Pending Out+In"
	to         = "To"
	toIn       = "To + Pending In"
	from       = "From"
	fromOut    = "From + Pending Out"
	both       = "Both"
	approved   = " + approved"
	notPresent = "" // no item at all
)

func item(state string) Item {
	i := Item{Contact: contact, Listed: true}
	switch state {
	case notPresent:
		return Item{Contact: contact}
	case noneOut, noneOutIn, fromOut:
		i.Ask = true
	}
	switch state {
	case noneIn, noneOutIn, toIn:
		i.Request = request
	}
	switch state {
	case to, toIn:
		i.Subscription = schemas.Subscription_TO
	case from, fromOut:
		i.Subscription = schemas.Subscription_FROM
	case both:
		i.Subscription = schemas.Subscription_BOTH
	}
	return i
}

func apply(t *testing.T, cur Item, k Kind) Result {
	t.Helper()
	r, err := Apply(cur, Event{Kind: k, Request: request})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type cell struct {
	state string
	route bool
	after string
}

// tables are those of RFC 6121 appendix A, a row for each state.
var tables = []struct {
	cite  string
	kind  Kind
	cells []cell
}{
	{"RFC 6121 §A.2.1", OutSubscribe, []cell{
		{none, true, noneOut}, {noneOut, true, noneOut}, {noneIn, true, noneOutIn}, {noneOutIn, true, noneOutIn},
		{to, true, to}, {toIn, true, toIn}, {from, true, fromOut}, {fromOut, true, fromOut}, {both, true, both},
	}},
	{"RFC 6121 §A.2.2", OutUnsubscribe, []cell{
		{none, true, none}, {noneOut, true, none}, {noneIn, true, noneIn}, {noneOutIn, true, noneIn},
		{to, true, none}, {toIn, true, noneIn}, {from, true, from}, {fromOut, true, from}, {both, true, from},
	}},
	{"RFC 6121 §A.2.3", OutSubscribed, []cell{
		{none, false, none + approved}, {noneOut, false, noneOut + approved}, {noneIn, true, from}, {noneOutIn, true, fromOut},
		{to, false, to + approved}, {toIn, true, both}, {from, false, from}, {fromOut, false, fromOut}, {both, false, both},
	}},
	{"RFC 6121 §A.2.4", OutUnsubscribed, []cell{
		{none, false, none}, {noneOut, false, noneOut}, {noneIn, true, none}, {noneOutIn, true, noneOut},
		{to, false, to}, {toIn, true, to}, {from, true, none}, {fromOut, true, noneOut}, {both, true, to},
	}},
	{"RFC 6121 §A.3.1", InSubscribe, []cell{
		{none, true, noneIn}, {noneOut, true, noneOutIn}, {noneIn, false, noneIn}, {noneOutIn, false, noneOutIn},
		{to, true, toIn}, {toIn, false, toIn}, {from, false, from}, {fromOut, false, fromOut}, {both, false, both},
	}},
	{"RFC 6121 §A.3.2", InUnsubscribe, []cell{
		{none, false, none}, {noneOut, false, noneOut}, {noneIn, true, none}, {noneOutIn, true, noneOut},
		{to, false, to}, {toIn, true, to}, {from, true, none}, {fromOut, true, noneOut}, {both, true, to},
	}},
	{"RFC 6121 §A.3.3", InSubscribed, []cell{
		{none, false, none}, {noneOut, true, to}, {noneIn, false, noneIn}, {noneOutIn, true, toIn},
		{to, false, to}, {toIn, false, toIn}, {from, false, from}, {fromOut, true, both}, {both, false, both},
	}},
	{"RFC 6121 §A.3.4", InUnsubscribed, []cell{
		{none, false, none}, {noneOut, true, none}, {noneIn, false, noneIn}, {noneOutIn, true, noneIn},
		{to, true, none}, {toIn, true, noneIn}, {from, false, from}, {fromOut, true, from}, {both, true, from},
	}},
}

func TestAppendixA(t *testing.T) {
	t.Parallel()
	for _, table := range tables {
		for _, c := range table.cells {
			t.Run(table.cite+"/"+c.state, func(t *testing.T) {
				t.Parallel()
				cur := item(c.state)
				r := apply(t, cur, table.kind)
				want := item(c.after)
				if state, ok := trim(c.after); ok {
					want = item(state)
					want.Approved = true
				}
				if diff := cmp.Diff(want, r.Item); diff != "" {
					t.Error(diff)
				}
				if r.Route != c.route {
					t.Errorf("route %v, want %v", r.Route, c.route)
				}
				if changed := !cmp.Equal(cur, want); r.Changed != changed {
					t.Errorf("changed %v, want %v", r.Changed, changed)
				}
				cur.Request, want.Request = nil, nil // which no client sees
				if push := !cmp.Equal(cur, want); r.Push != push {
					t.Errorf("push %v, want %v", r.Push, push)
				}
			})
		}
	}
}

func trim(state string) (string, bool) {
	n := len(state) - len(approved)
	if n > 0 && state[n:] == approved {
		return state[:n], true
	}
	return state, false
}

func TestEffects(t *testing.T) {
	t.Parallel()
	preApproved := item(none)
	preApproved.Approved = true
	unlisted := Item{Contact: contact, Request: request}
	with := func(i Item, change func(*Item)) Item { change(&i); return i }
	for _, c := range []struct {
		name string
		cur  Item
		kind Kind
		want Result
	}{
		{"first subscribe adds an item, RFC 6121 §3.1.2", item(notPresent), OutSubscribe,
			Result{Item: item(noneOut), Changed: true, Push: true, Route: true}},
		{"a request is kept whole and shown to nobody, RFC 6121 §3.1.3", item(notPresent), InSubscribe,
			Result{Item: unlisted, Changed: true, Route: true}},
		{"subscribing back lists the item, RFC 6121 §3.1.2", unlisted, OutSubscribe,
			Result{Item: item(noneOutIn), Changed: true, Push: true, Route: true}},
		{"approval sends presence, RFC 6121 §3.1.5", unlisted, OutSubscribed,
			Result{Item: item(from), Changed: true, Push: true, Route: true, SendPresence: true}},
		{"denial leaves nothing, RFC 6121 §3.2.2", unlisted, OutUnsubscribed,
			Result{Item: item(notPresent), Changed: true, Route: true}},
		{"a withdrawn request leaves nothing, RFC 6121 §3.3.3", unlisted, InUnsubscribe,
			Result{Item: item(notPresent), Changed: true, Route: true}},
		{"pre-approval of a stranger, RFC 6121 §3.4.2", item(notPresent), OutSubscribed,
			Result{Item: preApproved, Changed: true, Push: true}},
		{"pre-approved request, RFC 6121 §3.1.3", preApproved, InSubscribe,
			Result{Item: with(item(from), func(i *Item) { i.Approved = true }), Changed: true, Push: true,
				Send: []Type{Subscribed}, SendPresence: true}},
		{"pre-approval taken back, RFC 6121 §3.4.2", preApproved, OutUnsubscribed,
			Result{Item: item(none), Changed: true, Push: true}},
		{"asked again though subscribed, RFC 6121 §3.1.3", item(from), InSubscribe,
			Result{Item: item(from), Send: []Type{Subscribed}, SendPresence: true}},
		{"cancelled, RFC 6121 §3.2.2", item(both), OutUnsubscribed,
			Result{Item: item(to), Changed: true, Push: true, Route: true, SendUnavailable: true}},
		{"unsubscribed from us, RFC 6121 §3.3.3", item(both), InUnsubscribe,
			Result{Item: item(to), Changed: true, Push: true, Route: true, SendUnavailable: true}},
		{"subscribed by a stranger, H58", item(notPresent), InSubscribed, Result{Item: item(notPresent)}},
		{"unsubscribed by a stranger", item(notPresent), InUnsubscribed, Result{Item: item(notPresent)}},
		{"unsubscribe by a stranger", item(notPresent), InUnsubscribe, Result{Item: item(notPresent)}},
		{"unsubscribe from a stranger, RFC 6121 §A.2.2", item(notPresent), OutUnsubscribe,
			Result{Item: item(notPresent), Route: true}},
		{"denial to a stranger, RFC 6121 §A.2.4", item(notPresent), OutUnsubscribed, Result{Item: item(notPresent)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, apply(t, c.cur, c.kind)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	set := func(cur Item) Result {
		r, err := Apply(cur, Event{Kind: Set, Name: "Jule", Groups: []string{"a", "b"}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, state := range []string{notPresent, none, noneOut, noneIn, noneOutIn, to, toIn, from, fromOut, both} {
		want := item(state)
		want.Name, want.Groups, want.Listed = "Jule", []string{"a", "b"}, true
		r := set(item(state))
		if diff := cmp.Diff(Result{Item: want, Changed: true, Push: true}, r); diff != "" {
			t.Error(state, diff)
		}
		if again := set(r.Item); again.Changed || !again.Push {
			t.Error(state, "the same again:", again)
		}
	}
	r := set(Item{Contact: contact, Request: request})
	if !r.Item.Listed || !r.Item.PendingIn() {
		t.Error("a set must not lose a request", r.Item)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state       string
		send        []Type
		unavailable bool
	}{
		{none, nil, false},
		{noneOut, []Type{Unsubscribe}, false},
		{noneIn, []Type{Unsubscribed}, false},
		{noneOutIn, []Type{Unsubscribe, Unsubscribed}, false},
		{to, []Type{Unsubscribe}, false},
		{toIn, []Type{Unsubscribe, Unsubscribed}, false},
		{from, []Type{Unsubscribed}, true},
		{fromOut, []Type{Unsubscribe, Unsubscribed}, true},
		{both, []Type{Unsubscribe, Unsubscribed}, true},
	} {
		r, err := Apply(item(c.state), Event{Kind: Remove})
		want := Result{Item: item(notPresent), Changed: true, Push: true, Send: c.send, SendUnavailable: c.unavailable}
		if diff := cmp.Diff(want, r); diff != "" || err != nil || r.Item.Exists() {
			t.Error("RFC 6121 §2.5.2", c.state, err, diff)
		}
	}
	for _, cur := range []Item{item(notPresent), {Contact: contact, Request: request}} {
		if _, err := Apply(cur, Event{Kind: Remove}); !errors.Is(err, ErrNotFound) {
			t.Error("RFC 6121 §2.5.3:", err)
		}
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for n, typ := range []Type{Subscribe, Subscribed, Unsubscribe, Unsubscribed} {
		out, ok := Outbound(typ)
		in, ok2 := Inbound(typ)
		wantOut := []Kind{OutSubscribe, OutSubscribed, OutUnsubscribe, OutUnsubscribed}[n]
		wantIn := []Kind{InSubscribe, InSubscribed, InUnsubscribe, InUnsubscribed}[n]
		if !ok || !ok2 || out != wantOut || in != wantIn {
			t.Error(typ, out, in)
		}
	}
	if _, ok := Outbound("probe"); ok {
		t.Error("a probe is no subscription stanza")
	}
}

func TestFactRoundTrip(t *testing.T) {
	t.Parallel()
	want := Item{Contact: contact, Name: "J", Groups: []string{"x"}, Subscription: schemas.Subscription_FROM,
		Ask: true, Approved: true, Request: request, Listed: true}
	if diff := cmp.Diff(want, FromFact(want.Fact())); diff != "" {
		t.Error(diff)
	}
}

// invariants are those of doc.go.
func invariants(i Item) string {
	switch {
	case i.PendingIn() && i.SubscribedFrom():
		return "request of a subscriber"
	case i.Ask && i.SubscribedTo():
		return "asks for what it has"
	case !i.Listed && (i.Name != "" || len(i.Groups) > 0 || i.Subscription != 0 || i.Ask || i.Approved):
		return "unlisted item with content"
	case !slices.IsSorted(i.Groups):
		return "groups out of order"
	}
	return ""
}
