package server

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"protokoll/test/wire"
)

// Descriptors is how many file descriptors the server has open.
func (s *Server) Descriptors(t testing.TB) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// slack is how many descriptors a server may have more than before: files of its log come and go.
const slack = 8

// AwaitDescriptors fails when the server does not close what it has opened since there were n: a socket that a client
// has reset is closed when the server has noticed.
func (s *Server) AwaitDescriptors(t testing.TB, n int) {
	t.Helper()
	for end := time.Now().Add(wire.Patience); s.Descriptors(t) > n+slack; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("%d descriptors are open, %d before", s.Descriptors(t), n)
			return
		}
	}
}

// PeakMemory is the most that the server has ever had resident, in bytes.
func (s *Server) PeakMemory(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(text, "kB")))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("at most %d MiB resident", kib>>10)
			return kib << 10
		}
	}
	t.Fatal("the kernel does not tell how much memory the server has")
	return 0
}
