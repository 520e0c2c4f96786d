package conversations

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"protokoll/test/script"
	"protokoll/test/server"
	"protokoll/test/wire"
)

// accounts is how many accounts all scripts together may use.
const accounts = 130

var target script.Server

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	pool := server.NewPool(accounts)
	if peer := os.Getenv("PROTOKOLL_PEER"); peer != "" {
		if err := foreign(peer, pool); err != nil {
			return 1, err
		}
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "protokoll-build-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary, err := server.Build(dir)
	if err != nil {
		return 1, err
	}
	s, err := server.Start(server.Options{Binary: binary, Accounts: accounts})
	if err != nil {
		return 1, err
	}
	defer s.Remove()
	t, err := s.Target()
	if err != nil {
		return 1, err
	}
	target = script.Server{Target: t, Password: s.Password, Account: pool.Account}
	code := m.Run()
	if err := s.Stop(); err != nil {
		return 1, err
	}
	return code, nil
}

func foreign(peer string, pool *server.Pool) error {
	f := strings.Split(peer, ",")
	if len(f) != 6 {
		return fmt.Errorf("PROTOKOLL_PEER has %d parts, not 6", len(f))
	}
	pem, err := os.ReadFile(f[4])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	pool.Form = f[5]
	target = script.Server{
		Target:   wire.Target{Addr: f[1], TLSAddr: f[2], Domain: f[3], Roots: roots},
		Password: "secret", Account: pool.Account, Peer: f[0],
	}
	return nil
}

func TestConversations(t *testing.T) {
	files, err := filepath.Glob("*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(f, ".txt"), func(t *testing.T) {
			t.Parallel()
			script.RunFile(t, target, f)
		})
	}
}
