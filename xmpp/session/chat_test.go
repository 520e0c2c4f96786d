package session_test

import (
	"strings"
	"testing"
	"time"

	"protokoll/xmpp/session"
)

func TestChat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.online("anna", "desk"), s.online("bert", "phone")
	anna.send(message("bert", "m1", "hello"))
	got := bert.until("</message>")
	for _, want := range []string{"from='anna@example.org/desk'", "id='m1'", "<body>hello</body>", "<stanza-id xmlns='urn:xmpp:sid:0' id='", " by='bert@example.org'/>"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	bert.send(message("anna", "m2", "hello too"))
	anna.until("<body>hello too</body>")
}

func TestAway(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna := s.online("anna", "desk")
	anna.send(message("bert", "m1", "one") + message("bert", "m2", "two"))
	anna.sync()
	bert := s.online("bert", "phone")
	got := bert.until("<body>two</body>")
	if !strings.Contains(got, "<body>one</body>") {
		t.Errorf("order: %s", got)
	}
	bert.until("<delay xmlns='urn:xmpp:delay' from='example.org' stamp='")
	bert.until("id='ping-1' type='get'")
	bert.send("<iq type='result' id='ping-1' to='example.org'/>")
	bert.sync()
	bert.leave()
	again := s.online("bert", "phone")
	if got := again.sync(); strings.Contains(got, "<message") {
		t.Errorf("delivered twice: %s", got)
	}
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.online("anna", "desk"), s.online("bert", "phone")
	anna.send("<presence type='subscribe' to='bert@example.org' id='s1'/>")
	anna.until("ask='subscribe'")
	bert.until("type='subscribe'")
	bert.send("<presence type='subscribed' to='anna@example.org'/>")
	bert.until("subscription='from'")
	anna.until("type='subscribed'")
	anna.until("subscription='to'")
	anna.until("<presence from='bert@example.org/phone' to='anna@example.org'")
	bert.drop()
	anna.until("<presence from='bert@example.org/phone' to='anna@example.org' type='unavailable'/>")
	bert = s.online("bert", "phone")
	anna.until("<presence from='bert@example.org/phone' to='anna@example.org'")
	bert.leave()
	anna.until("type='unavailable'/>")
}

func TestPendingRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna := s.online("anna", "desk")
	anna.send("<presence type='subscribe' to='bert@example.org'><status>it is me</status></presence>")
	anna.until("ask='subscribe'")
	for range 2 {
		bert := s.online("bert", "phone")
		bert.until("<presence from='anna@example.org' to='bert@example.org' type='subscribe'><status>it is me</status></presence>")
		bert.leave()
	}
	s.restart()
	s.online("bert", "phone").until("it is me")
}

func TestManaged(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.managed("anna", "desk"), s.managed("bert", "phone")
	anna.send(message("bert", "m1", "hello") + "<r xmlns='" + smNS + "'/>")
	bert.until("<body>hello</body>")
	bert.until("<r xmlns='" + smNS + "'/>")
	bert.ack(bert.stanzas() + 1)
	anna.until("<a xmlns='" + smNS + "' h='3'/>")
}

func TestManagedGrace(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.managed("anna", "desk"), s.managed("bert", "phone")
	anna.send(message("bert", "m1", "hello") + "<r xmlns='" + smNS + "'/>")
	bert.until("<body>hello</body>")
	anna.until("<a xmlns='" + smNS + "' h='3'/>") // stored
	bert.leave()                                  // without an acknowledgement
	again := s.managed("bert", "phone")
	again.until("<body>hello</body>")
	again.ack(again.stanzas() + 1)
	again.leave()
	if got := s.online("bert", "phone").sync(); strings.Contains(got, "<body>") {
		t.Errorf("delivered twice: %s", got)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.managed("anna", "desk"), s.managed("bert", "phone")
	bert.drop()
	anna.send(message("bert", "m1", "one") + message("bert", "m2", "two") + "<r xmlns='" + smNS + "'/>")
	anna.until("h='4'/>")
	back := s.connect("bert")
	back.send("<resume xmlns='" + smNS + "' previd='" + bert.id + "' h='2'/>")
	back.until("<resumed xmlns='" + smNS + "' previd='" + bert.id + "' h='2'/>")
	if got := back.until("<body>two</body>"); !strings.Contains(got, "<body>one</body>") {
		t.Errorf("order: %s", got)
	}
	back.ack(4)
	back.sync()
	back.leave()
	if got := s.online("bert", "phone").sync(); strings.Contains(got, "<body>") {
		t.Errorf("delivered twice: %s", got)
	}
}

func TestResumeAfterRestart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.managed("anna", "desk"), s.managed("bert", "phone")
	anna.send(message("bert", "m1", "one") + message("bert", "m2", "two") + "<r xmlns='" + smNS + "'/>")
	bert.until("<body>two</body>")
	anna.until("h='4'/>") // stored after the grace
	s.restart()
	back := s.connect("bert")
	back.send("<resume xmlns='" + smNS + "' previd='" + bert.id + "' h='3'/>") // had the first
	back.until("<resumed xmlns='" + smNS + "' previd='" + bert.id + "' h='2'/>")
	if got := back.until("<body>two</body>"); strings.Contains(got, "<body>one</body>") {
		t.Errorf("the first again: %s", got)
	}
	back.ack(4)
	sender := s.connect("anna")
	sender.send("<resume xmlns='" + smNS + "' previd='" + anna.id + "' h='2'/>")
	sender.until("<resumed xmlns='" + smNS + "' previd='" + anna.id + "' h='4'/>")
	sender.send(message("bert", "m3", "three"))
	back.until("<body>three</body>")
}

// TestGoneAfterRestart: who does not come back is unavailable when the window is over, and not before; who does is not.
func TestGoneAfterRestart(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.limits = session.Limits{Resume: 2 * time.Second} })
	anna, bert, cleo := s.managed("anna", "desk"), s.online("bert", "plain"), s.managed("cleo", "phone")
	for _, c := range []*client{bert, cleo} {
		anna.send("<presence type='subscribe' to='" + c.name + "@example.org'/>")
		c.until("type='subscribe'")
		c.send("<presence type='subscribed' to='anna@example.org'/>")
		anna.until("<presence from='" + c.name + "@example.org/")
	}
	anna.sync()
	s.restart()
	began := time.Now()
	back := s.connect("anna")
	back.send("<resume xmlns='" + smNS + "' previd='" + anna.id + "' h='2'/>")
	back.until("<resumed")
	shown := back.until("type='unavailable'/>") + back.until("type='unavailable'/>")
	for _, c := range []string{"bert@example.org/plain", "cleo@example.org/phone"} {
		if n := strings.Count(shown, "<presence from='"+c+"' to='anna@example.org'"); n < 2 {
			t.Errorf("%s %d times in %s", c, n, shown)
		}
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("unavailable after %v", took)
	}
	again := s.connect("cleo")
	again.send("<resume xmlns='" + smNS + "' previd='" + cleo.id + "' h='2'/>")
	again.until("<item-not-found")
}
