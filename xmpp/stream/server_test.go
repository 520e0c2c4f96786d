package stream

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

const (
	testDomain = "example.org"
	clientHead = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	authUser   = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHVzZXIAcGVuY2ls</auth>" // user, pencil
	authWrong  = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHVzZXIAd3Jvbmc=</auth>"
	bindSpace  = "urn:ietf:params:xml:ns:xmpp-bind"
)

// people signs in whoever knows the password.
type people struct {
	keys []sasl.Verifier

	mu    sync.Mutex
	block chan struct{} // where set, Password waits for it
	err   error
	asked int
}

var testKeys = sync.OnceValues(func() ([]sasl.Verifier, error) { return sasl.NewVerifiers("pencil", sasl.MinIterations) })

func (p *people) Mechanisms(domain string) []string {
	if domain != testDomain && domain != "other.example" {
		return nil
	}
	return sasl.Mechanisms(true, true)
}

func (p *people) Password(ctx context.Context, _, _, password string) (string, error) {
	p.mu.Lock()
	p.asked++
	answer, block := p.err, p.block
	p.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return "", sasl.ErrTemporary
		}
	}
	switch {
	case answer != nil:
		return "", answer
	case password != "pencil":
		return "", sasl.ErrNotAuthorized
	}
	return "", nil
}

// answer changes what Password returns, and what it waits for.
func (p *people) answer(err error, block chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.block = err, block
}

func (p *people) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *people) Verifier(_ context.Context, _, _ string, h sasl.Hash) (sasl.Verifier, error) {
	for _, k := range p.keys {
		if k.Hash == h {
			return k, nil
		}
	}
	return sasl.Verifier{}, sasl.ErrNoAccount
}

// echo is a session layer that sends back what it gets, or does what a message's id asks for.
type echo struct {
	mu      sync.Mutex
	streams map[*Stream]string // by id of the last element
	closed  chan closing
	do      func(s *Stream, f *frame.Frame, t *Turn) error
}

type closing struct {
	s      *Stream
	reason error
}

func newEcho() *echo {
	return &echo{streams: make(map[*Stream]string), closed: make(chan closing, 10_000)}
}

func (e *echo) Features(s *Stream) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.streams[s] = ""
	return []byte("<bind xmlns='" + bindSpace + "'/>")
}

func (e *echo) Element(s *Stream, f *frame.Frame, t *Turn) error {
	e.mu.Lock()
	do := e.do
	e.mu.Unlock()
	if do != nil {
		return do(s, f, t)
	}
	return t.Send(s, f.Raw)
}

// handle replaces the echo.
func (e *echo) handle(do func(s *Stream, f *frame.Frame, t *Turn) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.do = do
}

func (e *echo) Closed(s *Stream, _ *Turn, reason error) {
	e.mu.Lock()
	if _, ok := e.streams[s]; !ok {
		reason = errors.New("closed twice, or never opened")
	}
	delete(e.streams, s)
	e.mu.Unlock()
	e.closed <- closing{s, reason}
}

// logs collects what is logged, at every level.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fixture is a server on a loopback port for STARTTLS and one for direct TLS.
type fixture struct {
	*Server
	people       *people
	echo         *echo
	logs         *logs
	pool         *x509.CertPool
	addr, direct string
}

func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{people: &people{keys: keys}, echo: newEcho(), logs: &logs{}, pool: x509.NewCertPool()}
	dir := t.TempDir()
	pair := writeCertificate(t, dir, testDomain, 1, f.pool)
	certs, err := LoadCertificates([]Pair{pair}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Domains:       func(d string) bool { return d == testDomain || d == "other.example" },
		Certificate:   certs.Get,
		Authenticator: f.people, Sessions: f.echo,
		Logger: slog.New(slog.NewTextHandler(f.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Secret: bytes.Repeat([]byte{1}, 32), Iterations: sasl.MinIterations,
	}
	for _, fn := range change {
		fn(&cfg)
	}
	if f.Server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, direct := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if direct {
			f.direct = l.Addr().String()
		} else {
			f.addr = l.Addr().String()
		}
		wg.Go(func() {
			if err := f.Serve(l, direct); err != nil && !errors.Is(err, ErrClosed) { // a short test ends before
				t.Errorf("Serve: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		wg.Wait()
		if strings.Contains(f.logs.String(), "127.0.0.1") || strings.Contains(f.logs.String(), "pencil") {
			t.Errorf("the log says too much:\n%s", f.logs)
		}
	})
	return f
}

// writeCertificate makes a self-signed pair.
func writeCertificate(t testing.TB, dir, domain string, serial int64, pool *x509.CertPool) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := Pair{Domain: domain, Certificate: filepath.Join(dir, domain+".pem"), Key: filepath.Join(dir, domain+".key")}
	write := func(name, kind string, b []byte) {
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(p.Certificate, "CERTIFICATE", der)
	write(p.Key, "PRIVATE KEY", keyDER)
	if leaf, err := x509.ParseCertificate(der); err == nil && pool != nil {
		pool.AddCert(leaf)
	}
	return p
}

// raw is a client that repairs nothing.
type raw struct {
	t    testing.TB
	net  net.Conn
	got  []byte
	pool *x509.CertPool
}

func dial(t testing.TB, addr string, pool *x509.CertPool) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil { // a test that hangs must end
		t.Fatal(err)
	}
	return &raw{t: t, net: c, pool: pool}
}

func (c *raw) send(text string) {
	c.t.Helper()
	if _, err := c.net.Write([]byte(text)); err != nil {
		c.t.Fatalf("send %.60q: %v", text, err)
	}
}

// until reads up to and including text, and returns what came before and with it.
func (c *raw) until(text string) string {
	c.t.Helper()
	buf := make([]byte, 32<<10)
	for {
		if i := bytes.Index(c.got, []byte(text)); i >= 0 {
			out := string(c.got[:i+len(text)])
			c.got = c.got[i+len(text):]
			return out
		}
		n, err := c.net.Read(buf)
		c.got = append(c.got, buf[:n]...)
		c.anonymous()
		if err != nil && !bytes.Contains(c.got, []byte(text)) {
			c.t.Fatalf("waiting for %q: %v; got %q", text, err, c.got)
		}
	}
}

// anonymous is L9: no answer tells the peer its own address.
func (c *raw) anonymous() {
	if bytes.Contains(c.got, []byte("127.")) {
		c.t.Errorf("an address on the wire: %q", c.got)
	}
}

// rest reads to the end of the connection.
func (c *raw) rest() string {
	buf := make([]byte, 32<<10)
	for {
		n, err := c.net.Read(buf)
		c.got = append(c.got, buf[:n]...)
		c.anonymous()
		if err != nil {
			out := string(c.got)
			c.got = nil
			return out
		}
	}
}

func (c *raw) tls(change ...func(*tls.Config)) *tls.Conn {
	c.t.Helper()
	cfg := &tls.Config{ServerName: testDomain, RootCAs: c.pool}
	for _, fn := range change {
		fn(cfg)
	}
	conn := tls.Client(c.net, cfg)
	if err := conn.Handshake(); err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.net = conn
	return conn
}

// startTLS opens a stream and goes to TLS.
func (f *fixture) startTLS(t testing.TB) *raw {
	t.Helper()
	c := dial(t, f.addr, f.pool)
	c.send(clientHead)
	c.until("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>")
	c.until("</stream:features>")
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.tls()
	return c
}

// login signs in over direct TLS.
func (f *fixture) login(t testing.TB) *raw {
	t.Helper()
	c := dial(t, f.direct, f.pool)
	c.tls()
	c.signIn("user")
	return c
}

func (c *raw) signIn(name string) {
	c.t.Helper()
	c.send(clientHead + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00pencil")) + "</auth>")
	c.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	c.send(clientHead)
	c.until("</stream:features>")
}

func (f *fixture) awaitClosed(t testing.TB) closing {
	t.Helper()
	select {
	case c := <-f.echo.closed:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("Closed was not called")
		return closing{}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.startTLS(t)
	c.send(clientHead)
	c.until("<mechanism>SCRAM-SHA-256-PLUS</mechanism>")
	c.until("<channel-binding type='tls-exporter'/><channel-binding type='tls-server-end-point'/>")
	c.until("<max-bytes>8192</max-bytes><idle-seconds>30</idle-seconds>")
	c.until("</stream:features>")
	c.send(authUser)
	c.until("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
	c.send(clientHead)
	c.until("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
	c.until("<max-bytes>262144</max-bytes>")
	c.until("</stream:features>")
	c.send("<message id='1'><body>hello</body></message>")
	c.until("<message id='1'><body>hello</body></message>")
	c.send("</stream:stream>")
	c.until("</stream:stream>")
	if rest := c.rest(); rest != "" {
		t.Errorf("after the end: %q", rest)
	}
	if got := f.awaitClosed(t); got.reason != nil || got.s.Localpart() != "user" || got.s.Domain() != testDomain {
		t.Errorf("Closed(%v) of %s", got.reason, got.s.Localpart())
	}
}

func TestPipelined(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := dial(t, f.direct, f.pool)
	c.tls(func(cfg *tls.Config) { cfg.NextProtos = []string{"xmpp-client"} })
	c.send(clientHead + authUser + clientHead + "<message id='1'/>")
	c.until("<success")
	c.until("<message id='1'/>")
}
