package session_test

import "testing"

// TestResumeWhileStopping: a session that the next start knows is not called unknown, or its client would throw it away.
func TestResumeWhileStopping(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	lost := s.managed("anna", "desk")
	lost.drop()
	back := s.connect("anna")
	s.sessions.Stopping()
	back.send("<resume xmlns='" + smNS + "' previd='" + lost.id + "' h='2'/>")
	back.until("<stream:error><system-shutdown")
	s.restart()
	back = s.connect("anna")
	back.send("<resume xmlns='" + smNS + "' previd='" + lost.id + "' h='2'/>")
	back.until("<resumed")
}
