package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"protokoll/xmpp/router"
	"protokoll/xmpp/session"
)

// full is a server on which nobody has room for more than one waiting message, and that waits long for acknowledgements.
func full(t *testing.T, change ...func(*server)) *server {
	return newServer(t, append([]func(*server){func(s *server) {
		s.accounts, s.limits = router.Limits{Letters: 1}, session.Limits{Cap: time.Minute}
	}}, change...)...)
}

// refused sends two messages of which the second is refused, and reads the error without acknowledging it.
func refused(t *testing.T, s *server) (anna *client) {
	t.Helper()
	anna = s.managed("anna", "desk")
	anna.send(message("bert", "m1", "first") + ackRequest)
	anna.until("h='3'/>")
	anna.send(message("bert", "m2", "second") + ackRequest)
	anna.until("id='m2' type='error'")
	anna.until("</message>")
	return anna
}

func (s *server) resume(c *client, h int) (back *client, answer string) {
	s.t.Helper()
	back = s.connect(c.name)
	back.id = c.id
	back.send(fmt.Sprintf("<resume xmlns='%s' previd='%s' h='%d'/>", smNS, c.id, h))
	return back, back.until("/>")
}

// TestErrorMustBeRead is promise 1 where a message was refused: the error lies in the client's queue, which does not outlive the
// process, so the stanza is acknowledged when the error is.
func TestErrorMustBeRead(t *testing.T) {
	t.Parallel()
	s := full(t)
	anna := refused(t, s)
	if got := anna.sync(); strings.Contains(got, "h='4'") || strings.Contains(got, "h='5'") {
		t.Errorf("acknowledged although nobody knows whether the error was read: %s", got)
	}
	anna.ack(anna.stanzas() + 1)
	anna.until("<a xmlns='" + smNS + "' h='5'/>") // roster, presence, both messages, the ping
}

// TestErrorLostByRestart: who did not acknowledge the error sends the message again, and hears of it.
func TestErrorLostByRestart(t *testing.T) {
	t.Parallel()
	s := full(t)
	anna := refused(t, s)
	anna.drop()
	s.restart()
	back, answer := s.resume(anna, anna.stanzas())
	if !strings.Contains(answer, "<resumed") || !strings.Contains(answer, "h='3'") {
		t.Fatalf("the refused message counts: %s", answer)
	}
	back.send(message("bert", "m2", "second"))
	back.until("id='m2' type='error'")
}

// TestErrorComesAgain: within one process the answer to a resumption counts the refused message, and the error follows.
func TestErrorComesAgain(t *testing.T) {
	t.Parallel()
	s := full(t)
	anna := refused(t, s)
	anna.drop()
	back, answer := s.resume(anna, anna.stanzas())
	if !strings.Contains(answer, "h='4'") {
		t.Errorf("does not count: %s", answer)
	}
	back.until("id='m2' type='error'")
	back.ack(back.stanzas() + 1)
	back.sync()
}

// TestErrorNeverAcknowledged: a client that acknowledges nothing is not made to wait without end: the <a/> follows the error.
func TestErrorNeverAcknowledged(t *testing.T) {
	t.Parallel()
	s := full(t, func(s *server) { s.limits = session.Limits{} })
	anna := refused(t, s)
	anna.until("<a xmlns='" + smNS + "' h='4'/>")
}

// TestErrorsOfAllKinds: not only what finds no room is refused.
func TestErrorsOfAllKinds(t *testing.T) {
	t.Parallel()
	s := full(t)
	for name, stanza := range map[string]string{
		"nobody":       message("nobody", "x", "hello"),
		"no address":   "<message to='@@' id='x'><body>hello</body></message>",
		"subscription": "<presence to='anna@example.org' type='subscribe' id='x'/>",
		"presence":     "<presence to='elsewhere.example' id='x' type='unavailable'/>",
	} {
		anna := s.managed("anna", "desk")
		anna.send(stanza + ackRequest)
		anna.until("id='x' type='error'")
		anna.until(">")
		if got := anna.sync(); strings.Contains(got, "h='3'") || strings.Contains(got, "h='4'") {
			t.Errorf("%s: acknowledged: %s", name, got)
		}
		anna.ack(anna.stanzas() + 1)
		anna.until("h='4'/>")
		anna.leave()
	}
}
