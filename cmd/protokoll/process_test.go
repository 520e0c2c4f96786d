package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come; it only ends a test that fails.
const patience = 30 * time.Second

// process is a running protokoll.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	ends chan struct{} // closed when the process is gone

	mu      sync.Mutex
	printed bytes.Buffer  // stdout and stderr
	more    chan struct{} // closed and replaced at each write
}

// launch starts the program with arguments and leaves nothing running after the test.
func launch(t testing.TB, args ...string) *process {
	t.Helper()
	return launchAs(t, exec.Command("protokoll", args...))
}

func launchAs(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, ends: make(chan struct{}), more: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // the exit code is asked for by exit
		close(p.ends)
	}()
	t.Cleanup(p.kill)
	return p
}

// Write collects output.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.more)
	p.more = make(chan struct{})
	return p.printed.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.String()
}

// until waits until the output matches and returns the match with its groups.
func (p *process) until(expression string) []string {
	p.t.Helper()
	re := regexp.MustCompile(expression)
	end := time.After(patience)
	for {
		p.mu.Lock()
		match, more := re.FindStringSubmatch(p.printed.String()), p.more
		p.mu.Unlock()
		if match != nil {
			return match
		}
		select {
		case <-more:
		case <-p.ends:
			if match := re.FindStringSubmatch(p.output()); match != nil {
				return match
			}
			p.t.Fatalf("the process ended without printing %q:\n%s", expression, p.output())
		case <-end:
			p.t.Fatalf("the process did not print %q:\n%s", expression, p.output())
		}
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code, -1 after a signal.
func (p *process) exit(within time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ends:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		p.t.Fatalf("the process is still there after %v:\n%s", within, p.output())
		return 0
	}
}

// stopLimit is what a stop may take. It is a promise to the operator, hence the one timed assertion.
const stopLimit = 5 * time.Second

// stop ends the server as systemd does and wants success.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.exit(stopLimit); code != 0 {
		p.t.Errorf("exit code %d after SIGTERM:\n%s", code, p.output())
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.ends
}

// command runs a command that ends, and returns its output and exit code.
func command(t testing.TB, input string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command("protokoll", args...)
	cmd.Stdin = bytes.NewBufferString(input)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
