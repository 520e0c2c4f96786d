package ldap_test

import (
	"strings"
	"testing"

	"protokoll/test/ldap"
)

func TestStartStopRestart(t *testing.T) {
	t.Parallel()
	s := ldap.Start(t, t.TempDir(), 10)
	t.Cleanup(s.Stop)
	port := s.Port
	s.Stop()
	s.Restart(t)
	if s.Port != port {
		t.Errorf("after a restart on port %d, before on %d", s.Port, port)
	}
	if n := strings.Count(s.Log(t), "slapd starting"); n != 2 {
		t.Errorf("slapd started %d times, want 2", n)
	}
}
