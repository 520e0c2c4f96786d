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
const accounts = 220

var target script.Server

func TestMain(m *testing.M) { server.Main(m, prepare) }

func prepare(binary string) (end func() error, err error) {
	pool := server.NewPool(accounts)
	if peer := os.Getenv("PROTOKOLL_PEER"); peer != "" {
		return func() error { return nil }, foreign(peer, pool)
	}
	s, t, end, err := server.Shared(server.Options{Binary: binary, Accounts: accounts})
	if err != nil {
		return nil, err
	}
	target = script.Server{Target: t, Password: s.Password, Account: pool.Account}
	return end, nil
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
