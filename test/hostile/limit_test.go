package hostile

import (
	"strconv"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// limitRows: too much of everything.
var limitRows = []row{
	{"H28", func(t *testing.T) {
		s := opened(t)
		s.try("<auth xmlns='" + wire.NSSASL + "' mechanism='PLAIN'>" + strings.Repeat("A", 8193) + "</auth>")
		s.streamError(t, "policy-violation")
		s = opened(t)
		s.try("<auth xmlns='" + wire.NSSASL + "' mechanism='PLAIN'>" + strings.Repeat("<a/>", 33) + "</auth>")
		s.streamError(t, "policy-violation")
	}},
	{"H29", func(t *testing.T) {
		s := secure(t)
		s.user = pool.Account()
		features, err := s.SignIn("PLAIN", s.user, password)
		if err != nil {
			t.Fatal(err)
		}
		// XEP-0478 §3: what is announced is what is enforced.
		announced := features.Find("urn:xmpp:stream-limits:0", "max-bytes")
		if announced == nil {
			t.Fatalf("no limit is announced:\n%v", features)
		}
		limit, err := strconv.Atoi(announced.Content())
		if err != nil || limit < 10_000 {
			t.Fatalf("the limit announced is %q", announced.Content())
		}
		if s.full, err = s.Bind("hostile"); err != nil {
			t.Fatal(err)
		}
		s.send(t, sized(s.full, limit))
		if n := s.answer(t, "h29"); len(n.Child(wire.NSClient, "body").Content()) < limit/2 {
			t.Error("a stanza of the largest size did not come back whole")
		}
		s.try(sized(s.full, limit+1))
		if e := s.streamError(t, "policy-violation"); e.Child("urn:xmpp:errors", "stanza-too-big") == nil {
			t.Errorf("no stanza-too-big (XEP-0205 §4):\n%v", e)
		}
		s = bound(t) // an end never comes: the answer comes at the limit
		s.try("<message to='" + s.full + "'>" + strings.Repeat("<a>b</a>", limit/8))
		s.streamError(t, "policy-violation")
	}},
	{"H30", func(t *testing.T) {
		s := bound(t)
		s.try("<message to='" + s.full + "'>" + strings.Repeat("<a>", 10_000))
		s.streamError(t, "policy-violation")
	}},
	{"H31", func(t *testing.T) {
		many := map[string]string{
			"children":     "<message to='TO'>" + strings.Repeat("<a/>", 50_000) + "</message>",
			"attributes":   "<message to='TO'><x" + numbered(10_000, " a%='1'") + "/></message>",
			"declarations": "<message to='TO'><x" + numbered(5_000, " xmlns:a%='urn:a%'") + "/></message>",
		}
		each(t, []string{"policy-violation"}, many)
	}},
	{"H36", func(t *testing.T) {
		header := func(attributes string) string {
			return "<?xml version='1.0'?><stream:stream " + attributes + " xmlns='jabber:client' xmlns:stream='" + wire.NSStream + "'>"
		}
		for _, c := range []struct {
			name, attributes string
			conditions       []string
		}{
			{"no to", "version='1.0'", []string{"host-unknown", "improper-addressing"}},
			{"foreign to", "to='elsewhere.example' version='1.0'", []string{"host-unknown"}},
			{"broken to", "to='@@' version='1.0'", []string{"host-unknown", "improper-addressing"}},
			{"version 0.9", "to='" + target.Domain + "' version='0.9'", []string{"unsupported-version"}},
			{"long", "to='" + target.Domain + "' version='1.0' id='" + strings.Repeat("x", 64<<10) + "'", []string{"policy-violation"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				s := secure(t)
				s.try(header(c.attributes))
				if _, err := s.AnswerHeader(); err != nil {
					t.Fatalf("no header before the error (RFC 6120 §4.9.1.2): %v", err)
				}
				s.streamError(t, c.conditions...)
			})
		}
		// another's "from" is a hint and no more
		s, user := secure(t), pool.Account()
		s.send(t, header("to='"+target.Domain+"' from='somebody@"+target.Domain+"' version='1.0'"))
		if _, err := s.Answer(); err != nil {
			t.Fatal(err)
		}
		s.send(t, wire.Auth("PLAIN", "\x00"+user+"\x00"+password))
		if n, err := s.Next(); err != nil || n.Name.Local == "failure" {
			return
		}
		if _, err := s.Open(); err != nil {
			t.Fatal(err)
		}
		if full, err := s.Bind("r"); err != nil || full != user+"@"+target.Domain+"/r" {
			t.Errorf("bound %q, %v", full, err)
		}
	}},
}

// sized is a message of exactly n bytes to oneself.
func sized(to string, n int) string {
	head, tail := "<message type='chat' id='h29' to='"+to+"'><body>", "</body></message>"
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

// numbered repeats a pattern, % being the number.
func numbered(n int, pattern string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(pattern, "%", strconv.Itoa(i)))
	}
	return b.String()
}
