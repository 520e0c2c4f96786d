package directory

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ldaptest "protokoll/test/ldap"
	"protokoll/test/pki"
)

// own is a slapd that a test may stop.
func own(t *testing.T) *ldaptest.Server {
	t.Helper()
	s := ldaptest.Start(t, t.TempDir(), 10)
	t.Cleanup(s.Stop)
	return s
}

// listener accepts on loopback and hands connections to a function; it counts them.
func listener(t *testing.T, handle func(net.Conn)) (address string, accepted *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	accepted = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			t.Cleanup(func() { _ = c.Close() })
			go handle(c)
		}
	}()
	return l.Addr().String(), accepted
}

// clock is one that a test moves.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(by time.Duration) { c.offset.Add(int64(by)) }

func anna(l *LDAP) error {
	_, err := l.Authenticate(context.Background(), "anna.mueller", "secret")
	return err
}

// eventually repeats a sign-in whose time-outs are short, while a busy machine may
// be slower than they are; each try comes after the longest back-off.
func eventually(t *testing.T, l *LDAP, now *clock) {
	t.Helper()
	var err error
	for range 100 {
		now.advance(maxBackoff)
		if err = anna(l); err == nil {
			return
		}
	}
	t.Error(err)
}

func TestWrongCA(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	pki.Make(t, other, "other.example")
	for _, url := range []string{slapd(t).URL(), slapd(t).SecureURL()} {
		var log logBuffer
		c := config(t, slapd(t))
		c.URLs, c.CAFile, c.Logger = []string{url}, filepath.Join(other, "ca.crt"), log.logger()
		err := anna(open(t, c))
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "certificate not accepted") {
			t.Errorf("%v", err)
		}
		if !strings.Contains(log.String(), "certificate not accepted") {
			t.Errorf("log: %s", log.String())
		}
	}
}

func TestExpiredCertificate(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c := config(t, slapd(t))
	c.CAFile = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(c.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	address, _ := listener(t, func(c net.Conn) {
		hostile{}.talk(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}))
	})
	c.URLs = []string{"ldaps://" + address}
	if err := anna(open(t, c)); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "certificate not accepted") {
		t.Errorf("%v", err)
	}
}

// The certificate is for 127.0.0.1 and .2, not for .3.
func TestCertificateForAnotherHost(t *testing.T) {
	t.Parallel()
	c := config(t, slapd(t))
	target := strings.TrimPrefix(slapd(t).SecureURL(), "ldaps://")
	l, err := net.Listen("tcp", "127.0.0.3:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		go copyAll(out, in)
		copyAll(in, out)
	}()
	c.URLs = []string{"ldaps://" + l.Addr().String()}
	if err := anna(open(t, c)); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

func copyAll(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func TestServiceAccountRefused(t *testing.T) {
	t.Parallel()
	s := own(t)
	var log logBuffer
	c := config(t, s)
	c.Password, c.Logger = "wrong", log.logger()
	l := open(t, c)
	for range 20 {
		if err := anna(l); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if n := strings.Count(s.Log(t), `BIND dn="`+ldaptest.ServiceDN); n != 1 {
		t.Errorf("%d binds with a wrong password in a row would lock the account", n)
	}
	if n := strings.Count(log.String(), "service account refused"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
}

func TestWrongBase(t *testing.T) {
	t.Parallel()
	c := config(t, slapd(t))
	c.BaseDN = "ou=nowhere," + ldaptest.BaseDN
	if err := anna(open(t, c)); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "base not found") {
		t.Errorf("a wrong base must not look like a wrong password: %v", err)
	}
}

func TestFailOver(t *testing.T) {
	t.Parallel()
	var log logBuffer
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	c := config(t, slapd(t))
	c.URLs, c.Logger = []string{"ldap://" + dead.Addr().String(), slapd(t).URL()}, log.logger()
	l := open(t, c)
	for range 5 {
		if err := anna(l); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "does not answer"); n != 1 || strings.Contains(log.String(), "directory unavailable") {
		t.Errorf("log:\n%s", log.String())
	}
}

func TestFailOverMidway(t *testing.T) {
	t.Parallel()
	first := own(t)
	var log logBuffer
	var time clock
	c := config(t, first)
	both := filepath.Join(t.TempDir(), "both.crt")
	concat(t, both, first.CAFile(), slapd(t).CAFile())
	c.CAFile, c.URLs, c.Logger, c.Now = both, []string{first.URL(), slapd(t).URL()}, log.logger(), time.now
	l := open(t, c)
	step := func(what string) {
		t.Helper()
		if err := anna(l); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	step("both run")
	first.Stop()
	step("the first is gone")
	first.Restart(t)
	time.advance(connLifetime)
	step("the first is back")
	if strings.Count(first.Log(t), "slapd starting") != 2 || !strings.Contains(log.String(), "answers again") {
		t.Errorf("the first server is not used again:\n%s", log.String())
	}
}

// A server that accepts and stays silent, as such, after TLS, or when paused with
// connections open.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	address, accepted := listener(t, func(net.Conn) {})
	var log logBuffer
	c := config(t, slapd(t))
	c.DialTimeout, c.OpTimeout, c.Logger, c.PoolSize = 100*time.Millisecond, 100*time.Millisecond, log.logger(), 2
	for _, url := range []string{"ldap://", "ldaps://"} {
		c.URLs = []string{url + address}
		l := open(t, c)
		for range 10 {
			if err := anna(l); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrWrongPassword) {
				t.Fatal(err)
			}
		}
	}
	if n := accepted.Load(); n > 4 {
		t.Errorf("%d connections: the circuit stays closed", n)
	}
	if n := strings.Count(log.String(), "directory unavailable"); n != 2 {
		t.Errorf("logged %d times for two directories:\n%s", n, log.String())
	}
	// With a second server the sign-in succeeds within its time.
	c.URLs = []string{"ldap://" + address, slapd(t).URL()}
	var now clock
	c.DialTimeout, c.OpTimeout, c.Now = 500*time.Millisecond, time.Minute, now.now
	eventually(t, open(t, c), &now)
}

func TestPausedServer(t *testing.T) {
	t.Parallel()
	s := own(t)
	var now clock
	c := config(t, s)
	c.OpTimeout, c.Now = 300*time.Millisecond, now.now
	l := open(t, c)
	eventually(t, l, &now)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	err := anna(l)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("paused: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Authenticate(ctx, "anna.mueller", "secret"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, l, &now)
}

func TestStopAndRestart(t *testing.T) {
	t.Parallel()
	s := own(t)
	var log logBuffer
	var now clock
	c := config(t, s)
	c.Logger, c.Now = log.logger(), now.now
	l := open(t, c)
	if err := anna(l); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	for range 20 {
		if err := anna(l); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		now.advance(time.Second) // some of these try again
	}
	s.Restart(t)
	now.advance(maxBackoff)
	for range 3 {
		if err := anna(l); err != nil {
			t.Fatal(err)
		}
	}
	if down, up := strings.Count(log.String(), "level=ERROR"), strings.Count(log.String(), "available again"); down != 1 || up != 1 {
		t.Errorf("logged %d times down, %d times up:\n%s", down, up, log.String())
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d lines, want 2:\n%s", n, log.String())
	}
}

// A restart that nobody notices: connections in the pool are dead, the server is not.
func TestQuickRestart(t *testing.T) {
	t.Parallel()
	s := own(t)
	var log logBuffer
	c := config(t, s)
	c.Logger = log.logger()
	l := open(t, c)
	for range 2 {
		if err := anna(l); err != nil {
			t.Fatal(err)
		}
		s.Stop()
		s.Restart(t)
	}
	if err := anna(l); err != nil || log.String() != "" {
		t.Errorf("%v, log %q", err, log.String())
	}
}

// The pool is full of operations that hang: whoever waits, waits for its own time.
func TestWaitingIsBounded(t *testing.T) {
	t.Parallel()
	address, _ := listener(t, func(net.Conn) {})
	c := config(t, slapd(t))
	c.URLs, c.PoolSize, c.DialTimeout = []string{"ldap://" + address}, 1, time.Second
	l := open(t, c)
	hung := make(chan error, 1)
	go func() { hung <- anna(l) }()
	for len(l.search.slots) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := l.Lookup(ctx, "anna.mueller"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := <-hung; !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}
func concat(t *testing.T, to string, from ...string) {
	t.Helper()
	var all []byte
	for _, name := range from {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if err := os.WriteFile(to, all, 0o600); err != nil {
		t.Fatal(err)
	}
}
