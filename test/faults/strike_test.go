package faults

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"protokoll/test/server"
)

// strike is a way in which a machine lets its server down. It returns when the process is gone.
type strike struct {
	name  string
	share int // how often, in relation to the others
	hit   func(t *testing.T, s *server.Server, r *rand.Rand) string
}

// loaded is how long the server works in peace before it is struck.
func loaded(r *rand.Rand) time.Duration { return time.Duration(20+r.IntN(400)) * time.Millisecond }

// killed is kill -9 at a random moment.
func killed(_ *testing.T, s *server.Server, r *rand.Rand) string {
	load := loaded(r)
	time.Sleep(load) // the random moment
	s.Kill()
	return load.String()
}

// mutating are the system calls that change what is on disk.
var mutating = []string{"write", "pwrite64", "fsync", "fdatasync", "renameat", "unlinkat", "ftruncate", "openat", "mkdirat"}

// impatience is how long a thread has to make its n-th call before the process is killed anyway.
const impatience = 400 * time.Millisecond

// killedAtCall kills at the n-th call of one thread: the call is carried out, or it is not.
func killedAtCall(t *testing.T, s *server.Server, r *rand.Rand) string {
	how := []string{"signal=KILL", "error=EIO:signal=KILL"}[r.IntN(2)]
	inject := fmt.Sprintf("inject=%s:%s:when=%d", mutating[r.IntN(len(mutating))], how, 1+r.IntN(12))
	time.Sleep(loaded(r) / 4) // the random moment
	let := inflict(t, s, inject)
	_ = until(impatience, func() bool { return !s.Alive() })
	s.Kill()
	let()
	return inject
}

// refused lets some calls fail for a while. The server may stop because of it; then it is killed.
func refused(t *testing.T, s *server.Server, r *rand.Rand) string {
	calls := []string{"pwrite64", "openat", "renameat", "fsync,fdatasync", "ftruncate", "unlinkat"}[r.IntN(6)]
	from := 1 + r.IntN(6)
	inject := fmt.Sprintf("inject=%s:error=%s:when=%d..%d", calls, []string{"ENOSPC", "EIO"}[r.IntN(2)], from, from+r.IntN(4))
	let := inflict(t, s, inject)
	_ = until(loaded(r), func() bool { return !s.Alive() })
	let()
	s.Kill()
	return inject
}

// inflict lets strace change what system calls do, until let is called.
func inflict(t *testing.T, s *server.Server, inject string) (let func()) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", "-e", inject, "-p", fmt.Sprint(s.PID()))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // killed by the signal we sent, or ended with the server
	}
}

// disturb makes a start go wrong. Whatever comes of it, the next one must find all.
func disturb(s *server.Server, r *rand.Rand) string {
	if r.IntN(2) == 0 {
		s.Wrap = []string{"timeout", "-s", "KILL", fmt.Sprintf("0.%03d", 5+r.IntN(250))}
	} else {
		how := []string{"signal=KILL", "error=EIO", "error=EIO:signal=KILL", "error=ENOSPC"}[r.IntN(4)]
		call := append([]string{"pread64", "read"}, mutating...)[r.IntN(len(mutating)+2)]
		s.Wrap = []string{"strace", "-f", "-o", "/dev/null", "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, how, 1+r.IntN(20))}
	}
	what := fmt.Sprint(s.Wrap)
	_ = s.Again() // what becomes of it is seen at the next start
	s.Kill()
	s.Wrap = nil
	return what
}
