package components

import (
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

var binary string

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

// What the server knows of its components.
const (
	gateway = "irc.localhost"
	other   = "bot.localhost"
	secret  = "0123456789abcdef"
)

// site is a server of its own for one test.
type site struct {
	*server.Server
	target     wire.Target
	components string // where they connect
}

func start(t testing.TB) *site {
	t.Helper()
	ports, err := server.FreePorts("127.0.0.1", 3)
	must(t, err)
	dir := t.TempDir()
	s, err := server.StartAt(server.Options{Binary: binary, Data: dir, Args: []string{"demo", "--data", dir, "--password", "secret",
		"--listen", ports[0], "--listen-tls", ports[1], "--listen-component", ports[2],
		"--component", gateway + "=" + secret, "--component", other + "=" + secret}}, ports)
	must(t, err)
	t.Cleanup(func() {
		if s.Alive() {
			if err := s.Stop(); err != nil {
				t.Error(err, s.Output())
			}
		}
	})
	target, err := s.Target()
	must(t, err)
	return &site{s, target, ports[2]}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
