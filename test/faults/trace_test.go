package faults

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// trace attaches strace to a running server. The returned function lets go and returns what was written to the trace.
func trace(t *testing.T, s *server.Server, args ...string) (stop func() string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", append([]string{"-f", "-yy", "-o", out, "-p", fmt.Sprint(s.PID())}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	first := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(said)
		for n := 0; lines.Scan(); n++ {
			if n == 0 {
				first <- lines.Text()
			}
		}
		close(first)
	})
	if line := <-first; !strings.Contains(line, "attached") {
		t.Fatalf("strace: %s", line)
	}
	if !until(wire.Patience, func() bool { return traced(s.PID()) || !s.Alive() }) {
		t.Fatal("strace does not trace every thread")
	}
	var once sync.Once
	end := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		reading.Wait()
		_ = cmd.Wait() // killed by the signal we sent, or ended with the server
	}
	t.Cleanup(func() { once.Do(end) })
	return func() string {
		once.Do(end)
		text, err := os.ReadFile(out)
		must(t, err)
		return string(text)
	}
}

// traced tells whether a tracer holds every thread of a process.
func traced(pid int) bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return false
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil || strings.Contains(string(status), "TracerPid:\t0\n") {
			return false
		}
	}
	return len(tasks) > 0
}

// call is one line of a trace: a system call that began, ended, or both.
type call struct {
	name, file   string
	begins, ends bool
}

var (
	whole   = regexp.MustCompile(`^(\d+) +(\w+)\(\d+<([^>]*(?:->[^>]*)?)>.*\) += .*$`)
	opening = regexp.MustCompile(`^(\d+) +(\w+)\(\d+<([^>]*(?:->[^>]*)?)>.*<unfinished \.\.\.>$`)
	closing = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>`)
)

// calls reads a trace; a call that another thread interrupts has two lines.
func calls(text string) (all []call) {
	open := map[string]call{} // by thread
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := opening.FindStringSubmatch(line); m != nil {
			c := call{name: m[2], file: m[3], begins: true}
			open[m[1]] = c
			all = append(all, c)
		} else if m := closing.FindStringSubmatch(line); m != nil {
			c := open[m[1]]
			c.begins, c.ends = false, true
			all = append(all, c)
		} else if m := whole.FindStringSubmatch(line); m != nil {
			all = append(all, call{name: m[2], file: m[3], begins: true, ends: true})
		}
	}
	return all
}

// traceMessages is how many messages are sent one after the other.
const traceMessages = 20

// TestSyncBeforeAcknowledgement: the <a/> of a stored message leaves after the fsync of the block that holds it. Promise 1.
func TestSyncBeforeAcknowledgement(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	online(t, sender, available)
	must(t, sender.ping())
	stop := trace(t, s, "-e", "trace=fsync,fdatasync,write,pwrite64,writev,pwritev,sendto,sendmsg", "-s", "0")
	for i := range traceMessages {
		say(t, sender, "user2@"+target.Domain, fmt.Sprintf("m%d", i))
	}
	text := stop()
	if err := checkOrder(calls(text), traceMessages); err != nil {
		t.Errorf("%v; the trace begins:\n%s", err, text[:min(len(text), 3000)])
	}
}

// checkOrder walks along a trace of messages that were sent one by one: when the answer to one begins to be written, the
// message has been written to the log, and nothing of the log is unsynced.
func checkOrder(all []call, messages int) error {
	dirty, syncing, written, answers := map[string]bool{}, map[string]bool{}, 0, 0
	for _, c := range all {
		block := strings.HasSuffix(c.file, ".blk")
		sync := c.name == "fsync" || c.name == "fdatasync"
		switch {
		case block && !sync && c.begins:
			dirty[c.file] = true
			syncing[c.file] = false // a sync that began before does not cover this
			if strings.Contains(c.file, "inbox") {
				written++
			}
		case block && sync:
			syncing[c.file] = syncing[c.file] || c.begins
			if c.ends && syncing[c.file] {
				delete(dirty, c.file)
			}
		case strings.HasPrefix(c.file, "TCP") && c.begins:
			answers++
			if answers > written || len(dirty) > 0 {
				return fmt.Errorf("answer %d to the client begins after %d writes to the log; %d files are not synced", answers, written, len(dirty))
			}
		}
	}
	if answers < messages {
		return fmt.Errorf("%d messages, %d writes to the log and %d to the client", messages, written, answers)
	}
	return nil
}

// TestOrderIsChecked shows that checkOrder can fail.
func TestOrderIsChecked(t *testing.T) {
	t.Parallel()
	const (
		write  = "1 pwrite64(9</d/inbox/1.blk>, \"\"..., 5, 0) = 5\n"
		begin  = "2 fsync(9</d/inbox/1.blk> <unfinished ...>\n"
		end    = "2 <... fsync resumed>) = 0\n"
		answer = "1 write(7<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\"..., 3) = 3\n"
		other  = "1 write(1<pipe:[3]>, \"\"..., 1) = 1\n"
	)
	for name, row := range map[string]struct {
		text string
		good bool
	}{
		"in order":                {write + begin + other + end + answer, true},
		"during the sync":         {write + begin + answer + end, false},
		"before the sync":         {write + answer + begin + end, false},
		"before the write":        {answer + write + begin + end, false},
		"a write behind the sync": {begin + write + end + answer, false},
		"nothing":                 {"", false},
	} {
		if err := checkOrder(calls(row.text), 1); (err == nil) != row.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
