package hostile

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// enable turns stream management with resumption on and returns the id to resume by. XEP-0198 §3
func (s *session) enable(t *testing.T) string {
	t.Helper()
	s.send(t, "<enable xmlns='"+wire.NSSM+"' resume='true'/>")
	n, err := s.Next()
	if err != nil || !n.Is(wire.NSSM, "enabled") || n.Get("id") == "" {
		t.Fatalf("not enabled: %v %v", n, err)
	}
	return n.Get("id")
}

// resume tries to resume a session as user, and tells how it was answered.
func resume(t *testing.T, user, id string) (*session, *wire.Node) {
	t.Helper()
	s := secure(t)
	s.signIn(t, user)
	s.send(t, "<resume xmlns='"+wire.NSSM+"' h='0' previd='"+wire.Escape(id)+"'/>")
	n, err := s.Next()
	if err != nil {
		t.Fatal(err)
	}
	return s, n
}

// resumeRows: stream management, XEP-0198.
var resumeRows = []row{
	{"H47", func(t *testing.T) {
		owner := bound(t)
		id := owner.enable(t)
		thief := pool.Account()
		for _, guess := range []string{id, strings.ToUpper(id), id + " ", id[:len(id)-1], ""} {
			s, n := resume(t, thief, guess)
			if !n.Is(wire.NSSM, "failed") {
				t.Fatalf("%q was answered by\n%v", guess, n)
			}
			oneOf(t, "stolen id", condition(n, wire.NSStanza), "item-not-found", "bad-request")
			s.Drop()
		}
		owner.quiet(t) // unharmed
		owner.Drop()
		if _, n := resume(t, owner.user, id); !n.Is(wire.NSSM, "resumed") {
			t.Errorf("the owner could not resume:\n%v", n)
		}
	}},
	{"H68", func(t *testing.T) {
		const messages = 700
		deaf, s := bound(t), bound(t)
		deaf.send(t, "<presence/>")
		deaf.quiet(t)
		deaf.enable(t)
		s.enable(t)
		for i := range messages {
			s.send(t, fmt.Sprintf("<message type='chat' id='h68-%d' to='%s'><body>%s</body></message>", i, deaf.bare, needle))
		}
		s.send(t, "<r xmlns='"+wire.NSSM+"'/>")
		deaf.streamError(t, "policy-violation", "resource-constraint")
		if refused := s.refusals(t, strconv.Itoa(messages)); refused > 0 {
			t.Errorf("%d messages were refused", refused)
		}
		again := boundAs(t, deaf.user, "again")
		again.enable(t)
		again.send(t, "<presence/>")
		for i := range messages { // every one, in order
			want := fmt.Sprintf("h68-%d", i)
			n := again.nextMessage(t, i)
			if n.Get("id") != want {
				t.Fatalf("came %q, not %q", n.Get("id"), want)
			}
		}
		if late := again.quiet(t); len(late) > 0 && late[0].Name.Local == "message" {
			t.Errorf("came twice:\n%v", late[0])
		}
	}},
	{"H69", func(t *testing.T) {
		const sessions, most = 14, 10
		user := pool.Account()
		var ids []string
		for i := range sessions {
			s := boundAs(t, user, "r"+strconv.Itoa(i))
			ids = append(ids, s.enable(t))
			s.Drop()
		}
		boundAs(t, user, "last").quiet(t)
		kept := 0
		for _, id := range ids {
			s, n := resume(t, user, id)
			if n.Is(wire.NSSM, "resumed") {
				kept++
			}
			s.Drop()
		}
		if kept == 0 || kept > most {
			t.Errorf("%d of %d sessions could be resumed, at most %d are kept", kept, sessions, most)
		}
	}},
}

// nextMessage reads the next message, acknowledging every hundredth.
func (s *session) nextMessage(t *testing.T, have int) *wire.Node {
	t.Helper()
	for {
		n, err := s.Next()
		if err != nil {
			t.Fatalf("after %d messages: %v", have, err)
		}
		if n.Name.Space == wire.NSClient {
			s.received++
		}
		switch {
		case n.Is(wire.NSSM, "r"):
			s.send(t, "<a xmlns='"+wire.NSSM+"' h='"+strconv.Itoa(s.received)+"'/>")
		case n.Is(wire.NSStream, "error"):
			t.Fatalf("after %d messages: stream error %s", have, condition(n, wire.NSError))
		case n.Name.Local == "message":
			return n
		}
	}
}
