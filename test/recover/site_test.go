package recover

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/internal/democa"
	"protokoll/test/server"
	"protokoll/test/wire"
)

const (
	domain   = "jabber.example"
	password = "secret-Pa55"
)

// binary is the server under test, built once.
var binary string

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

// site is a configured server with the folders of docs/recover.md.
type site struct {
	t      *testing.T
	dir    string
	server *server.Server
	target wire.Target
	up     bool
	env    []string
}

// paths are the page's, and what stands for them below the site's folder.
var paths = []string{"/etc/protokoll.toml", "/var/lib/protokoll", "/mnt/backup", "/mnt/keys", "/mnt/kept"}

func (s *site) path(page string) string { return s.dir + page }

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	for _, dir := range []string{"/etc", "/var/lib", "/mnt/kept", "/bin"} {
		s.must(os.MkdirAll(s.path(dir), 0o700))
	}
	s.must(os.Symlink(binary, s.path("/bin/protokoll")))
	_, err := democa.Pair(s.path("/etc"), domain, time.Now())
	s.must(err)
	ports, err := server.FreePorts("127.0.0.1", 2)
	s.must(err)
	config := fmt.Sprintf(`data = %q
[listen]
client     = [%q]
client_tls = [%q]
[contact]
data_protection = ["mailto:officer@example.org"]
[[domain]]
name        = %q
certificate = %q
key         = %q
[ledger]
keep = %q
`, s.path("/var/lib/protokoll"), ports[0], ports[1], domain, s.path("/etc/tls/cert.pem"), s.path("/etc/tls/cert.key"), s.path("/mnt/kept"))
	s.must(os.WriteFile(s.path("/etc/protokoll.toml"), []byte(config), 0o600))
	pem, err := os.ReadFile(s.path("/etc/ca.pem"))
	s.must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	s.target = wire.Target{Addr: ports[0], TLSAddr: ports[1], Domain: domain, Roots: roots}
	s.server, err = server.StartAt(server.Options{
		Binary: binary, Data: s.path("/var/lib/protokoll"), Args: []string{"serve", "--config", s.path("/etc/protokoll.toml")},
	}, ports)
	s.must(err)
	s.up = true
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server printed:\n%s", s.server.Output())
		}
		if s.up {
			s.server.Kill()
		}
	})
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// sh runs a line of the page as a shell does, and says what it printed. systemctl works on the site's server.
func (s *site) sh(line string) string {
	s.t.Helper()
	switch line {
	case "systemctl stop protokoll":
		s.stop()
		return ""
	case "systemctl start protokoll":
		s.must(s.server.Again())
		s.up = true
		return ""
	}
	out, err := s.try(line)
	if err != nil {
		s.t.Fatalf("%s\n%v\n%s", line, err, out)
	}
	return out
}

func (s *site) try(line string) (string, error) {
	for _, p := range paths {
		line = strings.ReplaceAll(line, p, s.path(p))
	}
	cmd := exec.Command("sh", "-ec", line)
	cmd.Env = append(append(os.Environ(), "PATH="+s.path("/bin")+":"+os.Getenv("PATH")), s.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *site) stop() {
	s.t.Helper()
	if s.up {
		s.must(s.server.Stop())
		s.up = false
	}
}

// lose ends the server as a broken machine does.
func (s *site) lose() {
	s.server.Kill()
	s.up = false
}

// refuses sees to it that the server does not start, and that it says why.
func (s *site) refuses(why string) {
	s.t.Helper()
	out, err := s.try("protokoll serve --config /etc/protokoll.toml")
	if err == nil || !strings.Contains(out, why) {
		s.t.Fatalf("a start that must be refused because of %q: %v\n%s", why, err, out)
	}
}

// account adds a local account on the running server.
func (s *site) account(user string) {
	s.t.Helper()
	s.sh("echo " + password + " | protokoll account add " + user + "@" + domain + " --config /etc/protokoll.toml")
}

// signIn returns a bound session.
func (s *site) signIn(user string) *wire.Conn {
	s.t.Helper()
	c, _, err := wire.SignIn(s.target, user, password)
	if err == nil {
		_, err = c.Bind("")
	}
	if err != nil {
		s.t.Fatalf("%s cannot sign in: %v", user, err)
	}
	s.t.Cleanup(c.Drop)
	return c
}

// shutOut sees to it that somebody cannot sign in.
func (s *site) shutOut(user string) {
	s.t.Helper()
	if c, _, err := wire.SignIn(s.target, user, password); err == nil {
		c.Drop()
		s.t.Errorf("%s can sign in", user)
	}
}

// ask sends an IQ about the roster and returns the answer.
func (s *site) ask(c *wire.Conn, kind, query string) *wire.Node {
	s.t.Helper()
	s.must(c.Write("<iq type='" + kind + "' id='q'>" + query + "</iq>"))
	for {
		n, err := c.Next()
		s.must(err)
		if n.Get("id") == "q" {
			return n
		}
	}
}

func (s *site) setContact(c *wire.Conn, contact, more string) {
	s.t.Helper()
	if n := s.ask(c, "set", "<query xmlns='jabber:iq:roster'><item jid='"+contact+"' "+more+"/></query>"); n.Get("type") != "result" {
		s.t.Fatalf("the roster was not changed: %v", n)
	}
}

// contacts returns the names of a person's contacts.
func (s *site) contacts(user string) map[string]string {
	s.t.Helper()
	c := s.signIn(user)
	defer c.Drop()
	all := map[string]string{}
	for _, item := range s.ask(c, "get", "<query xmlns='jabber:iq:roster'/>").Child("jabber:iq:roster", "query").Elements() {
		all[item.Get("jid")] = item.Get("name")
	}
	return all
}

// flip changes a bit of the last record of some closed segment of a lane.
func (s *site) flip(lane string) {
	s.t.Helper()
	found, err := filepath.Glob(s.path("/var/lib/protokoll/log/segments/" + lane + "-*/msgs/*.blk"))
	s.must(err)
	if len(found) == 0 {
		s.t.Fatal("no closed segment")
	}
	data, err := os.ReadFile(found[0])
	s.must(err)
	data[len(data)-3] ^= 1
	s.must(os.WriteFile(found[0], data, 0o600))
}
