package peers

import (
	"bytes"
	"crypto/x509"
	"embed"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"protokoll/test/pki"
	"protokoll/test/server"
	"protokoll/test/wire"
)

//go:embed *.in
var templates embed.FS

// startPatience is for a peer on a machine that has other things to do.
const startPatience = 60 * time.Second

// peer is another server.
type peer struct {
	dir, http string
	target    wire.Target
}

// newPeer makes certificates and the settings of a peer.
func newPeer(t *testing.T, domain, template, settings string) *peer {
	t.Helper()
	p := &peer{dir: t.TempDir()}
	pki.Make(t, p.dir, domain)
	ports, err := server.FreePorts("127.0.0.1", 2)
	if err != nil {
		t.Fatal(err)
	}
	p.http = ports[1]
	pem := read(t, filepath.Join(p.dir, "ca.crt"))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	p.target = wire.Target{Addr: ports[0], Domain: domain, Roots: roots}
	text, err := templates.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("@DOMAIN@", domain, "@DIR@", p.dir, "@CLIENT@", port(ports[0]), "@HTTP@", port(ports[1])).Replace(string(text))
	write(t, filepath.Join(p.dir, settings), []byte(filled))
	return p
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// run starts a peer's process and waits until it takes connections.
func (p *peer) run(t *testing.T, cmd *exec.Cmd, addr string) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("the peer does not start (is its Debian package installed?): %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	for end := time.Now().Add(startPatience); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the peer ended: %v\n%s", err, out.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the peer takes no connection\n%s", out.String())
		}
	}
}

// startEjabberd runs ejabberd without its scripts: no port mapper, no cookie of the system.
func startEjabberd(t *testing.T, domain string) *peer {
	t.Helper()
	p := newPeer(t, domain, "ejabberd.yml.in", "ejabberd.yml")
	cert := append(read(t, filepath.Join(p.dir, domain+".key")), read(t, filepath.Join(p.dir, domain+".crt"))...)
	write(t, filepath.Join(p.dir, "cert.pem"), append(cert, read(t, filepath.Join(p.dir, "ca.crt"))...))
	libs, err := filepath.Glob("/usr/lib/*/ejabberd-*/ebin")
	if err != nil || len(libs) == 0 {
		t.Fatalf("ejabberd is not installed: %v", err)
	}
	cmd := exec.Command("erl", "-noinput", "-boot", "start_sasl", "-pa", libs[0], "-mnesia", "dir", `"`+filepath.Join(p.dir, "db")+`"`,
		"+S", "2:2", "-sasl", "sasl_error_logger", "false", "-s", "ejabberd")
	cmd.Env = append(os.Environ(), "EJABBERD_CONFIG_PATH="+filepath.Join(p.dir, "ejabberd.yml"), "EJABBERD_LOG_PATH="+filepath.Join(p.dir, "log", "ejabberd.log"),
		"ERL_CRASH_DUMP_BYTES=0", "HOME="+p.dir, "ERL_LIBS="+filepath.Dir(filepath.Dir(libs[0])))
	p.run(t, cmd, p.http)
	return p
}

// api carries out one of ejabberd's commands, as ejabberdctl does.
func (p *peer) api(t *testing.T, command string, arguments map[string]string) {
	t.Helper()
	body, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+p.http+"/api/"+command, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || strings.TrimSpace(string(text)) == "1" {
		t.Fatalf("%s: %s, %s, %v", command, answer.Status, text, err)
	}
}

// startProsody runs Prosody on files of XEP-0227, one for each account.
func startProsody(t *testing.T, domain string, people map[string][]byte) *peer {
	t.Helper()
	p := newPeer(t, domain, "prosody.cfg.lua.in", "prosody.cfg.lua")
	for name, document := range people {
		write(t, filepath.Join(p.dir, "data", name+"@"+domain+".xml"), document)
	}
	p.run(t, exec.Command("prosody", "-F", "--config", filepath.Join(p.dir, "prosody.cfg.lua")), p.target.Addr)
	return p
}
