package addresses

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"protokoll/test/pki"
	"protokoll/test/server"
	"protokoll/test/wire"
)

// TestDemo searches what `demo --verbose` wrote.
func TestDemo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	ports, err := server.FreePorts("::", 4)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.StartAt(server.Options{Binary: program, Data: data, Args: []string{"demo", "--verbose", "--data", data,
		"--listen", ports[0], "--listen-tls", ports[1], "--listen-https", ports[2], "--listen-proxy", ports[3], "--accounts", fmt.Sprint(users), "--password", password}}, ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	target, err := s.Target()
	if err != nil {
		t.Fatal(err)
	}
	search(t, s, target, ports)
}

const settings = `data = %q
[listen]
client     = [%q]
client_tls = [%q]
https      = [%q]
proxy      = [%q]
[[domain]]
name        = "localhost"
certificate = %q
key         = %q
[contact]
data_protection = ["mailto:officer@example.org"]
[report]
level  = "debug"
format = %q
`

// TestServe searches what `serve` wrote with report.level = "debug", as text and as JSON.
func TestServe(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			certificates, data := filepath.Join(dir, "pki"), filepath.Join(dir, "data")
			pki.Make(t, certificates, "localhost")
			ports, err := server.FreePorts("::", 4)
			if err != nil {
				t.Fatal(err)
			}
			config, secret := filepath.Join(dir, "protokoll.toml"), filepath.Join(dir, "password")
			text := fmt.Sprintf(settings, data, ports[0], ports[1], ports[2], ports[3], filepath.Join(certificates, "localhost.chain.crt"), filepath.Join(certificates, "localhost.key"), format)
			for path, content := range map[string]string{config: text, secret: password} {
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := server.StartAt(server.Options{Binary: program, Data: data, Args: []string{"serve", "--config", config}}, ports)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Remove)
			for n := range users {
				if out, err := exec.Command(program, "account", "add", fmt.Sprintf("user%d@localhost", n+1), "--config", config, "--password-file", secret).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			if err := os.Link(filepath.Join(certificates, "ca.crt"), s.CA()); err != nil {
				t.Fatal(err)
			}
			target, err := s.Target()
			if err != nil {
				t.Fatal(err)
			}
			search(t, s, target, ports)
		})
	}
}

// search lets everybody visit the server, and then looks into everything.
func search(t *testing.T, s *server.Server, target wire.Target, ports []string) {
	n := needlesOf(sources[0].ip, sources[1].ip, sources[2].ip)
	heard := visits(t, s, target, ports)
	if !s.Alive() {
		t.Fatalf("the server ended:\n%s", s.Output())
	}
	if !strings.Contains(s.Output(), "panic") {
		t.Error("the server's output tells nothing of the panic: it was not provoked, or not reported")
	}
	searchHeap(t, n, s, target)
	n.expectNone(t, "what other commands print", commands(t, s))
	whole, hits := memory(t, n, s.PID())
	t.Logf("of %d MiB of the process's memory, freed or not: %d forms found %v", whole>>20, len(hits), hits)
	if err := s.Stop(); err != nil {
		t.Error(err)
	}

	n.expectNone(t, "what clients were told", []byte(heard))
	n.expectNone(t, "standard output and error", []byte(s.Output()))
	t.Logf("searched %d KiB of output, %d KiB of answers, %d KiB of files", len(s.Output())>>10, len(heard)>>10, n.searchFiles(t, s.Data)>>10)

	opened, plant := payloads(t, s.Data), needlesOf(planted)
	if len(plant.find(opened)) == 0 {
		t.Error("an address that was written into a message is not found in the opened events: the search is blind")
	}
	n.expectNone(t, "the payloads of the events", opened)
	if err := os.WriteFile(filepath.Join(s.Data, "planted"), []byte(planted.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if hits, _, err := plant.inFiles(s.Data); err != nil || len(hits) == 0 {
		t.Errorf("an address that was planted in the data folder is not found: %v", err)
	}
}

// visits comes from every source over every port, and returns what the server said.
func visits(t *testing.T, s *server.Server, target wire.Target, ports []string) string {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	_, tlsPort, err := net.SplitHostPort(s.TLSAddr)
	if err != nil {
		t.Fatal(err)
	}
	heard := &transcript{}
	var all sync.WaitGroup
	user := 0
	for _, source := range sources {
		for _, direct := range []bool{false, true} {
			user++
			g := &guest{t: t, target: from(source, target, port, tlsPort), direct: direct, heard: heard,
				web: beside(source, ports[2]), relay: beside(source, ports[3]),
				user: fmt.Sprintf("user%d", user), friend: fmt.Sprintf("user%d@%s", user%6+1, target.Domain)}
			all.Go(g.visit)
		}
	}
	all.Wait()
	plantMessage(t, target)
	return heard.text.String()
}

// plantMessage leaves a message in which an address stands: what people write is theirs.
func plantMessage(t *testing.T, target wire.Target) {
	g := &guest{t: t, target: target, user: "user7", heard: &transcript{}}
	c := g.bound("pen")
	say(c, "<message type='chat' id='plant' to='user8@"+target.Domain+"'><body>"+planted.String()+"</body></message>")
	g.ask(c, "planted", "set", g.user+"@"+target.Domain, "<query xmlns='jabber:iq:roster'><item jid='user8@"+target.Domain+"'/></query>")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// commands runs what operators run beside the server.
func commands(t *testing.T, s *server.Server) []byte {
	var all strings.Builder
	for _, args := range [][]string{{"rebuild", "--check"}, {"account", "list"}, {"account", "show", "user1@localhost"}} {
		out, err := s.Command(args...)
		if err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		all.WriteString(out)
	}
	return []byte(all.String())
}
