package faults

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

const password = "secret-Pa55"

// binary is the server under test, built once.
var binary string

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

// start starts a server of this test's own.
func start(t *testing.T, o server.Options) (*server.Server, wire.Target) {
	t.Helper()
	o.Binary, o.Password = binary, password
	s, err := server.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server printed:\n%s", tail(logged(s), 1500))
		}
		s.Remove()
	})
	target, err := s.Target()
	if err != nil {
		t.Fatal(err)
	}
	return s, target
}

// logged is what the server printed, without the demo's introduction and its line each second.
func logged(s *server.Server) string {
	var b strings.Builder
	for line := range strings.Lines(s.Output()) {
		if strings.HasPrefix(line, "time=") || strings.HasPrefix(line, "protokoll: ") || strings.HasPrefix(line, "panic") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// tail is the end of what was printed.
func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// shortened keeps the beginning and the end of a text.
func shortened(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n/2] + "\n[…]\n" + s[len(s)-n/2:]
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// seed is given by PROTOKOLL_SEED, or a new one; it is printed so that the choices can be repeated.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := number(t, "PROTOKOLL_SEED", uint64(time.Now().UnixNano()))
	t.Logf("PROTOKOLL_SEED=%d", s)
	return s
}

// choices is a source of random numbers for one goroutine.
func choices(seed, who uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, who)) }

// until waits for a condition that something else brings about; it ends a failing test only.
func until(patience time.Duration, holds func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(3 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return holds()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
