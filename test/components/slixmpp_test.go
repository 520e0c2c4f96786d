package components

import (
	"net"
	"os/exec"
	"testing"
)

// TestSlixmpp is a gateway of another make, and a user of it.
func TestSlixmpp(t *testing.T) {
	t.Parallel()
	s := start(t)
	host, port, err := net.SplitHostPort(s.Addr)
	must(t, err)
	_, components, err := net.SplitHostPort(s.components)
	must(t, err)
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "../clients/drivers/slixmpp_component.py", host, port, s.CA(),
		"user1@localhost", "secret", components, gateway, secret).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
