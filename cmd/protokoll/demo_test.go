package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"protokoll/test/wire"
)

// demo is a running demo and what a client needs to reach it.
type demo struct {
	*process
	data   string
	target wire.Target
}

func startDemo(t testing.TB, data string, args ...string) *demo {
	t.Helper()
	all := append([]string{"demo", "--data", data, "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"}, args...)
	d := &demo{process: launch(t, all...), data: data}
	said := d.until(`serves (\S+) on (\S+) \(STARTTLS\) and (\S+) \(TLS\)`)
	d.target = wire.Target{Domain: said[1], Addr: said[2], TLSAddr: said[3], Roots: roots(t, filepath.Join(data, "ca.pem"))}
	d.until("profanity: .*\n")
	return d
}

func roots(t testing.TB, file string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", file)
	}
	return pool
}

// signIn signs in with PLAIN and binds a resource.
func signIn(t testing.TB, target wire.Target, user, password string) *wire.Conn {
	t.Helper()
	c, _, err := wire.SignIn(target, user, password)
	if err != nil {
		t.Fatalf("%s: %v", user, err)
	}
	t.Cleanup(c.Drop)
	if _, err := c.Bind("test"); err != nil {
		t.Fatalf("%s: %v", user, err)
	}
	return c
}

// refused wants a sign-in to fail with a SASL condition.
func refused(t testing.TB, target wire.Target, user, password, condition string) {
	t.Helper()
	c, _, err := wire.SignIn(target, user, password)
	if err == nil {
		c.Drop()
	}
	if err == nil || !strings.HasSuffix(err.Error(), ": "+condition) {
		t.Errorf("%s: got %v, want %s", user, err, condition)
	}
}

// request sends an IQ and returns its answer; what comes before it is passed over.
func request(t testing.TB, c *wire.Conn, id, kind, payload string) *wire.Node {
	t.Helper()
	return sendAndAwait(t, c, fmt.Sprintf("<iq type='%s' id='%s'>%s</iq>", kind, id, payload), func(n *wire.Node) bool {
		return n.Is(wire.NSClient, "iq") && n.Get("id") == id
	})
}

func sendAndAwait(t testing.TB, c *wire.Conn, text string, wanted func(*wire.Node) bool) *wire.Node {
	t.Helper()
	if err := c.Write(text); err != nil {
		t.Fatal(err)
	}
	return await(t, c, wanted)
}

func await(t testing.TB, c *wire.Conn, wanted func(*wire.Node) bool) *wire.Node {
	t.Helper()
	for {
		n, err := c.Next()
		if err != nil {
			t.Fatalf("before what was waited for: %v", err)
		}
		if wanted(n) {
			return n
		}
	}
}

func settles(t testing.TB, c *wire.Conn, id string) {
	t.Helper()
	if n := request(t, c, id, "get", "<ping xmlns='urn:xmpp:ping'/>"); n.Get("type") != "result" {
		t.Errorf("ping: got\n%v", n)
	}
}

var liveLine = `events \d+ \(\+\d+/s\)  sessions 1  connections 1\n`

func TestDemoSaysHowToConnect(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir(), "--password", "open sesame")
	lines := strings.Split(d.output(), "\n")
	ca := filepath.Join(d.data, "ca.pem")
	host, port, _ := strings.Cut(d.target.Addr, ":")
	for i, want := range [][]string{
		{"Protokoll serves localhost", d.target.Addr, d.target.TLSAddr, "user1 … user3", "password: open sesame"},
		{"Gajim:", "user1@localhost", host, port, ca},
		{"profanity:", "/tls certpath " + ca, "/connect user1@localhost server " + host + " port " + port},
	} {
		for _, part := range want {
			if !strings.Contains(lines[i], part) {
				t.Errorf("line %d is without %q: %s", i+1, part, lines[i])
			}
		}
	}
	signIn(t, d.target, "user2", "open sesame")
	d.until(liveLine)
	live := d.output()[strings.Index(d.output(), "events "):]
	if regexp.MustCompile(`user\d|localhost|\d+\.\d+\.\d+`).MatchString(live) {
		t.Errorf("a name or address is in a live line:\n%s", live)
	}
	d.stop()
}

func TestDemoLeavesNoTemporaryFolder(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	cmd := exec.Command("protokoll", "demo", "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	p := launchAs(t, cmd)
	p.until(`password: [A-Z2-7]{12}\n`)
	p.stop()
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDemoGoesOn(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	d := startDemo(t, data, "--accounts", "1")
	password := d.until(`password: (\S+)\n`)[1]
	ca := fileText(t, filepath.Join(data, "ca.pem"))
	c := signIn(t, d.target, "user1", password)
	request(t, c, "r1", "set", "<query xmlns='jabber:iq:roster'><item jid='friend@localhost' name='Friend'/></query>")
	d.stop()

	d = startDemo(t, data, "--accounts", "2")
	d.until(`the one of the first start`)
	if fileText(t, filepath.Join(data, "ca.pem")) != ca {
		t.Error("the second start made another authority")
	}
	c = signIn(t, d.target, "user1", password)
	roster := request(t, c, "r2", "get", "<query xmlns='jabber:iq:roster'/>")
	if item := roster.Find("jabber:iq:roster", "item"); item == nil || item.Get("name") != "Friend" {
		t.Errorf("the roster is gone:\n%v", roster)
	}
	d.kill()

	d = startDemo(t, data, "--accounts", "3", "--password", "another")
	for _, user := range []string{"user1", "user2", "user3"} {
		signIn(t, d.target, user, "another")
	}
	refused(t, d.target, "user1", password, "not-authorized")
	d.stop()
}

func fileText(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// RFC 6120 §4.9.3.20: streams are told why they end, and one that never answers does not hold up the stop.
func TestStopTellsStreams(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir(), "--password", "secret")
	polite, stuck := signIn(t, d.target, "user1", "secret"), signIn(t, d.target, "user2", "secret")
	settles(t, polite, "p1")
	d.signal(syscall.SIGTERM)
	for _, c := range []*wire.Conn{polite, stuck} {
		await(t, c, func(n *wire.Node) bool {
			return n.Is(wire.NSStream, "error") && n.Child(wire.NSError, "system-shutdown") != nil
		})
	}
	if err := polite.Write("</stream:stream>"); err != nil {
		t.Error(err)
	}
	if code := d.exit(stopLimit); code != 0 {
		t.Errorf("exit code %d:\n%s", code, d.output())
	}
}

// F9: a second process is refused, whichever command it is.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	d := startDemo(t, data)
	want := fmt.Sprintf("protokoll: %s: the data folder is in use by process %d\n", data, d.cmd.Process.Pid)
	out, code := command(t, "", "demo", "--data", data, "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0")
	if code != 1 || out != want {
		t.Errorf("exit code %d and %q, want %q", code, out, want)
	}
	if out, code := command(t, "", "account", "list", "--data", data); code != 0 || !strings.Contains(out, "user3@localhost") {
		t.Errorf("the first process suffered: exit code %d, %s", code, out)
	}
	d.kill()
	startDemo(t, data).stop()
}
