package session_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/accounts"
	"protokoll/eventlog/jetstream"
	"protokoll/eventlog/seal"
	"protokoll/internal/democa"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/router"
	"protokoll/xmpp/sasl"
	"protokoll/xmpp/session"
	"protokoll/xmpp/stream"
)

// The tests of this package talk over TLS to a server that has everything but cmd/: the real log, state and accounts.

const (
	domain = "example.org"
	header = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	smNS   = "urn:xmpp:sm:3"
)

// anyone signs in with the password "pencil".
type anyone struct{}

func (anyone) Mechanisms(string) []string { return []string{"PLAIN"} }

func (anyone) Password(_ context.Context, _, _, password string) (string, error) {
	if password != "pencil" {
		return "", sasl.ErrNotAuthorized
	}
	return "", nil
}

func (anyone) Verifier(context.Context, string, string, sasl.Hash) (sasl.Verifier, error) {
	return sasl.Verifier{}, sasl.ErrNoAccount
}

// server is an assembled server.
type server struct {
	t        testing.TB
	dir      string
	cert     tls.Certificate
	limits   session.Limits
	accounts router.Limits
	// directory lists people who have no account until somebody asks for them.
	directory []string

	log      *jetstream.Log
	state    *state.State
	router   *router.Router
	sessions *session.Sessions
	streams  *stream.Server
	addr     string
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

var people = []string{"anna", "bert", "cleo", "dora"}

// newServer starts a server with four accounts.
func newServer(t testing.TB, change ...func(*server)) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	for _, fn := range change {
		fn(s)
	}
	var err error
	s.cert, err = democa.Pair(filepath.Join(s.dir, "ca"), domain, time.Now())
	s.must(err)
	s.start(true)
	t.Cleanup(s.stop)
	return s
}

func (s *server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) start(fresh bool) {
	s.t.Helper()
	root := seal.FileRoot(filepath.Join(s.dir, "root"))
	openKeys, openLog := seal.OpenKeybook, jetstream.Open
	if fresh {
		openKeys, openLog = seal.Create, jetstream.Create
	}
	keys, err := openKeys(filepath.Join(s.dir, "keys"), root)
	s.must(err)
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s.log, err = openLog(jetstream.Config{Dir: filepath.Join(s.dir, "log"), Keys: keys, Logger: logger})
	s.must(err)
	s.state, err = state.Open(filepath.Join(s.dir, "state"), s.log, logger)
	s.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.running.Go(func() { _ = s.state.Run(ctx) })
	s.must(s.state.Caught(ctx))
	registry := accounts.New(s.log, s.state, keys)
	if fresh {
		var batch []accounts.NewAccount
		for _, name := range people {
			batch = append(batch, accounts.NewAccount{Localpart: name, Domain: domain})
		}
		s.must(registry.Open(ctx, schemas.Cause_STAFF, batch...))
	}
	s.assemble(registry, logger)
}

func (s *server) assemble(registry *accounts.Registry, logger *slog.Logger) {
	s.t.Helper()
	feats := features.New(features.Config{Logger: logger, Clock: time.Now, Started: time.Now()})
	s.router = router.New(router.Config{Log: s.log, State: s.state, Accounts: registry, Domains: []string{domain},
		Registry: feats, Logger: logger, Limits: s.accounts, Resolve: s.resolver(registry)})
	var err error
	s.sessions, err = session.New(session.Config{Router: s.router, Registry: feats, Table: filepath.Join(s.dir, "sessions"),
		Logger: logger, Limits: s.limits, Secret: bytes.Repeat([]byte{2}, 32)})
	s.must(err)
	s.streams, err = stream.New(stream.Config{Domains: func(d string) bool { return d == domain },
		Certificate:   func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &s.cert, nil },
		Authenticator: anyone{}, Sessions: s.sessions, Inline: s.sessions, Devices: devices{registry}, Secret: bytes.Repeat([]byte{1}, 32), Logger: logger})
	s.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.addr = l.Addr().String()
	s.running.Go(func() { _ = s.streams.Serve(l, true) })
}

// resolver is what opens accounts for people of the directory.
func (s *server) resolver(registry *accounts.Registry) func(context.Context, string, string) (accounts.Account, error) {
	if s.directory == nil {
		return nil
	}
	return func(ctx context.Context, d, local string) (accounts.Account, error) {
		if !slices.Contains(s.directory, local) {
			return accounts.Account{}, accounts.ErrNoAccount
		}
		n := accounts.NewAccount{Localpart: local, Domain: d, DirectoryID: "entry of " + local}
		if err := registry.Open(ctx, schemas.Cause_DIRECTORY, n); err != nil && !errors.Is(err, accounts.ErrExists) {
			return accounts.Account{}, err
		}
		return registry.Find(d, local)
	}
}

// stop ends the server as SIGTERM does.
func (s *server) stop() {
	if s.log == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.sessions.Stopping()
	_ = s.streams.Shutdown(ctx)
	if err := s.sessions.Close(); err != nil {
		s.t.Error(err)
	}
	s.router.Close()
	if err := s.log.Close(); err != nil {
		s.t.Error(err)
	}
	s.cancel()
	s.running.Wait()
	_ = s.state.Close()
	s.log = nil
}

// restart stops and starts the server on the same data.
func (s *server) restart() {
	s.t.Helper()
	s.stop()
	s.start(false)
}

// client is a raw client that repairs nothing.
type client struct {
	t    testing.TB
	name string
	net  net.Conn
	got  []byte
	id   string // to resume by
}

// dial connects and says nothing yet.
func (s *server) dial(name string) *client {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"xmpp-client"}})
	s.must(err)
	s.t.Cleanup(func() { _ = conn.Close() })
	s.must(conn.SetDeadline(time.Now().Add(20 * time.Second))) // a test that hangs must end
	return &client{t: s.t, name: name, net: conn}
}

// connect signs in and leaves the stream before bind.
func (s *server) connect(name string) *client {
	s.t.Helper()
	c := s.dial(name)
	c.send(header + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00pencil")) + "</auth>")
	c.until("<success")
	c.send(header)
	c.until("</stream:features>")
	return c
}

// bind connects and binds a resource.
func (s *server) bind(name, resource string) *client {
	s.t.Helper()
	c := s.connect(name)
	c.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>" + resource + "</resource></bind></iq>")
	c.until("</jid></bind></iq>")
	return c
}

// online binds, fetches the roster and sends presence.
func (s *server) online(name, resource string) *client {
	s.t.Helper()
	c := s.bind(name, resource)
	c.available()
	return c
}

// managed is online with resumable stream management.
func (s *server) managed(name, resource string) *client {
	s.t.Helper()
	c := s.bind(name, resource)
	c.enable()
	c.available()
	c.ack(c.stanzas())
	return c
}

func (c *client) enable() {
	c.t.Helper()
	c.send("<enable xmlns='" + smNS + "' resume='true'/>")
	answer := c.until(" resume='true' max='")
	_, rest, _ := strings.Cut(answer, "id='")
	c.id, _, _ = strings.Cut(rest, "'")
}

func (c *client) available() {
	c.t.Helper()
	c.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>")
	c.until("id='roster'")
	c.until("<presence from='" + c.name)
	c.until("/>")
}

// stanzas is how many stanzas a client has had after available: the roster and its own presence.
func (c *client) stanzas() int { return 2 }

func (c *client) ack(h int) { c.send(fmt.Sprintf("<a xmlns='%s' h='%d'/>", smNS, h)) }

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := c.net.Write([]byte(text)); err != nil {
		c.t.Fatalf("%s sends: %v", c.name, err)
	}
}

// until reads up to and including text, and returns what came before and with it.
func (c *client) until(text string) string {
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
		if err != nil && !bytes.Contains(c.got, []byte(text)) {
			c.t.Fatalf("%s waits for %q: %v; got %q", c.name, text, err, c.got)
		}
	}
}

// sync returns everything that came before the answer to a ping.
func (c *client) sync() string {
	c.t.Helper()
	c.send("<iq type='get' id='sync' to='" + domain + "'><ping xmlns='urn:xmpp:ping'/></iq>")
	out := c.until("id='sync'")
	c.until(">")
	return out
}

// drop loses the connection without a word.
func (c *client) drop() { _ = c.net.Close() }

// leave closes the stream.
func (c *client) leave() {
	c.t.Helper()
	c.send("</stream:stream>")
	c.until("</stream:stream>")
	_ = c.net.Close()
}

func message(to, id, body string) string {
	return "<message to='" + to + "@" + domain + "' type='chat' id='" + id + "'><body>" + body + "</body></message>"
}
