package server

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"protokoll/test/wire"
)

// StartPatience is how long a start may take; creating some hundred accounts derives as many keys.
const StartPatience = 90 * time.Second

// StopPatience is how long a gentle end may take: the two stages of a shutdown take less than 5 s.
const StopPatience = 10 * time.Second

// Options say how a server is started; the zero value is a demo with 3 accounts on a new folder.
type Options struct {
	Binary   string
	Data     string   // folder; empty: a new temporary one, removed by Remove
	Domain   string   // empty: localhost
	Accounts int      // user1 … userN; 0: 3
	Password string   // empty: "secret"
	Args     []string // in place of `demo …`: another command line
	Env      []string // added to the environment
	Wrap     []string // command put in front, such as strace …
	IP       string   // address to listen on; empty: 127.0.0.1
}

// Server is a running server, or one that was stopped and can be started again on the same folder and ports.
type Server struct {
	Options
	Addr, TLSAddr string
	temporary     bool

	printed int // bytes of out when it was started last

	mu   sync.Mutex
	out  *bytes.Buffer // everything ever printed, stdout and stderr
	cmd  *exec.Cmd
	done chan error
}

// Start starts a server and waits until it takes connections.
func Start(o Options) (*Server, error) {
	ports, err := FreePorts(or(o.IP, "127.0.0.1"), 2)
	if err != nil {
		return nil, err
	}
	return StartAt(o, ports)
}

// StartAt is Start with the addresses for STARTTLS and direct TLS, for command lines that have them in a file.
func StartAt(o Options, ports []string) (*Server, error) {
	s := &Server{Options: o, out: &bytes.Buffer{}}
	s.Domain, s.Password = or(o.Domain, "localhost"), or(o.Password, "secret")
	if s.Accounts == 0 {
		s.Accounts = 3
	}
	if s.Data == "" {
		var err error
		s.temporary = true
		if s.Data, err = os.MkdirTemp("", "protokoll-test-"); err != nil {
			return nil, err
		}
	}
	s.Addr, s.TLSAddr = ports[0], ports[1]
	if err := s.Again(); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// The ports that FreePorts hands out: below those that the kernel gives to clients (ip_local_port_range begins at 32768), so
// that nobody's connection takes the port of a server that is just being started again.
const (
	firstPort = 10_000
	lastPort  = 32_000
)

// given are the addresses that this process has handed out; a server that is down for a moment keeps its own.
var given sync.Map

// FreePorts returns n addresses that nobody listens on, and that it never returned before.
func FreePorts(ip string, n int) ([]string, error) {
	var out []string
	for tries := 0; len(out) < n; tries++ {
		addr := net.JoinHostPort(ip, strconv.Itoa(firstPort+rand.IntN(lastPort-firstPort)))
		if _, known := given.LoadOrStore(addr, true); known {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil && tries > 1000 {
			return nil, fmt.Errorf("server: looking for a free port: %w", err)
		}
		if err != nil {
			continue
		}
		_ = l.Close()
		out = append(out, addr)
	}
	return out, nil
}

func (s *Server) command() []string {
	args := s.Args
	if args == nil {
		args = []string{"demo", "--data", s.Data, "--listen", s.Addr, "--listen-tls", s.TLSAddr, "--domain", s.Domain,
			"--accounts", strconv.Itoa(s.Accounts), "--password", s.Password}
	}
	return append(append(append([]string{}, s.Wrap...), s.Binary), args...)
}

// Again starts a stopped server on the same folder and the same ports.
func (s *Server) Again() error {
	line := s.command()
	cmd := exec.Command(line[0], line[1:]...)
	signs := s.signs()
	s.printed = len(s.Output())
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = lockedWriter{s}, lockedWriter{s}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("server: starting: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait(); close(done) }()
	s.cmd, s.done = cmd, done
	return s.ready(signs)
}

// ready waits for every sign that it is up; it tells at once when the process ends instead.
func (s *Server) ready(signs []func() bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), StartPatience)
	defer cancel()
	for _, up := range signs {
		for !up() {
			select {
			case err := <-s.done:
				return fmt.Errorf("server: it ended at start (%v), having printed:\n%s", err, s.sinceStart())
			case <-ctx.Done():
				_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGQUIT) // it prints where every goroutine stands
				<-s.done
				return fmt.Errorf("server: not ready after %v, having printed:\n%s", StartPatience, s.sinceStart())
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	return nil
}

// signs are what shows that a server is up: it takes connections, and a demo has said how to connect, which it does when
// its accounts are there.
func (s *Server) signs() []func() bool {
	all := []func() bool{func() bool { return dials(s.Addr) }, func() bool { return dials(s.TLSAddr) }}
	if s.Args == nil {
		before := strings.Count(s.Output(), told)
		all = append(all, func() bool { return strings.Count(s.Output(), told) > before })
	}
	return all
}

// told is in the last of the three lines that say how to connect.
const told = "profanity:"

func dials(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// Target is what a client needs to find and trust this server.
func (s *Server) Target() (wire.Target, error) {
	pem, err := os.ReadFile(filepath.Join(s.Data, "ca.pem"))
	if err != nil {
		return wire.Target{}, fmt.Errorf("server: reading the CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return wire.Target{}, errors.New("server: ca.pem holds no certificate")
	}
	return wire.Target{Addr: s.Addr, TLSAddr: s.TLSAddr, Domain: s.Domain, Roots: roots}, nil
}

// CA is the path of the demo's certificate authority.
func (s *Server) CA() string { return filepath.Join(s.Data, "ca.pem") }

// Kill ends the server by SIGKILL, its whole process group, and waits until it is gone.
func (s *Server) Kill() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.done
}

// Stop ends the server by SIGTERM; an error tells that it did not end in time, or not with exit code 0.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		if err != nil {
			return fmt.Errorf("server: stopped with %w, having printed:\n%s", err, s.sinceStart())
		}
		return nil
	case <-time.After(StopPatience):
		s.Kill()
		return fmt.Errorf("server: still there %v after SIGTERM, having printed:\n%s", StopPatience, s.sinceStart())
	}
}

// Alive reports whether the process runs; without it, whatever a test found after this is about a dead server.
func (s *Server) Alive() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// PID is the server's process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Remove kills the server if it still runs and removes a temporary folder.
func (s *Server) Remove() {
	if s.cmd != nil && s.Alive() {
		s.Kill()
	}
	if s.temporary {
		_ = os.RemoveAll(s.Data)
	}
}

// Command runs another command of the same binary, `--data` put behind it, and returns what it printed.
func (s *Server) Command(args ...string) (string, error) {
	cmd := exec.Command(s.Binary, append(args, "--data", s.Data)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Output is everything the server has printed so far, over all its starts.
func (s *Server) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// sinceStart is what it has printed since it was started last.
func (s *Server) sinceStart() string { return s.Output()[s.printed:] }

type lockedWriter struct{ s *Server }

func (w lockedWriter) Write(b []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.s.out.Write(b)
}
