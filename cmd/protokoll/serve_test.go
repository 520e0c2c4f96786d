package main

import (
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"protokoll/test/wire"
)

// addLocal makes an account on the stopped folder, which has to exist: the server has run once.
func (s *site) addLocal(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.wants(0, "added", "secret", "account", "add", name+"@"+siteDomain)
	}
}

// Nothing is served with a certificate that no client accepts.
func TestServeRefusesCertificates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*site)
		want  string
	}{
		"missing":       {func(s *site) { _ = os.Remove(s.path("tls", "cert.pem")) }, "no such file or directory"},
		"key missing":   {func(s *site) { _ = os.Remove(s.path("tls", "cert.key")) }, "no such file or directory"},
		"expired":       {func(s *site) { s.certify(time.Now().AddDate(-1, 0, 0)) }, "expired"},
		"not yet valid": {func(s *site) { s.certify(time.Now().AddDate(0, 1, 0)) }, "not valid yet"},
		"another name":  {func(s *site) { s.edit("protokoll.toml", `= "`+siteDomain+`"`, `= "other.example"`) }, "made out to another domain"},
		"another key":   {func(s *site) { s.write("tls/cert.key", fileText(s.t, s.path("tls", "ca.key"))) }, "private key does not match public key"},
		"no PEM":        {func(s *site) { s.write("tls/cert.pem", "nonsense") }, "failed to find any PEM data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil, "")
			c.spoil(s)
			s.wants(1, c.want, "", "serve")
			s.wants(1, ": certificate: WRONG: ", "", "check")
			if _, err := os.Stat(s.path("data")); err == nil {
				t.Error("a data folder was made all the same")
			}
		})
	}
}

func serial(t *testing.T, target wire.Target) *big.Int {
	t.Helper()
	c, err := wire.DialTLS(target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Drop()
	return c.TLS().PeerCertificates[0].SerialNumber
}

// F25: a new pair is used from SIGHUP on, half a pair is not, and nobody's session is dropped.
func TestReloadCertificates(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, "")
	server := s.serve()
	s.addLocal("anna")
	c := signIn(t, server.target, "anna", "secret")
	first := serial(t, server.target)
	key, pair := fileText(t, s.path("tls", "cert.key")), fileText(t, s.path("tls", "cert.pem"))

	s.certify(time.Now())
	renewed := fileText(t, s.path("tls", "cert.pem"))
	for name, half := range map[string]string{"cut off": renewed[:len(renewed)/2], "empty": "", "the old one": pair} {
		s.write("tls/cert.pem", half)
		reload(server, "a certificate was not replaced")
		if got := serial(t, server.target); got.Cmp(first) != 0 {
			t.Errorf("%s: another certificate is in use", name)
		}
	}
	s.write("tls/cert.pem", renewed)
	reload(server, "certificates read again")
	if got := serial(t, server.target); got.Cmp(first) == 0 {
		t.Error("the old certificate is still in use")
	}
	settles(t, c, "p1")
	if strings.Contains(server.output(), key) {
		t.Error("the key is in the log")
	}
	server.stop()
}

// reload sends SIGHUP and waits for one more line that says what came of it.
func reload(server *served, line string) {
	server.t.Helper()
	n := strings.Count(server.output(), line)
	server.signal(syscall.SIGHUP)
	server.until(fmt.Sprintf("(?s)(%s.*){%d}", line, n+1))
}

// Each domain has its own certificate, by SNI.
func TestSeveralDomains(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, "")
	other := newSite(t, nil, "")
	other.dir = s.path("other")
	if err := os.Mkdir(other.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("protokoll.toml", fileText(t, s.config)+fmt.Sprintf("[[domain]]\nname = %q\ncertificate = %q\nkey = %q\n",
		"localhost", other.path("tls", "cert.pem"), other.path("tls", "cert.key")))
	other.certify(time.Now())
	server := s.serve()
	s.wants(0, "added", "secret", "account", "add", "anna@localhost")
	s.wants(1, "not served here, only "+siteDomain+", localhost", "secret", "account", "add", "anna@example.org")
	at := server.target
	at.Domain, at.Roots = "localhost", roots(t, other.path("ca.pem"))
	signIn(t, at, "anna", "secret")
	refused(t, server.target, "anna", "secret", "not-authorized")
	server.stop()
}

// sd_notify(3): ready when it serves, alive, stopping.
func TestNotifiesSystemd(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, "")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	cmd := exec.Command("protokoll", "serve", "--config", s.config)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.path("notify"), "WATCHDOG_USEC=200000")
	p := launchAs(t, cmd)
	notified(t, socket, "READY=1")
	s.serving(p) // the ports were open before
	notified(t, socket, "WATCHDOG=1")
	notified(t, socket, "WATCHDOG=1")
	p.stop()
	notified(t, socket, "STOPPING=1")
}

func notified(t *testing.T, socket *net.UnixConn, want string) {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	for {
		n, err := socket.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %s: %v", want, err)
		}
		if string(buf[:n]) == want {
			return
		}
	}
}

// XEP-0198 §5, across a stop: the session is where it was, and friends saw nobody going away.
func TestStopLeavesSessionsResumable(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, "resume = \"1m\"\n")
	server := s.serve()
	s.addLocal("anna", "bela")
	anna, bela := signIn(t, server.target, "anna", "secret"), signIn(t, server.target, "bela", "secret")
	befriend(t, anna, bela)
	enabled := sendAndAwait(t, anna, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>", func(n *wire.Node) bool { return n.Is(wire.NSSM, "enabled") })
	previous := enabled.Get("id")
	settles(t, bela, "p1")

	server.signal(syscall.SIGTERM)
	for _, c := range []*wire.Conn{anna, bela} {
		await(t, c, func(n *wire.Node) bool {
			if n.Is(wire.NSClient, "presence") && n.Get("type") == "unavailable" {
				t.Errorf("somebody was seen going away:\n%v", n)
			}
			return n.Is(wire.NSStream, "error") && n.Child(wire.NSError, "system-shutdown") != nil
		})
		if err := c.Write("</stream:stream>"); err != nil {
			t.Error(err)
		}
	}
	if code := server.exit(stopLimit); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.wants(0, "sessions          1\n", "", "account", "show", "anna@"+siteDomain)

	server = s.serve()
	c, _, err := wire.SignIn(server.target, "anna", "secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Drop)
	answer := sendAndAwait(t, c, fmt.Sprintf("<resume xmlns='urn:xmpp:sm:3' h='0' previd='%s'/>", previous), func(n *wire.Node) bool { return n.Name.Space == wire.NSSM })
	if !answer.Is(wire.NSSM, "resumed") {
		t.Errorf("not resumed:\n%v", answer)
	}
	settles(t, c, "p2")
	server.stop()
}

// befriend makes two available people subscribe to each other.
func befriend(t *testing.T, a, b *wire.Conn) {
	t.Helper()
	names := map[*wire.Conn]string{a: "anna@" + siteDomain, b: "bela@" + siteDomain}
	for _, c := range []*wire.Conn{a, b} {
		request(t, c, "roster", "get", "<query xmlns='jabber:iq:roster'/>")
		sendAndAwait(t, c, "<presence/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") })
	}
	for _, pair := range [][2]*wire.Conn{{a, b}, {b, a}} {
		asks, agrees := pair[0], pair[1]
		if err := asks.Write("<presence type='subscribe' to='" + names[agrees] + "'/>"); err != nil {
			t.Fatal(err)
		}
		await(t, agrees, func(n *wire.Node) bool { return n.Get("type") == "subscribe" })
		if err := agrees.Write("<presence type='subscribed' to='" + names[asks] + "'/>"); err != nil {
			t.Fatal(err)
		}
		await(t, asks, func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") && n.Get("type") == "" })
	}
}

// A second SIGTERM ends the process at once: the operator's last word.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, "")
	server := s.serve()
	s.addLocal("anna")
	c := signIn(t, server.target, "anna", "secret") // never closes its stream
	server.signal(syscall.SIGTERM)
	await(t, c, func(n *wire.Node) bool { return n.Is(wire.NSStream, "error") })
	server.signal(syscall.SIGTERM)
	server.exit(patience)
	server = s.serve() // as after any crash
	signIn(t, server.target, "anna", "secret")
	server.stop()
}
