// Package ldap starts a real OpenLDAP server on loopback for tests, filled with
// made-up people: ordinary ones, and thirty difficult ones (mkldif.py says who and
// why). It needs the Debian packages slapd and ldap-utils and python3, not root.
// Where they are missing the test fails. slapd-start.sh does the same by hand.
package ldap

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"protokoll/test/pki"
)

// The made-up directory. Everybody’s password is Password, but for those of whom
// mkldif.py says otherwise.
const (
	BaseDN          = "dc=uni-due,dc=de"
	PeopleDN        = "ou=people," + BaseDN
	ServiceDN       = "cn=xmpp,ou=services," + BaseDN
	ServicePassword = "svcpw"
	AdminDN         = "cn=admin," + BaseDN
	AdminPassword   = "admin"
	Password        = "secret"
	// Difficult is how many people there are beside the ordinary ones.
	Difficult = 30
)

// How long slapd may take to listen, and how many ports are tried.
const (
	startTimeout = 20 * time.Second
	startTries   = 10
)

var (
	//go:embed slapd.conf.in
	configuration string
	//go:embed eduperson-mini.schema
	schema string
	//go:embed mkldif.py
	people string
)

// Server is a slapd and its data.
type Server struct {
	Dir  string // data, configuration, log
	Port int    // StartTLS; ldaps is on Port+1
	cmd  *exec.Cmd
	out  *os.File
}

// Start fills a directory with n ordinary and the difficult people below dir,
// makes certificates and starts slapd. Stop it with Stop.
func Start(t testing.TB, dir string, n int) *Server {
	t.Helper()
	s := &Server{Dir: dir}
	pki.Make(t, s.path("pki"), "ldap.test")
	for _, err := range []error{
		os.MkdirAll(s.path("db"), 0o700),
		os.WriteFile(s.path("eduperson-mini.schema"), []byte(schema), 0o600),
		os.WriteFile(s.path("slapd.conf"), []byte(s.configure()), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.load(t, n)
	s.Restart(t)
	return s
}

// URL is the address for StartTLS.
func (s *Server) URL() string { return fmt.Sprintf("ldap://127.0.0.1:%d", s.Port) }

// SecureURL is the address for TLS from the first byte.
func (s *Server) SecureURL() string { return fmt.Sprintf("ldaps://127.0.0.1:%d", s.Port+1) }

// CAFile is the authority that signed the server’s certificate.
func (s *Server) CAFile() string { return s.path("pki", "ca.crt") }

// Log is what slapd wrote so far: each operation, with its DNs, and its errors.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(s.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Restart starts slapd, on the same port where it ran before.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	fixed := s.Port != 0
	for range startTries {
		if !fixed {
			s.Port = freePorts(t)
		}
		if s.launch(t) {
			return
		}
	}
	t.Fatalf("slapd does not start:\n%s", s.Log(t))
}

// Stop ends slapd at once.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // killed: the error says so
	_ = s.out.Close()
	s.cmd = nil
}

// Pause keeps slapd from answering, while its sockets stay open, until Resume.
func (s *Server) Pause() error {
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for range 500 { // a thread that is in a system call stops a little later
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
		if err != nil {
			return err
		}
		if _, after, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(after, "T") {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return errors.New("slapd does not stop")
}

// Resume lets it go on.
func (s *Server) Resume() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

func (s *Server) path(names ...string) string {
	return filepath.Join(append([]string{s.Dir}, names...)...)
}

func (s *Server) configure() string {
	return strings.NewReplacer("@DIR@", s.Dir, "@HERE@", s.Dir, "@PKI@", s.path("pki"), "@SSF@", "128").Replace(configuration)
}

func (s *Server) load(t testing.TB, n int) {
	t.Helper()
	makePeople := exec.Command("python3", "-", strconv.Itoa(n))
	makePeople.Stdin = strings.NewReader(people)
	ldif, err := makePeople.Output()
	if err != nil {
		t.Fatalf("making people: %v", err)
	}
	if err := os.WriteFile(s.path("tree.ldif"), ldif, 0o600); err != nil {
		t.Fatal(err)
	}
	add := exec.Command(sbin(t, "slapadd"), "-q", "-f", s.path("slapd.conf"), "-b", BaseDN, "-l", s.path("tree.ldif"))
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
}

// launch starts slapd and waits until it listens; false means that it ended,
// usually because somebody else took the port.
func (s *Server) launch(t testing.TB) bool {
	t.Helper()
	out, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sbin(t, "slapd"), "-f", s.path("slapd.conf"), "-h", s.URL()+"/ "+s.SecureURL()+"/", "-d", "stats")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.cmd, s.out = cmd, out
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port+1)); err == nil {
			_ = c.Close()
			return !ended(cmd)
		}
		if ended(cmd) {
			break
		}
	}
	s.Stop()
	return false
}

// ended looks without reaping: Stop does that.
func ended(cmd *exec.Cmd) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func freePorts(t testing.TB) int {
	t.Helper()
	for range startTries {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		next, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		_ = l.Close()
		if err == nil {
			_ = next.Close()
			return port
		}
	}
	t.Fatal("no two free ports in a row")
	return 0
}

// sbin finds a program of Debian’s slapd package, which a user’s PATH may lack.
func sbin(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	path, err := exec.LookPath(filepath.Join("/usr/sbin", name))
	if err != nil {
		t.Fatalf("%s is missing: apt-get install slapd ldap-utils", name)
	}
	return path
}
