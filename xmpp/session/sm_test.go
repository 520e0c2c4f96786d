package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"protokoll/xmpp/router"
	"protokoll/xmpp/session"
)

const ackRequest = "<r xmlns='" + smNS + "'/>"

// TestHostileAcks is H67.
func TestHostileAcks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for h, want := range map[string]string{
		"4294967295": "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='4294967295' send-count='",
		"-1":         "<bad-format", "x": "<bad-format", "": "<bad-format",
	} {
		c := s.bind("anna", "desk"+h)
		c.enable()
		c.available()
		c.send("<a xmlns='" + smNS + "' h='" + h + "'/>")
		c.until(want)
		c.until("</stream:stream>")
	}
}

func TestEnableTwiceAndUnbound(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.connect("anna")
	c.send("<enable xmlns='" + smNS + "'/>")
	c.until("<failed xmlns='" + smNS + "'><unexpected-request")
	c = s.bind("anna", "desk")
	c.send("<r xmlns='" + smNS + "'/>")
	c.until("<unsupported-stanza-type")
	c = s.bind("anna", "desk")
	c.enable()
	c.send("<enable xmlns='" + smNS + "'/>")
	c.until("<unexpected-request")
}

// TestQueueOverflow is H68: the queue is bounded, and nothing of it is lost.
func TestQueueOverflow(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.limits = session.Limits{Queue: 20} })
	anna := s.online("anna", "desk")
	bert := s.managed("bert", "phone") // acknowledges nothing from here on
	const n = 60
	for i := range n {
		anna.send(message("bert", fmt.Sprint("m", i), fmt.Sprint("text ", i, ".")))
	}
	bert.until("<policy-violation")
	anna.sync()
	again := s.online("bert", "new")
	got := again.until(fmt.Sprint("text ", n-1, "."))
	for i := range n {
		if strings.Count(got, fmt.Sprint("text ", i, ".")) != 1 {
			t.Errorf("message %d came %d times", i, strings.Count(got, fmt.Sprint("text ", i, ".")))
		}
	}
}

// TestHibernating is H69: an account keeps at most so many sessions that wait, the oldest goes.
func TestHibernating(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.limits = session.Limits{Hibernating: 2} })
	var lost []*client
	for i := range 4 {
		c := s.managed("anna", fmt.Sprint("r", i))
		c.drop()
		lost = append(lost, c)
		awaitLen(t, s, min(i+1, 2))
	}
	c := s.connect("anna")
	c.send("<resume xmlns='" + smNS + "' previd='" + lost[0].id + "' h='2'/>")
	c.until("<failed xmlns='" + smNS + "'><item-not-found")
	c.send("<resume xmlns='" + smNS + "' previd='" + lost[3].id + "' h='2'/>")
	c.until("<resumed")
	other := s.connect("bert")
	other.send("<resume xmlns='" + smNS + "' previd='" + lost[2].id + "' h='2'/>") // H47
	other.until("<item-not-found")
}

// awaitLen waits until the server has so many sessions; ends are noticed on the server's own time.
func awaitLen(t *testing.T, s *server, n int) {
	t.Helper()
	for range 200 {
		if s.sessions.Len() == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d sessions, not %d", s.sessions.Len(), n)
}

// TestResources is H70.
func TestResources(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.accounts = router.Limits{Resources: 3} })
	for i := range 3 {
		s.bind("anna", fmt.Sprint("r", i))
	}
	c := s.connect("anna")
	c.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	c.until("<resource-constraint")
	c.until("<resource-limit-exceeded xmlns='urn:xmpp:errors'/>")
	c.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r1</resource></bind></iq>")
	c.until("anna@example.org/r1</jid>") // in the place of the old one
}

// TestSameResource: the new session takes over what the old one had not acknowledged.
func TestSameResource(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.managed("anna", "desk"), s.managed("bert", "phone")
	anna.send(message("bert", "m1", "hello"))
	bert.until("<body>hello</body>")
	again := s.managed("bert", "phone")
	bert.until("<conflict")
	again.until("<body>hello</body>")
	again.ack(again.stanzas() + 1)
	again.sync()
	again.leave()
	if got := s.online("bert", "other").sync(); strings.Contains(got, "<body>") {
		t.Errorf("delivered twice: %s", got)
	}
}

// TestOneAcknowledgementIsEnough is F52: the phone acknowledges what the desktop never does.
func TestOneAcknowledgementIsEnough(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, desk, phone := s.managed("anna", "desk"), s.bind("bert", "desk"), s.bind("bert", "phone")
	for _, c := range []*client{desk, phone} {
		c.enable()
		c.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
		c.until("id='c'")
		c.send("<presence/>")
		c.until("<presence from='bert@example.org/" + map[*client]string{desk: "desk", phone: "phone"}[c])
	}
	anna.send("<message to='bert@example.org/desk' type='chat' id='m1'><body>hello</body></message>" + ackRequest)
	desk.until("<body>hello</body>")
	copied := phone.until("</message></forwarded></received></message>")
	if !strings.Contains(copied, "<received xmlns='urn:xmpp:carbons:2'>") {
		t.Errorf("no carbon: %s", copied)
	}
	phone.ack(4) // carbons result, two presences, the carbon
	anna.until("h='3'/>")
	desk.leave()
	phone.sync()
	phone.leave()
	if got := s.online("bert", "new").sync(); strings.Contains(got, "<body>") {
		t.Errorf("delivered again: %s", got)
	}
}

// TestBothDie is F52: nobody acknowledged, so it comes once to the next client.
func TestBothDie(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, one, two := s.managed("anna", "desk"), s.managed("bert", "one"), s.managed("bert", "two")
	anna.send(message("bert", "m1", "hello") + ackRequest)
	one.until("<body>hello</body>")
	two.until("<body>hello</body>")
	anna.until("h='3'/>")
	one.drop()
	two.drop()
	awaitHibernation(one, s)
	next := s.online("bert", "one") // takes over what its twin had
	next.sync()
	back := s.connect("bert")
	back.send("<resume xmlns='" + smNS + "' previd='" + two.id + "' h='3'/>") // roster, two presences
	back.until("<body>hello</body>")
	back.ack(4)
	back.sync()
	back.leave()
	next.leave()
	if got := s.online("bert", "new").sync(); strings.Contains(got, "<body>") {
		t.Errorf("delivered again: %s", got)
	}
}

func awaitHibernation(c *client, s *server) { c.t.Helper(); s.online("cleo", "sync").sync() }

// TestSenderWindow is F51: a client with ten stanzas in flight that asks for each, over a recipient that never acknowledges.
func TestSenderWindow(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.managed("anna", "desk"), s.managed("bert", "phone")
	for i := range 10 {
		anna.send(message("bert", fmt.Sprint("m", i), "hello") + ackRequest)
	}
	anna.send("<iq type='get' id='now' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	if got := anna.until("id='now'"); strings.Contains(got, "h='12'") {
		t.Errorf("acknowledged what nobody has: %s", got)
	}
	anna.until("h='13'/>")
	bert.sync()
}

// TestNoCircle is F51: a client that answers each <a/> with an <r/> is not answered without end.
func TestNoCircle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna := s.managed("anna", "desk")
	anna.send(ackRequest)
	began := time.Now()
	rounds := 0
	for time.Since(began) < time.Second {
		anna.until("<a xmlns='" + smNS + "' h='2'/>")
		anna.send(ackRequest)
		rounds++
	}
	if rounds > 20 {
		t.Errorf("%d rounds in a second", rounds)
	}
}

// TestRequestUnanswered: who asked a client that never came back gets an error.
func TestRequestUnanswered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.online("anna", "desk"), s.managed("bert", "phone")
	anna.send("<iq type='get' id='q1' to='bert@example.org/phone'><query xmlns='jabber:iq:version'/></iq>")
	bert.until("id='q1'")
	bert.leave()
	anna.until("<iq from='bert@example.org/phone' to='anna@example.org/desk' id='q1' type='error'>")
	anna.send("<iq type='get' id='q2' to='bert@example.org/phone'><query xmlns='jabber:iq:version'/></iq>")
	anna.until("id='q2' type='error'><error type='cancel'><service-unavailable")
}

// TestResendAfterLoss is promise 1 from the sender's side: what was not acknowledged may be sent again, and comes once.
func TestResendAfterLoss(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna := s.managed("anna", "desk")
	anna.send(message("bert", "m1", "hello"))
	anna.sync()
	anna.drop()
	back := s.connect("anna")
	back.send("<resume xmlns='" + smNS + "' previd='" + anna.id + "' h='2'/>")
	got := back.until("/>")
	if !strings.Contains(got, "h='4'") { // roster, presence, message, ping
		t.Errorf("the server forgot what it stored: %s", got)
	}
	back.send(message("bert", "m1", "hello"))
	back.sync()
	bert := s.online("bert", "phone")
	if got := bert.sync(); strings.Count(got, "<body>hello</body>") != 1 {
		t.Errorf("not once: %s", got)
	}
}

// TestMessageToOneself: to the own bare JID it goes to the resources, once each.
func TestMessageToOneself(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	desk, phone := s.bind("anna", "desk"), s.bind("anna", "phone")
	for _, c := range []*client{desk, phone} {
		c.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq><presence/>")
		c.until("id='c'")
		c.sync()
	}
	desk.send(message("anna", "m1", "note"))
	for _, c := range []*client{desk, phone} {
		c.until("<body>note</body>")
		if got := c.sync(); strings.Contains(got, "<body>note</body>") {
			t.Errorf("%s got it twice: %s", c.name, got)
		}
	}
}

// TestHostileSender is H49 and what else a bound client must not say.
func TestHostileSender(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for stanza, want := range map[string]string{
		"<message from='bert@example.org/x' to='cleo@example.org'><body>x</body></message>":     "<invalid-from",
		"<message from='anna@example.org/other' to='cleo@example.org'><body>x</body></message>": "<invalid-from",
		"<message xmlns='jabber:server' to='cleo@example.org'/>":                                "<invalid-namespace",
		"<bogus xmlns='urn:bogus'/>":                                                                                    "<unsupported-stanza-type",
		"<features xmlns='http://etherx.jabber.org/streams'/>":                                                          "<unsupported-stanza-type",
		"<message to='cleo@example.org'><error xmlns='http://etherx.jabber.org/streams'/></message>":                    "<bad-request",
		"<iq type='bogus' id='1'/>":                                                                                     "<bad-request",
		"<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>":                                                             "<bad-request",
		"<iq type='get' id='1' to='@@'><ping xmlns='urn:xmpp:ping'/></iq>":                                              "<jid-malformed",
		"<iq type='set' id='1' to='bert@example.org'><query xmlns='jabber:iq:roster'><item jid='evil@x'/></query></iq>": "<service-unavailable",
		"<presence type='subscribe' to='anna@example.org'/>":                                                            "<not-allowed",
		"<presence type='bogus' to='bert@example.org'/>":                                                                "<bad-request",
	} {
		c := s.online("anna", "desk")
		c.send(stanza)
		c.until(want)
	}
	c := s.connect("anna")
	c.send("<message to='bert@example.org'><body>before bind</body></message>") // H3
	c.until("<not-authorized")
}

// TestUnopened: a person of the directory who never signed in gets an account with the first message; everything behind it
// waits its turn, and a stranger stays one.
func TestUnopened(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.directory = []string{"emil"} })
	anna := s.managed("anna", "desk")
	anna.send(message("emil", "m1", "welcome") + message("emil", "m2", "second") + message("nobody", "m3", "x") + ackRequest)
	anna.until("id='m3' type='error'><error type='cancel'><service-unavailable")
	anna.until("h='5'/>")
	anna.send("<presence type='subscribe' to='emil@example.org'/>")
	anna.until("ask='subscribe'")
	emil := s.online("emil", "phone")
	got := emil.sync() + emil.sync()
	if i, j := strings.Index(got, "welcome"), strings.Index(got, "second"); i < 0 || j < i || !strings.Contains(got, "type='subscribe'") {
		t.Errorf("emil got %s", got)
	}
}

// TestBurstOfAnswers: who asks much at once gets as much at once, and is not taken for a client that never acknowledges.
func TestBurstOfAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.limits = session.Limits{Queue: 20} })
	c := s.managed("anna", "desk")
	var burst strings.Builder
	for i := range 80 {
		fmt.Fprintf(&burst, "<iq type='get' id='q%d' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>", i)
	}
	c.send(burst.String())
	c.until("id='q79'")
	c.until(">")
	c.ack(c.stanzas() + 80)
	for i := range 30 { // its limit for what others send is untouched
		c.send(fmt.Sprintf("<a xmlns='%s' h='%d'/>", smNS, c.stanzas()+80+i))
		c.send(fmt.Sprintf("<iq type='get' id='r%d' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>", i))
		c.until(fmt.Sprintf("id='r%d'", i))
	}
}
