package hostile

import (
	"strings"
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

const (
	accounts = 150
	password = "secret-Pa55"
	// memory is more than the server may ever hold while all of it happens.
	memory = 256 << 20
	// needle is in texts that people send; the server's output must not have it.
	needle = "xyzzy-needle"
)

var (
	srv    *server.Server
	target wire.Target
	pool   = server.NewPool(accounts)
)

func TestMain(m *testing.M) { server.Main(m, prepare) }

func prepare(binary string) (end func() error, err error) {
	srv, target, end, err = server.Shared(server.Options{Binary: binary, Accounts: accounts, Password: password})
	return end, err
}

// row is one row of the list.
type row struct {
	name string
	test func(*testing.T)
}

func TestHostile(t *testing.T) {
	neighbour := newNeighbour(t)
	descriptors := srv.Descriptors(t)
	t.Cleanup(func() { // after every row
		neighbour.served(t)
		srv.AwaitDescriptors(t, descriptors)
		if peak := srv.PeakMemory(t); peak > memory {
			t.Errorf("the server has held %d MiB, more than %d", peak>>20, memory>>20)
		}
		for _, bad := range []string{needle, password, "panic", "goroutine "} {
			if strings.Contains(printed(), bad) {
				t.Errorf("%q is in the server's output:\n%s", bad, printed())
			}
		}
	})
	for _, rows := range [][]row{tlsRows, xmlRows, limitRows, signInRows, whoRows, loadRows, resumeRows} {
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.test(t)
				if !srv.Alive() {
					t.Fatal("the server is gone")
				}
			})
		}
	}
}

// printed is the server's output without the line that tells how to connect, which has the password of the demo.
func printed() string {
	out := srv.Output()
	if _, after, ok := strings.Cut(out, "profanity:"); ok {
		return after
	}
	return out
}

// neighbour is a pair of clients that have nothing to do with it all and stay signed in.
type neighbour struct{ one, two *session }

func newNeighbour(t *testing.T) neighbour {
	n := neighbour{bound(t), bound(t)}
	n.served(t)
	return n
}

func (n neighbour) served(t *testing.T) {
	t.Helper()
	n.one.send(t, "<message type='chat' to='"+n.two.full+"' id='neighbour'><body>still there?</body></message>")
	for {
		got, err := n.two.Next()
		if err != nil {
			t.Fatalf("the neighbour is not served: %v", err)
		}
		if got.Get("id") == "neighbour" {
			return
		}
	}
}
