package component

import (
	"context"
	"crypto/sha1" //nolint:gosec // XEP-0114 §3
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/router"
	"protokoll/xmpp/stream"
)

const (
	irc    = "irc.example"
	secret = "0123456789abcdef"
	room   = 10 * time.Second // for what must come
)

// taken is a Router that keeps what it is given.
type taken struct {
	mu     sync.Mutex
	all    []string
	came   chan string
	asked  int
	unsure bool // the first stanza is for somebody of whom the directory must be asked
	answer error
}

func (k *taken) FromRemote(from router.Address, _ router.Remote, f *frame.Frame, _ *stream.Turn) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unsure {
		k.unsure = false
		return &router.Unopened{}
	}
	text := string(f.AppendTo(nil, frame.Stamp{From: from.String()}))
	k.all = append(k.all, text)
	k.came <- text
	return k.answer
}

func (k *taken) Open(context.Context, *router.Unopened) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	return nil
}

func (k *taken) Guard(fn func()) { fn() }

func serve(t *testing.T) (*Server, *taken, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &taken{came: make(chan string, 100)}
	s := New(Config{Secrets: map[string]string{irc: secret, "bot.example": secret}})
	s.Use(k)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(s.strangers) != 0 {
			t.Errorf("%d strangers are left", len(s.strangers))
		}
	})
	return s, k, l.Addr().String()
}

// program is the other end.
type program struct {
	t    *testing.T
	conn net.Conn
	read string
}

func dial(t *testing.T, at string) *program {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(room))
	return &program{t: t, conn: c}
}

func (p *program) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Fatal(err)
	}
}

// until reads up to the first place where text stands, and returns what stood before.
func (p *program) until(text string) string {
	p.t.Helper()
	buf := make([]byte, 4096)
	for {
		if before, after, found := strings.Cut(p.read, text); found {
			p.read = after
			return before
		}
		n, err := p.conn.Read(buf)
		p.read += string(buf[:n])
		if err != nil && !strings.Contains(p.read, text) {
			p.t.Fatalf("waiting for %s: %v, read %q", text, err, p.read)
		}
	}
}

// rest reads to the end of the connection.
func (p *program) rest() string {
	p.t.Helper()
	b, err := io.ReadAll(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.read + string(b)
}

func header(to string) string {
	return "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='" + to + "'>"
}

// open sends a header and returns the stream's id.
func (p *program) open(to string) (id string) {
	p.t.Helper()
	p.send(header(to))
	p.until(" id='")
	id = p.until("'")
	if p.until(">") != " from='"+to+"'" {
		p.t.Errorf("the header is not from %s", to)
	}
	return id
}

func handshake(id, secret string) string {
	sum := sha1.Sum([]byte(id + secret)) //nolint:gosec // XEP-0114 §3
	return "<handshake>" + hex.EncodeToString(sum[:]) + "</handshake>"
}

func connect(t *testing.T, at, host string) *program {
	t.Helper()
	p := dial(t, at)
	p.send(handshake(p.open(host), secret))
	p.until("<handshake/>")
	return p
}

func TestStanzasPass(t *testing.T) {
	t.Parallel()
	s, k, at := serve(t)
	if err := s.To(irc).Deliver([]byte("<x/>")); !errors.Is(err, router.ErrUnreachable) {
		t.Errorf("sent to nobody: %v", err)
	}
	if s.To("nobody.example") != nil {
		t.Error("there is a way to nobody")
	}
	p := connect(t, at, irc)
	p.send(" <message from='anna@irc.example' to='b@c'><body>hi</body></message>\n")
	if got := <-k.came; got != "<message from='anna@irc.example' to='b@c'><body>hi</body></message>" {
		t.Errorf("routed %s", got)
	}
	if err := s.To(irc).Deliver([]byte("<message"), []byte(" to='anna@irc.example'"), []byte("/>")); err != nil {
		t.Error(err)
	}
	if got := p.until("/>"); got != "<message to='anna@irc.example'" {
		t.Errorf("received %s", got)
	}
	k.mu.Lock()
	k.unsure = true
	k.mu.Unlock()
	p.send("<message from='irc.example' to='new@c'/>")
	if got := <-k.came; !strings.Contains(got, "new@c") {
		t.Errorf("routed %s", got)
	}
	if k.asked != 1 {
		t.Error("the directory was not asked")
	}
	p.send("</stream:stream>")
	if got := p.rest(); got != "</stream:stream>" {
		t.Errorf("the end is %q", got)
	}
}

// TestRefused: what ends a stream, and with which condition.
func TestRefused(t *testing.T) {
	t.Parallel()
	_, k, at := serve(t)
	const message = "<message from='irc.example' to='a@b'/>"
	for name, c := range map[string]struct {
		send func(p *program)
		want string
	}{
		"another host":           {func(p *program) { p.send(header("x.example")) }, "host-unknown"},
		"no host":                {func(p *program) { p.send(strings.Replace(header(""), " to=''", "", 1)) }, "host-unknown"},
		"an address":             {func(p *program) { p.send(header("a@irc.example")) }, "host-unknown"},
		"a client":               {func(p *program) { p.send(strings.Replace(header(irc), "jabber:component:accept", "jabber:client", 1)) }, "invalid-namespace"},
		"no XML":                 {func(p *program) { p.send("GET / HTTP/1.1\r\n\r\n") }, "not-well-formed"},
		"a wrong secret":         {func(p *program) { p.send(handshake(p.open(irc), "wrong")) }, "not-authorized"},
		"another stream's":       {func(p *program) { p.open(irc); p.send(handshake("x", secret)) }, "not-authorized"},
		"an empty handshake":     {func(p *program) { p.open(irc); p.send("<handshake/>") }, "not-authorized"},
		"no handshake":           {func(p *program) { p.open(irc); p.send(message) }, "not-authorized"},
		"a stranger's handshake": {func(p *program) { p.open(irc); p.send("<handshake xmlns='x'/>") }, "not-authorized"},
		"much before it":         {func(p *program) { p.open(irc); p.send("<handshake>" + strings.Repeat("a", 9000)) }, "policy-violation"},
		"no sender":              {func(p *program) { p.enter(); p.send("<message to='a@b'/>") }, "invalid-from"},
		"another sender":         {func(p *program) { p.enter(); p.send("<message from='a@b' to='a@b'/>") }, "invalid-from"},
		"another component":      {func(p *program) { p.enter(); p.send("<message from='bot.example' to='a@b'/>") }, "invalid-from"},
		"a host below":           {func(p *program) { p.enter(); p.send("<message from='x.irc.example' to='a@b'/>") }, "invalid-from"},
		"no address":             {func(p *program) { p.enter(); p.send("<message from='@irc.example' to='a@b'/>") }, "invalid-from"},
		"no stanza":              {func(p *program) { p.enter(); p.send("<x xmlns='y'/>") }, "unsupported-stanza-type"},
		"a comment":              {func(p *program) { p.enter(); p.send("<!-- -->") }, "restricted-xml"},
		"a second handshake":     {func(p *program) { p.enter(); p.send("<handshake/>") }, "unsupported-stanza-type"},
		"a stanza beyond the size": {func(p *program) {
			p.enter()
			p.send("<message from='irc.example'><body>" + strings.Repeat("a", MaxStanza))
		}, "policy-violation"},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, at)
			c.send(p)
			if got := p.rest(); !strings.Contains(got, "<stream:error><"+c.want+" ") || !strings.HasSuffix(got, "</stream:stream>") {
				t.Errorf("got %s", got)
			}
		})
	}
	if len(k.all) > 0 {
		t.Errorf("routed: %q", k.all)
	}
}

// enter proves the secret.
func (p *program) enter() {
	p.t.Helper()
	p.send(handshake(p.open(irc), secret))
	p.until("<handshake/>")
}

// TestRouterEndsStream: the router's stream error goes to the component.
func TestRouterEndsStream(t *testing.T) {
	t.Parallel()
	_, k, at := serve(t)
	k.answer = &stream.Error{Condition: stream.ImproperAddressing}
	p := connect(t, at, irc)
	p.send("<message from='irc.example'/>")
	if got := p.rest(); !strings.Contains(got, "<improper-addressing ") {
		t.Errorf("got %s", got)
	}
}

// TestTakeOver: who proves the secret again has the host, and the one before is told.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	s, _, at := serve(t)
	first := connect(t, at, irc)
	bot := connect(t, at, "bot.example")
	second := connect(t, at, irc)
	if got := first.rest(); !strings.Contains(got, "<conflict ") {
		t.Errorf("got %s", got)
	}
	for host, p := range map[string]*program{irc: second, "bot.example": bot} {
		if err := s.To(host).Deliver([]byte("<x/>")); err != nil {
			t.Error(err)
		}
		p.until("<x/>")
	}
}

// TestMaxQueue: what a component does not read waits up to the limit and not a byte further. XEP-0114 §5
func TestMaxQueue(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe() // takes nothing that is not read
	defer theirs.Close()
	l := newLink(ours)
	if err := l.queue(make([]byte, MaxQueue)); err != nil {
		t.Error(err)
	}
	if err := l.queue([]byte("x")); !errors.Is(err, router.ErrCongested) {
		t.Errorf("beyond the limit: %v", err)
	}
	l.end(nil)
	if err := l.queue([]byte("x")); !errors.Is(err, router.ErrUnreachable) {
		t.Errorf("after the end: %v", err)
	}
}

// TestMaxStrangers: who has not proven a secret is one of few.
func TestMaxStrangers(t *testing.T) {
	t.Parallel()
	_, _, at := serve(t)
	var all []*program
	for range MaxStrangers {
		p := dial(t, at)
		p.open(irc)
		all = append(all, p)
	}
	if got := dial(t, at).rest(); got != "" {
		t.Errorf("one too many is answered: %s", got)
	}
	all[0].send("</stream:stream>")
	all[0].rest()
	for range 100 { // its place is free when its goroutine has ended
		p := dial(t, at)
		_, _ = io.WriteString(p.conn, header(irc)) // it may be closed already
		if n, _ := p.conn.Read(make([]byte, 100)); n > 0 {
			return
		}
	}
	t.Error("a place that was left stays taken")
}

// FuzzStream feeds arbitrary bytes to a stream whose handshake was right.
func FuzzStream(f *testing.F) {
	for _, s := range []string{"<message from='irc.example' to='a@b'/>", "<iq from='a@irc.example/x' type='get' id='1'><q xmlns='y'/></iq>",
		"<presence xmlns='jabber:component:accept' from='irc.example'/>", "</stream:stream>", "<stream:error/>", "<handshake/>", "<a", "&", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k := &taken{came: make(chan string, 1<<16)}
		ours, theirs := net.Pipe()
		defer theirs.Close()
		h := &host{name: irc, secret: secret}
		v := &visit{link: newLink(ours), server: &Server{router: k, hosts: map[string]*host{irc: h}}, host: h, proven: true, open: true}
		h.take(v.link)
		v.scan.ResetComponent(frame.AfterLogin())
		b := []byte(header(irc) + s)
		n, _, err := v.scan.Next(b)
		if err != nil {
			t.Fatal(err)
		}
		used, err := v.take(b[n:])
		var why *stream.Error
		if used > len(b)-n || err != nil && !errors.As(err, &why) && !errors.Is(err, io.EOF) {
			t.Fatalf("%d of %d bytes, %v", used, len(b)-n, err)
		}
		for _, text := range k.all {
			g, err := frame.Parse([]byte(text), frame.NSClient, frame.AfterLogin())
			from, wrong := router.ParseAddress(g.From)
			if err != nil || wrong != nil || string(from.Domain()) != irc {
				t.Fatalf("routed %q, %v, %v", text, err, wrong)
			}
		}
	})
}
