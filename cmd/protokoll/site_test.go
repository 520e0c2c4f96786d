package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/internal/democa"
	"protokoll/test/ldap"
	"protokoll/test/server"
	"protokoll/test/wire"
)

const siteDomain = "jabber.example"

// site is a folder with all that `serve` needs: configuration, certificate, the directory's password.
type site struct {
	ports  []string // where it listens: STARTTLS, direct TLS
	t      testing.TB
	dir    string
	config string
}

// newSite writes a configuration with ports that nobody uses, with a table [domain.directory] where there is a slapd. more
// is what else stands in it.
func newSite(t testing.TB, slapd *ldap.Server, more string) *site {
	t.Helper()
	ports, err := server.FreePorts("127.0.0.1", 2)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: t.TempDir(), ports: ports}
	s.config = s.path("protokoll.toml")
	s.certify(time.Now())
	text := fmt.Sprintf(`data = %q
stop = "500ms"
%s
[listen]
client     = [%q]
client_tls = [%q]
[contact]
data_protection = ["mailto:officer@example.org"]
[[domain]]
name        = %q
certificate = %q
key         = %q
`, s.path("data"), more, ports[0], ports[1], siteDomain, s.path("tls", "cert.pem"), s.path("tls", "cert.key"))
	if slapd != nil {
		text += s.directory(slapd.URL(), slapd.CAFile())
	}
	s.write("protokoll.toml", text)
	return s
}

// directory returns the table for a directory at a URL.
func (s *site) directory(url, ca string) string {
	s.write("ldap-password", ldap.ServicePassword+"\n")
	return fmt.Sprintf(`[domain.directory]
urls          = [%q]
ca            = %q
bind_dn       = %q
password_file = %q
base_dn       = %q
[[domain.directory.rule]]
mail_domain = "stud.uni-due.de"
suffix      = ".stud"
[[domain.directory.rule]]
mail_domain = "uni-due.de"
suffix      = ""
`, url, ca, ldap.ServiceDN, s.path("ldap-password"), ldap.PeopleDN)
}

func (s *site) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// edit replaces one text in a file.
func (s *site) edit(name, old, new string) {
	s.t.Helper()
	text := fileText(s.t, s.path(name))
	if !strings.Contains(text, old) {
		s.t.Fatalf("%s is without %q", name, old)
	}
	s.write(name, strings.Replace(text, old, new, 1))
}

// certify makes a new certificate by the site's authority, as if it were made at another time.
func (s *site) certify(at time.Time) {
	s.t.Helper()
	_ = os.Remove(s.path("tls", "cert.pem")) // there is none yet
	if _, err := democa.Pair(s.dir, siteDomain, at); err != nil {
		s.t.Fatal(err)
	}
}

// served is a server that runs.
type served struct {
	*process
	target wire.Target
}

// serve starts the server and waits until it serves.
func (s *site) serve() *served {
	s.t.Helper()
	return s.serving(launch(s.t, "serve", "--config", s.config))
}

func (s *site) serving(p *process) *served {
	s.t.Helper()
	p.until(`msg=serving `)
	return &served{p, wire.Target{Domain: siteDomain, Addr: s.ports[0], TLSAddr: s.ports[1], Roots: roots(s.t, s.path("ca.pem"))}}
}

// run is a command with the site's configuration.
func (s *site) run(input string, args ...string) (string, int) {
	s.t.Helper()
	return command(s.t, input, append(args, "--config", s.config)...)
}

// wants runs a command and compares its exit code and a part of its output.
func (s *site) wants(code int, part, input string, args ...string) {
	s.t.Helper()
	if out, got := s.run(input, args...); got != code || !strings.Contains(out, part) {
		s.t.Errorf("protokoll %s: exit code %d, want %d with %q:\n%s", strings.Join(args, " "), got, code, part, out)
	}
}
