package features

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"protokoll/schemas"
)

func items(jids ...string) string {
	var b strings.Builder
	for _, j := range jids {
		fmt.Fprintf(&b, "<item jid='%s'/>", j)
	}
	return b.String()
}

func blockIQ(jids ...string) string {
	return "<block xmlns='urn:xmpp:blocking'>" + items(jids...) + "</block>"
}

func unblockIQ(jids ...string) string {
	return "<unblock xmlns='urn:xmpp:blocking'>" + items(jids...) + "</unblock>"
}

func many(n int) []string {
	jids := make([]string, n)
	for i := range jids {
		jids[i] = fmt.Sprintf("p%04d@example.org", i)
	}
	return jids
}

func TestBlocking(t *testing.T) {
	t.Parallel()
	r, a, s := newTestRegistry(), newAccount(romeo), &session{}
	steps := []struct {
		kind                Kind
		payload, want, push string
		facts               int
		after               []string
	}{
		{Get, "<blocklist xmlns='urn:xmpp:blocking'/>", "<blocklist xmlns='urn:xmpp:blocking'></blocklist>", "", 0, nil},
		{Set, blockIQ("Tybalt@Example.org", "tybalt@example.org", "b.example"), "", blockIQ("b.example", "tybalt@example.org"), 2,
			[]string{"b.example", "tybalt@example.org"}},
		{Set, blockIQ("b.example"), "", blockIQ("b.example"), 0, []string{"b.example", "tybalt@example.org"}},
		{Get, "<blocklist xmlns='urn:xmpp:blocking'/>", "<blocklist xmlns='urn:xmpp:blocking'>" + items("b.example", "tybalt@example.org") + "</blocklist>", "", 0, nil},
		{Set, unblockIQ("b.example", "nobody@example.org"), "", unblockIQ("b.example", "nobody@example.org"), 1, []string{"tybalt@example.org"}},
		{Set, blockIQ("x@y/z"), "", blockIQ("x@y/z"), 1, []string{"tybalt@example.org", "x@y/z"}},
		{Set, unblockIQ(), "", unblockIQ(), 2, nil}, // XEP-0191 §3.5
	}
	for n, c := range steps {
		had := len(a.appended)
		req := request(t, c.kind, a, c.payload)
		req.Session = s
		reply, got := serve(t, r, req)
		if got != c.want || len(a.appended)-had != c.facts {
			t.Errorf("step %d: %q and %d facts", n, got, len(a.appended)-had)
		}
		if (reply.After != nil) != (c.facts > 0) {
			t.Errorf("step %d: does not wait for what it appended", n)
		}
		if c.kind == Get {
			continue
		}
		if len(reply.Pushes) != 1+min(c.facts, 1) || string(reply.Pushes[0].Payload) != c.push || reply.Pushes[0].To != BlockList {
			t.Errorf("step %d: pushes %v", n, reply.Pushes)
		}
		if diff := cmp.Diff(c.after, reply.Blocks.After.Addresses()); diff != "" {
			t.Errorf("step %d: %s", n, diff)
		}
	}
	if !s.blockInterest {
		t.Error("no interest noted, XEP-0191 §3.3")
	}
}

// TestHostileBlocking: one bad item refuses the command whole, and nothing falls over. H62
func TestHostileBlocking(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, payload, want string }{
		{"H62 no address", "<block xmlns='urn:xmpp:blocking'><item/></block>", "bad-request"},
		{"H62 two ats", blockIQ("a@b", "@@"), "jid-malformed"},
		{"H62 unblock two ats", unblockIQ("@@"), "jid-malformed"},
		{"H62 unblock without address", "<unblock xmlns='urn:xmpp:blocking'><item jid=''/></unblock>", "bad-request"},
		{"H50 3,072 bytes", blockIQ(strings.Repeat("a", 3072) + "@b"), "jid-malformed"},
		{"nothing, XEP-0191 §3.3", blockIQ(), "bad-request"},
		{"item of another namespace", "<block xmlns='urn:xmpp:blocking'><item xmlns='x' jid='a@b'/></block>", "bad-request"},
		{"more than may be blocked", blockIQ(many(MaxBlocked + 1)...), "policy-violation"},
	} {
		a := newAccount(romeo)
		if got := ask(t, Set, a, c.payload); got != c.want || len(a.appended) != 0 {
			t.Errorf("%s: %q, %d facts", c.name, got, len(a.appended))
		}
	}
}

func TestBlockedLimit(t *testing.T) {
	t.Parallel()
	a := newAccount(romeo)
	if got := ask(t, Set, a, blockIQ(many(MaxBlocked)...)); got != "" || len(a.facts[schemas.Family_BLOCK_FACTS]) != MaxBlocked {
		t.Error("at the limit:", got)
	}
	if got := ask(t, Set, a, blockIQ(many(MaxBlocked)[:3]...)); got != "" {
		t.Error("the same again:", got)
	}
	if got := ask(t, Set, a, blockIQ("one@more")); got != "policy-violation" || len(a.appended) != MaxBlocked {
		t.Error("beyond the limit:", got)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		blocked string
		matches []string
		not     []string
	}{
		{"u@d/r", []string{"u@d/r"}, []string{"u@d", "u@d/x", "d", "d/r"}},
		{"u@d", []string{"u@d", "u@d/r", "u@d/a/b@c"}, []string{"d", "d/r", "x@d", "uu@d", "u@dd"}},
		{"d/r", []string{"d/r", "u@d/r"}, []string{"d", "u@d", "u@d/x", "d/x"}},
		{"d", []string{"d", "d/r", "u@d", "u@d/r"}, []string{"x.d", "u@x.d", "x/d", "u@x/d"}},
	} {
		b := NewBlocks(c.blocked)
		for _, j := range c.matches {
			if !b.Match(j) {
				t.Errorf("XEP-0191 §6: %s does not match %s", c.blocked, j)
			}
		}
		for _, j := range c.not {
			if b.Match(j) {
				t.Errorf("XEP-0191 §6: %s matches %s", c.blocked, j)
			}
		}
	}
	var none *Blocks
	if none.Match("a@b") || none.Len() != 0 || none.Addresses() != nil || NewBlocks().Match("a@b") {
		t.Error("an empty list matches")
	}
	wellFormed(t, Blocked().Append(nil))
}

func BenchmarkMatch(b *testing.B) {
	blocks := NewBlocks("a@b", "c@d", "e.example")
	b.ReportAllocs()
	for b.Loop() {
		blocks.Match("romeo@example.net/orchard")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("u@d/r", "u@d")
	f.Add("d/a@b", "d")
	f.Fuzz(func(t *testing.T, j, blocked string) {
		if !NewBlocks(j, blocked).Match(j) {
			t.Fatal("an address does not match itself")
		}
	})
}
