package clients

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
)

// patience is for one driver, which has limits of its own for each step.
const patience = 3 * time.Minute

var binary string

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

// person is somebody who can sign in.
type person struct{ jid, password string }

// place is a server that people can sign in to.
type place struct {
	addr, tlsAddr, ca string
	next              func() person
}

// TestDemo lets the clients use the demo.
func TestDemo(t *testing.T) {
	t.Parallel()
	s, err := server.Start(server.Options{Binary: binary, Accounts: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	pool := server.NewPool(20)
	useAll(t, place{addr: s.Addr, tlsAddr: s.TLSAddr, ca: s.CA(), next: func() person {
		return person{jid: pool.Account() + "@" + s.Domain, password: s.Password}
	}})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func useAll(t *testing.T, p place) {
	t.Run("clients", func(t *testing.T) {
		t.Run("slixmpp", func(t *testing.T) {
			t.Parallel()
			drive(t, p, "slixmpp_pair.py", false)
		})
		t.Run("slixmpp with an archive", func(t *testing.T) {
			t.Parallel()
			drive(t, p, "slixmpp_archive.py", false)
		})
		t.Run("profanity", func(t *testing.T) {
			t.Parallel()
			drive(t, p, "profanity_pair.sh", false)
		})
		t.Run("profanity with OMEMO", func(t *testing.T) {
			t.Parallel()
			drive(t, p, "profanity_omemo.sh", false)
		})
		t.Run("go-sendxmpp", func(t *testing.T) {
			t.Parallel()
			drive(t, p, "go_sendxmpp_pair.sh", true)
		})
		t.Run("Smack", func(t *testing.T) {
			t.Parallel()
			drive(t, p, "smack_pair.sh", false)
		})
		t.Run("xmpp.js", func(t *testing.T) {
			t.Parallel()
			drive(t, p, "js_pair.sh", true)
		})
	})
}

// drive runs a driver with two people who have not met.
func drive(t *testing.T, p place, driver string, directTLS bool) {
	t.Helper()
	host, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{host, port}
	if directTLS {
		_, tlsPort, err := net.SplitHostPort(p.tlsAddr)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, tlsPort)
	}
	one, two := p.next(), p.next()
	args = append(args, p.ca, one.jid, one.password, two.jid, two.password)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join("drivers", driver), args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", driver, err, out)
		return
	}
	t.Logf("%s: %d steps", driver, strings.Count(string(out), "ok "))
}
