//go:build desktop

package desktop

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/test/server"
)

// patience is for one driver; a window on a virtual screen takes its time.
const patience = 2 * time.Minute

const drivers = "../drivers"

var binary string

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

// demo is a demo where every client looks for localhost.
func demo(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.StartAt(server.Options{Binary: binary, Accounts: 20}, []string{"127.0.0.1:5222", "127.0.0.1:5223"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// TestDesktop lets one client after the other sign in, show its contact, send a message and show the answer.
func TestDesktop(t *testing.T) {
	s, pool := demo(t), server.NewPool(20)
	for _, client := range []string{"gajim", "dino", "psi"} {
		t.Run(client, func(t *testing.T) {
			one, two := pool.Account()+"@"+s.Domain, pool.Account()+"@"+s.Domain
			befriend(t, s, one, two)
			drive(t, client+".sh", s, one, two)
		})
	}
	t.Run("dino and profanity with OMEMO", func(t *testing.T) {
		one, two := pool.Account()+"@"+s.Domain, pool.Account()+"@"+s.Domain
		befriend(t, s, one, two).end()
		drive(t, "dino_omemo.sh", s, one, two)
	})
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// befriend makes two people contacts of each other; the second, which it returns, answers whatever is said to it until the test ends.
func befriend(t *testing.T, s *server.Server, one, two string) person {
	t.Helper()
	answers, asks := echo(t, s, two, one), echo(t, s, one, two)
	answers.await(t)
	asks.await(t)
	asks.end()
	return answers
}

// person is an echo.py.
type person struct {
	both chan struct{} // closed when each has the other's subscription
	end  func()        // signs out, however rudely, and waits for that
}

func echo(t *testing.T, s *server.Server, who, other string) person {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	cmd := exec.CommandContext(t.Context(), filepath.Join(drivers, "echo.py"), host, port, s.CA(), who, s.Password, "600", other)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, ended := person{both: make(chan struct{})}, make(chan struct{})
	go func() {
		defer close(ended)
		once := sync.OnceFunc(func() { close(p.both) })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == "both" {
				once()
			}
		}
		_ = cmd.Wait() // it was killed
	}()
	p.end = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(p.end)
	return p
}

func (p person) await(t *testing.T) {
	t.Helper()
	select {
	case <-p.both:
	case <-time.After(patience):
		t.Fatal("two people do not become contacts of each other")
	}
}

// drive runs a driver, which writes its screenshots into PROTOKOLL_SCREENS.
func drive(t *testing.T, driver string, s *server.Server, one, two string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	screens := os.Getenv("PROTOKOLL_SCREENS")
	if screens == "" {
		screens = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shot := filepath.Join(screens, strings.TrimSuffix(driver, ".sh")+".png")
	cmd := exec.CommandContext(ctx, filepath.Join(drivers, driver), host, port, s.CA(), one, s.Password, two, shot)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", driver, err, out)
		return
	}
	t.Logf("%s", out)
}
