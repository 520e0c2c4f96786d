package features

import (
	"testing"
	"time"
)

func TestServerFacts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cite, payload, want string }{
		{"XEP-0092 §2", "<query xmlns='jabber:iq:version'/>",
			"<query xmlns='jabber:iq:version'><name>Protokoll</name><version>1.2 &lt;3&gt;</version></query>"},
		{"XEP-0202 §2", "<time xmlns='urn:xmpp:time'/>",
			"<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>2024-03-01T12:00:00.000Z</utc></time>"},
		{"XEP-0012 §5", "<query xmlns='jabber:iq:last'/>", "<query xmlns='jabber:iq:last' seconds='3600'/>"},
		{"XEP-0199 §4.2", "<ping xmlns='urn:xmpp:ping'/>", ""},
	} {
		if got := askServer(t, c.payload); got != c.want {
			t.Error(c.cite, got)
		}
	}
}

func TestLastActivity(t *testing.T) {
	t.Parallel()
	const query = "<query xmlns='jabber:iq:last'/>"
	for _, c := range []struct {
		name string
		seen LastSeen
		want string
	}{
		{"online", LastSeen{Online: true, At: epoch, Status: "x"}, "<query xmlns='jabber:iq:last' seconds='0'/>"},
		{"away", LastSeen{At: epoch.Add(-903 * time.Second), Status: "Heading <Home>"},
			"<query xmlns='jabber:iq:last' seconds='903'>Heading &lt;Home&gt;</query>"},
		{"clock set back", LastSeen{At: epoch.Add(time.Minute)}, "<query xmlns='jabber:iq:last' seconds='0'/>"},
		{"never", LastSeen{}, "item-not-found"},
	} {
		friend, own := newAccount(juliet, romeo), newAccount(romeo)
		friend.seen, own.seen = c.seen, c.seen
		if got := askContact(t, Get, friend, query); got != c.want {
			t.Error("XEP-0012 §3:", c.name, got)
		}
		if got := ask(t, Get, own, query); got != c.want {
			t.Error("own:", c.name, got)
		}
		stranger := newAccount(juliet)
		stranger.seen = c.seen
		if got := askContact(t, Get, stranger, query); got != "forbidden" {
			t.Error("H65:", c.name, got)
		}
	}
}

func TestSessionRequest(t *testing.T) {
	t.Parallel()
	if got := ask(t, Set, newAccount(romeo), "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"); got != "" {
		t.Error("RFC 3921 §3:", got)
	}
	wellFormed(t, []byte(SessionFeature))
}

func TestCarbonsSwitch(t *testing.T) {
	t.Parallel()
	r, s := newTestRegistry(), &session{}
	for _, on := range []string{"enable", "enable", "disable", "disable", "enable"} { // XEP-0280 §10.1
		req := request(t, Set, newAccount(romeo), "<"+on+" xmlns='urn:xmpp:carbons:2'/>")
		req.Session = s
		if _, got := serve(t, r, req); got != "" || s.carbons != (on == "enable") {
			t.Error(on, got, s.carbons)
		}
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	want := "<delay xmlns='urn:xmpp:delay' from='example.net' stamp='2024-03-01T12:00:00.000Z'>Off &amp; on</delay>"
	at := epoch.In(time.FixedZone("x", 3600))
	if got := string(AppendDelay(nil, domain, at, "Off & on")); got != want {
		t.Error("XEP-0203 §2:", got)
	}
	if got := string(AppendDelay(nil, domain, epoch, "")); got != "<delay xmlns='urn:xmpp:delay' from='example.net' stamp='2024-03-01T12:00:00.000Z'/>" {
		t.Error(got)
	}
}

// TestSwitchesNeedASession: a request that did not come over a session of ours is refused inside, not a crash.
func TestSwitchesNeedASession(t *testing.T) {
	t.Parallel()
	for k, payload := range map[Kind]string{
		Set: "<enable xmlns='urn:xmpp:carbons:2'/>", Get: "<blocklist xmlns='urn:xmpp:blocking'/>",
	} {
		req := request(t, k, newAccount(romeo), payload)
		req.Session = nil
		if _, got := serve(t, newTestRegistry(), req); got != "internal-server-error" {
			t.Error(payload, got)
		}
	}
}
