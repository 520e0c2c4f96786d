package transfers

import (
	"net"
	"os/exec"
	"testing"
)

// A client of another make uploads, downloads, and sends bytes through the proxy and in band.
func TestSlixmpp(t *testing.T) {
	t.Parallel()
	s := start(t)
	host, port, err := net.SplitHostPort(s.Addr)
	must(t, err)
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "../clients/drivers/slixmpp_transfer.py", host, port, s.CA(),
		"user1@localhost", "secret", "user2@localhost", "secret").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
