package hostile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"protokoll/test/wire"
)

// loadRows: sessions, quotas, sizes.
var loadRows = []row{
	{"H67", func(t *testing.T) {
		for h, want := range map[string][]string{
			"4294967295": {"undefined-condition"}, "7": {"undefined-condition"},
			"-1": {"bad-format", "invalid-xml", "undefined-condition"}, "x": {"bad-format", "invalid-xml", "undefined-condition"},
			"": {"bad-format", "invalid-xml", "undefined-condition"}, "4294967296": {"bad-format", "invalid-xml", "undefined-condition"},
		} {
			s := bound(t)
			s.send(t, "<enable xmlns='"+wire.NSSM+"' resume='true'/>")
			if n, err := s.Next(); err != nil || !n.Is(wire.NSSM, "enabled") {
				t.Fatalf("not enabled: %v %v", n, err)
			}
			s.send(t, "<a xmlns='"+wire.NSSM+"' h='"+h+"'/>")
			e := s.streamError(t, want...)
			if _, err := strconv.ParseUint(h, 10, 32); err == nil && e.Child(wire.NSSM, "handled-count-too-high") == nil {
				t.Errorf("h=%s: no handled-count-too-high (XEP-0198 §4):\n%v", h, e)
			}
		}
	}},
	{"H70", func(t *testing.T) {
		user := pool.Account()
		const wanted = 1000
		kept, ended := 0, 0
		var all []*session
		for i := range wanted {
			s := secure(t)
			s.user = user
			if _, err := s.SignIn("PLAIN", user, password); err != nil {
				ended++
				break
			}
			if _, err := s.Bind("r" + strconv.Itoa(i)); err != nil {
				if !strings.Contains(err.Error(), "resource-constraint") {
					t.Fatalf("bind %d: %v", i, err)
				}
				ended++
				break
			}
			kept++
			all = append(all, s)
			if n, err := all[0].NextWithin(1); err == nil && n.Is(wire.NSStream, "error") {
				oneOf(t, "the oldest", condition(n, wire.NSError), "conflict", "policy-violation", "resource-constraint")
				ended++
				break
			} else if errors.Is(err, wire.ErrStreamEnd) {
				ended++
				break
			}
		}
		if ended == 0 {
			t.Errorf("%d resources were bound without a limit", kept)
		}
		t.Logf("%d resources of one account", kept)
	}},
	{"H74", func(t *testing.T) {
		s, away := bound(t), pool.Account()+"@"+target.Domain
		const messages, window = 6000, 200
		s.send(t, "<enable xmlns='"+wire.NSSM+"'/>")
		if n, err := s.Next(); err != nil || !n.Is(wire.NSSM, "enabled") {
			t.Fatalf("not enabled: %v %v", n, err)
		}
		refused := 0
		for sent := window; sent <= messages; sent += window {
			var batch strings.Builder
			for i := range window {
				fmt.Fprintf(&batch, "<message type='chat' id='h74-%d' to='%s'><body>%s</body></message>", sent+i, away, needle)
			}
			s.send(t, batch.String()+"<r xmlns='"+wire.NSSM+"'/>")
			refused += s.refusals(t, strconv.Itoa(sent))
		}
		if refused == 0 {
			t.Errorf("%d messages were kept for one who is away, without a limit", messages)
		}
		t.Logf("%d of %d refused", refused, messages)
		s = bound(t)
		for i := range 200 {
			id := fmt.Sprintf("h74-nobody-%d", i)
			s.send(t, "<message type='chat' id='"+id+"' to='nobody-at-all@"+target.Domain+"'><body>x</body></message>")
			s.stanzaError(t, id, "service-unavailable")
		}
	}},
	{"H75", func(t *testing.T) {
		for name, payload := range map[string]func(string) string{
			"vCard": func(x string) string {
				return "<vCard xmlns='vcard-temp'><PHOTO><BINVAL>" + x + "</BINVAL></PHOTO></vCard>"
			},
			"private": func(x string) string {
				return "<query xmlns='jabber:iq:private'><x xmlns='urn:x'>" + x + "</x></query>"
			},
		} {
			s := bound(t)
			s.send(t, "<iq type='set' id='h75'>"+payload(strings.Repeat("A", 240<<10))+"</iq>")
			s.stanzaError(t, "h75", "policy-violation", "not-allowed", "resource-constraint", "not-acceptable")
			s = bound(t)
			s.try("<iq type='set' id='h75'>" + payload(strings.Repeat("A", 10<<20)) + "</iq>")
			t.Run(name, func(t *testing.T) { s.streamError(t, "policy-violation") })
		}
	}},
}

// refusals counts the messages that come back until everything up to h is acknowledged. XEP-0198 §4
func (s *session) refusals(t *testing.T, h string) int {
	t.Helper()
	refused := 0
	for {
		n, err := s.Next()
		if err != nil {
			t.Fatalf("waiting for <a h='%s'/>: %v", h, err)
		}
		switch {
		case n.Is(wire.NSSM, "a") && n.Get("h") == h:
			return refused
		case n.Is(wire.NSSM, "r"):
			s.send(t, "<a xmlns='"+wire.NSSM+"' h='"+strconv.Itoa(s.received)+"'/>")
		case n.Name.Space == wire.NSSM:
		case n.Get("type") == "error":
			refused++
			s.received++
			oneOf(t, "over quota", condition(n.Child(wire.NSClient, "error"), wire.NSStanza), "service-unavailable", "resource-constraint")
		default:
			t.Fatalf("unexpected:\n%v", n)
		}
	}
}
