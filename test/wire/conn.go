package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Patience is how long a test waits for something that must come. It ends a failing test; no test passes by waiting.
const Patience = 10 * time.Second

// Target is the server under test.
type Target struct {
	Addr    string // STARTTLS, host:port
	TLSAddr string // direct TLS, host:port; empty where the server has none
	Domain  string
	Roots   *x509.CertPool
	Source  net.Addr // local address to connect from; nil: any
}

// Conn is one connection and the stream on it. Reads come from one goroutine of its own, so that nothing the server
// sends is lost between two calls; the other methods are for one goroutine at a time.
type Conn struct {
	target Target
	tcp    *net.TCPConn
	rw     net.Conn // tcp, or TLS above it
	in     *bufio.Reader
	reader *Reader
	events chan event
	done   chan struct{}
	once   sync.Once
	wmu    sync.Mutex
}

type event struct {
	node *Node
	err  error
}

// Dial opens the TCP connection only: no header has been sent.
func Dial(t Target) (*Conn, error) { return dial(t, t.Addr) }

func dial(t Target, addr string) (*Conn, error) {
	d := net.Dialer{Timeout: Patience, LocalAddr: t.Source}
	c, err := d.DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("wire: dialling: %w", err)
	}
	conn := &Conn{target: t, tcp: c.(*net.TCPConn), done: make(chan struct{})}
	conn.layer(c)
	return conn, nil
}

// DialTLS opens TCP and then TLS with ALPN xmpp-client at once. XEP-0368 §3.
func DialTLS(t Target) (*Conn, error) {
	c, err := dial(t, t.TLSAddr)
	if err != nil {
		return nil, err
	}
	if err := c.Handshake(&tls.Config{NextProtos: []string{"xmpp-client"}}); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

func (c *Conn) layer(rw net.Conn) {
	c.rw = rw
	c.in = bufio.NewReader(rw)
}

// Handshake puts TLS on the connection; name and roots are the target's where cfg leaves them out.
func (c *Conn) Handshake(cfg *tls.Config) error {
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = c.target.Domain
	}
	if cfg.RootCAs == nil {
		cfg.RootCAs = c.target.Roots
	}
	t := tls.Client(c.tcp, cfg)
	_ = c.tcp.SetDeadline(time.Now().Add(Patience))
	if err := t.Handshake(); err != nil {
		return fmt.Errorf("wire: handshake: %w", err)
	}
	_ = c.tcp.SetDeadline(time.Time{})
	c.layer(t)
	return nil
}

// TLS returns the state of the TLS layer; the zero value when there is none.
func (c *Conn) TLS() tls.ConnectionState {
	if t, ok := c.rw.(*tls.Conn); ok {
		return t.ConnectionState()
	}
	return tls.ConnectionState{}
}

// Write sends raw bytes.
func (c *Conn) Write(s string) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	_ = c.rw.SetWriteDeadline(time.Now().Add(Patience))
	_, err := io.WriteString(c.rw, s)
	return err
}

// Header is the stream header that an ordinary client sends to domain. RFC 6120 §4.2.
func Header(domain string) string {
	return "<?xml version='1.0'?><stream:stream to='" + domain + "' version='1.0' xml:lang='en' xmlns='" + NSClient +
		"' xmlns:stream='" + NSStream + "'>"
}

// Open sends a header and reads the answering header and features.
func (c *Conn) Open() (features *Node, err error) {
	if err := c.Write(Header(c.target.Domain)); err != nil {
		return nil, err
	}
	return c.Answer()
}

// Answer reads the server's header and what comes first after it.
func (c *Conn) Answer() (*Node, error) {
	if _, err := c.AnswerHeader(); err != nil {
		return nil, err
	}
	return c.Next()
}

// AnswerHeader reads the server's stream header and starts the reading of elements.
func (c *Conn) AnswerHeader() (*Node, error) {
	c.reader = NewReader(c.in, nil)
	_ = c.rw.SetReadDeadline(time.Now().Add(Patience))
	header, err := c.reader.Open()
	_ = c.rw.SetReadDeadline(time.Time{})
	if err != nil {
		return nil, err
	}
	c.events = make(chan event, 1)
	go c.pump(c.reader, c.events)
	return header, nil
}

// pump reads until the stream ends, or until a restart of the stream is due: it never reads behind an element that
// makes the client send a new header (RFC 6120 §4.3.3), for the bytes after it belong to another parser.
func (c *Conn) pump(r *Reader, events chan<- event) {
	defer close(events)
	for {
		n, err := r.Next()
		select {
		case events <- event{n, err}:
		case <-c.done:
			return
		}
		if err != nil || restarts(n) {
			return
		}
	}
}

func restarts(n *Node) bool {
	return n.Is(NSTLS, "proceed") || n.Is(NSSASL, "success")
}

// Next returns the next element, ErrStreamEnd after </stream:stream>, or what ended the connection.
func (c *Conn) Next() (*Node, error) { return c.NextWithin(Patience) }

// NextWithin is Next with another patience.
func (c *Conn) NextWithin(d time.Duration) (*Node, error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case e, ok := <-c.events:
		if !ok {
			return nil, io.EOF
		}
		return e.node, e.err
	case <-timer.C:
		return nil, fmt.Errorf("wire: nothing came within %v", d)
	}
}

// StartTLS negotiates TLS on a fresh connection; the stream behind it is not opened. RFC 6120 §5.4.
func (c *Conn) StartTLS() error {
	features, err := c.Open()
	if err != nil {
		return err
	}
	if features.Child(NSTLS, "starttls") == nil {
		return fmt.Errorf("wire: STARTTLS is not offered:\n%v", features)
	}
	if err := c.Write("<starttls xmlns='" + NSTLS + "'/>"); err != nil {
		return err
	}
	n, err := c.Next()
	if err != nil {
		return err
	}
	if !n.Is(NSTLS, "proceed") {
		return fmt.Errorf("wire: STARTTLS refused:\n%v", n)
	}
	return c.Handshake(&tls.Config{})
}

// Close ends the stream as RFC 6120 §4.4 asks: our end tag, then everything until the server's.
func (c *Conn) Close() error {
	defer c.Drop()
	if err := c.Write("</stream:stream>"); err != nil {
		return err
	}
	for {
		if _, err := c.Next(); errors.Is(err, ErrStreamEnd) {
			return nil
		} else if err != nil {
			return fmt.Errorf("wire: the server did not close its stream: %w", err)
		}
	}
}

// Drop resets the TCP connection, as a lost network does: no end tag, no TLS close, no FIN.
func (c *Conn) Drop() {
	c.once.Do(func() {
		close(c.done)
		_ = c.tcp.SetLinger(0)
		_ = c.tcp.Close()
	})
}

// TCP is the connection below TLS, for tests that stop reading or close half-way.
func (c *Conn) TCP() *net.TCPConn { return c.tcp }

// Escape makes text safe inside single-quoted attributes and between tags.
func Escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;", `"`, "&quot;").Replace(s)
}
