package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"protokoll/internal/democa"
	"protokoll/test/ldap"
	"protokoll/test/wire"
)

const siteDomain = "jabber.example"

// site is a folder with all that `serve` needs: configuration, certificate, the directory's password.
type site struct {
	t      testing.TB
	dir    string
	config string
}

// newSite writes a configuration with ports of the kernel's choice, with a table [domain.directory] where there is a slapd. more
// is what else stands in it.
func newSite(t testing.TB, slapd *ldap.Server, more string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	s.config = s.path("protokoll.toml")
	s.certify(time.Now())
	text := fmt.Sprintf(`data = %q
stop = "500ms"
%s
[listen]
client     = ["127.0.0.1:0"]
client_tls = ["127.0.0.1:0"]
[contact]
data_protection = ["mailto:officer@example.org"]
[[domain]]
name        = %q
certificate = %q
key         = %q
`, s.path("data"), more, siteDomain, s.path("tls", "cert.pem"), s.path("tls", "cert.key"))
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
	at := listening(s.t, p.cmd.Process.Pid)
	if len(at) != 2 {
		s.t.Fatalf("the server listens on %v", at)
	}
	return &served{p, wire.Target{Domain: siteDomain, Addr: at[0], TLSAddr: at[1], Roots: roots(s.t, s.path("ca.pem"))}}
}

// listening returns the TCP addresses on 127.0.0.1 where a process listens, in the order in which it began to. The kernel
// knows, the server's log does not tell.
func listening(t testing.TB, pid int) (addresses []string) {
	t.Helper()
	ports := listeners(t, pid)
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, n := range names {
		if fd, err := strconv.Atoi(n.Name()); err == nil {
			numbers = append(numbers, fd)
		}
	}
	slices.Sort(numbers)
	for _, fd := range numbers {
		link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)) // it may be closed by now
		if port, ok := ports[strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")]; ok {
			addresses = append(addresses, net.JoinHostPort("127.0.0.1", port))
		}
	}
	return addresses
}

// listeners maps socket inodes to ports. proc(5), /proc/net/tcp.
func listeners(t testing.TB, pid int) map[string]string {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ports := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != "0A" { // LISTEN
			continue
		}
		_, port, _ := strings.Cut(f[1], ":")
		if b, err := hex.DecodeString(port); err == nil && len(b) == 2 {
			ports[f[9]] = strconv.Itoa(int(b[0])<<8 | int(b[1]))
		}
	}
	return ports
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
