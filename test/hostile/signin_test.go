package hostile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// attempt sends one <auth/> on a fresh stream and returns the condition of the failure, "" when it succeeded.
func attempt(t *testing.T, to wire.Target, auth string) string {
	t.Helper()
	s := openedAt(t, to)
	s.try(auth)
	return s.verdict(t)
}

func (s *session) verdict(t *testing.T) string {
	t.Helper()
	n, err := s.Next()
	switch {
	case err != nil:
		t.Fatalf("no answer to a sign-in: %v", err)
	case n.Is(wire.NSSASL, "success"):
		return ""
	case n.Is(wire.NSSASL, "failure"):
		return condition(n, wire.NSSASL)
	}
	return condition(n, wire.NSError)
}

func oneOf(t *testing.T, name, got string, allowed ...string) {
	t.Helper()
	if !slices.Contains(allowed, got) {
		t.Errorf("%s: answered %q, not %v", name, got, allowed)
	}
}

// signInRows: who is it.
var signInRows = []row{
	{"H37", func(t *testing.T) {
		there, one, two := from("127.37.0.1"), pool.Account(), pool.Account()
		for _, authzid := range []string{two + "@" + target.Domain, two, "somebody@elsewhere.example"} {
			got := attempt(t, there, wire.Auth("PLAIN", authzid+"\x00"+one+"\x00"+password))
			oneOf(t, authzid, got, "invalid-authzid", "not-authorized")
		}
		// one's own is fine
		oneOf(t, "own", attempt(t, there, wire.Auth("PLAIN", one+"@"+target.Domain+"\x00"+one+"\x00"+password)), "")
	}},
	{"H38", func(t *testing.T) {
		there, user := from("127.38.0.1"), pool.Account()
		bad := []string{"malformed-request", "incorrect-encoding", "not-authorized"}
		for name, response := range map[string]string{
			"no NUL": user + password, "one NUL": user + "\x00" + password, "three NULs": "\x00" + user + "\x00" + password + "\x00",
			"no user": "\x00\x00" + password, "no password": "\x00" + user + "\x00",
		} {
			oneOf(t, name, attempt(t, there, wire.Auth("PLAIN", response)), bad...)
		}
		there = from("127.38.0.2")
		for name, text := range map[string]string{"no base64": "=AAAA", "cut base64": "AAA", "elements": "<x/>", "equals": "="} {
			oneOf(t, name, attempt(t, there, "<auth xmlns='"+wire.NSSASL+"' mechanism='PLAIN'>"+text+"</auth>"), append(bad, "policy-violation", "bad-format")...)
		}
		oneOf(t, "1 MiB", attempt(t, from("127.38.0.3"), "<auth xmlns='"+wire.NSSASL+"' mechanism='PLAIN'>"+strings.Repeat("A", 1<<20)+"</auth>"), append(bad, "policy-violation")...)
		oneOf(t, "no mechanism", attempt(t, from("127.38.0.4"), "<auth xmlns='"+wire.NSSASL+"'>AAAA</auth>"), append(bad, "invalid-mechanism")...)
	}},
	{"H39", func(t *testing.T) {
		for i, name := range []string{"*)(uid=*", "\\00", "a,ou=people", "*", strings.Repeat("n", 4<<10), "../user1", "user1;drop"} {
			got := attempt(t, from("127.39.0."+string(rune('1'+i))), wire.Auth("PLAIN", "\x00"+name+"\x00"+password))
			oneOf(t, name[:min(len(name), 12)], got, "not-authorized", "malformed-request")
		}
	}},
	{"H40", func(t *testing.T) {
		user := pool.Account()
		digits := strings.TrimPrefix(user, "user")
		for i, name := range []string{"ｕser" + digits, "u\u200Dser" + digits, "u\u00ADser" + digits, "u\u017Fer" + digits, "USER" + digits, "u\u0455er" + digits, user + "\u0301"} {
			s := openedAt(t, from("127.40.0."+string(rune('1'+i))))
			s.send(t, wire.Auth("PLAIN", "\x00"+name+"\x00"+password))
			if got := s.verdict(t); got != "" {
				oneOf(t, name, got, "not-authorized", "malformed-request")
				continue
			}
			if _, err := s.Open(); err != nil {
				t.Fatal(err)
			}
			if full, err := s.Bind("r"); err != nil || full != user+"@"+target.Domain+"/r" {
				t.Errorf("%q is %q, %v", name, full, err)
			}
		}
	}},
	{"H41", func(t *testing.T) {
		there, user := from("127.41.0.1"), pool.Account()
		sasl := func(name, text string) string {
			return "<" + name + " xmlns='" + wire.NSSASL + "'>" + text + "</" + name + ">"
		}
		right := wire.Auth("PLAIN", "\x00"+user+"\x00"+password)
		bad := []string{"malformed-request", "aborted", "not-authorized", "unsupported-stanza-type", "policy-violation", "bad-format"}
		oneOf(t, "response alone", attempt(t, there, sasl("response", "AAAA")), bad...)
		oneOf(t, "abort alone", attempt(t, there, sasl("abort", "")), bad...)
		oneOf(t, "success", attempt(t, there, sasl("success", "")), bad...)
		oneOf(t, "challenge", attempt(t, there, sasl("challenge", "")), bad...)
		// two at once: the second is part of the first exchange or of the next, and never signs in beside it
		s := openedAt(t, from("127.41.0.2"))
		s.send(t, wire.Auth("PLAIN", "\x00"+user+"\x00wrong")+right)
		oneOf(t, "first of two", s.verdict(t), "not-authorized")
		s = openedAt(t, from("127.41.0.3"))
		s.send(t, "<auth xmlns='"+wire.NSSASL+"' mechanism='SCRAM-SHA-256'>"+"</auth>"+sasl("abort", ""))
		got, err := s.Next()
		if err == nil && got.Is(wire.NSSASL, "challenge") {
			got, err = s.Next()
		}
		if err != nil || got.Is(wire.NSSASL, "success") {
			t.Errorf("aborted exchange: %v %v", got, err)
		}
	}},
	{"H45", func(t *testing.T) {
		user, there := pool.Account(), from("127.45.0.1")
		s := openedAt(t, there)
		tries := 0
		for ; tries < 7; tries++ {
			s.try(wire.Auth("PLAIN", "\x00"+user+"\x00wrong"))
			n, err := s.Next()
			if err != nil {
				break
			}
			if n.Is(wire.NSStream, "error") {
				oneOf(t, "too many", condition(n, wire.NSError), "policy-violation", "not-authorized")
				break
			}
			if !n.Is(wire.NSSASL, "failure") {
				t.Fatalf("a wrong password was answered by\n%v", n)
			}
		}
		if tries < 2 || tries > 5 {
			t.Errorf("the stream ended after %d wrong passwords, RFC 6120 §6.4.5 says 2 to 5", tries)
		}
		// however often it went wrong from there, the owner signs in elsewhere
		for range 6 {
			c, err := wire.Dial(there)
			if err != nil {
				continue
			}
			t.Cleanup(c.Drop)
			if err := c.StartTLS(); err != nil {
				continue
			}
			if _, err := c.SignIn("PLAIN", user, "wrong"); err != nil && !errors.Is(err, wire.ErrNotAuthorized) {
				continue
			}
		}
		oneOf(t, "owner", attempt(t, from("127.45.0.2"), wire.Auth("PLAIN", "\x00"+user+"\x00"+password)), "")
	}},
}
