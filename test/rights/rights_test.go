package rights

import (
	"path/filepath"
	"strings"
	"testing"

	"protokoll/test/script"
	"protokoll/test/server"
)

// accounts is how many accounts all scripts together may use.
const accounts = 40

var (
	binary string
	target script.Server
)

func TestMain(m *testing.M) { server.Main(m, prepare) }

func prepare(built string) (end func() error, err error) {
	binary = built
	s, t, end, err := server.Shared(server.Options{Binary: built, Accounts: accounts})
	if err != nil {
		return nil, err
	}
	pool := server.NewPool(accounts)
	target = script.Server{Target: t, Password: s.Password, Account: pool.Account, Command: s.Command}
	return end, nil
}

func TestConversations(t *testing.T) {
	t.Parallel()
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
