package transfers

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"protokoll/test/server"
	"protokoll/test/wire"
)

var binary string

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

// site is a server of its own for one test.
type site struct {
	*server.Server
	target wire.Target
	web    *http.Client
	relay  string
}

func start(t testing.TB, more ...string) *site {
	t.Helper()
	ports, err := server.FreePorts("127.0.0.1", 4)
	must(t, err)
	args := []string{"demo", "--listen", ports[0], "--listen-tls", ports[1], "--listen-https", ports[2], "--listen-proxy", ports[3],
		"--password", "secret", "--data", t.TempDir()}
	s, err := server.StartAt(server.Options{Binary: binary, Data: args[len(args)-1], Args: append(args, more...)}, ports)
	must(t, err)
	t.Cleanup(func() {
		if s.Alive() {
			if err := s.Stop(); err != nil {
				t.Error(err, s.Output())
			}
		}
	})
	target, err := s.Target()
	must(t, err)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: target.Roots}, ForceAttemptHTTP2: true}, Timeout: wire.Patience}
	t.Cleanup(web.CloseIdleConnections)
	return &site{s, target, web, ports[3]}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person is somebody who is signed in.
type person struct {
	t    testing.TB
	conn *wire.Conn
	full string
}

func (s *site) arrive(t testing.TB, user, resource string) *person {
	t.Helper()
	c, _, err := wire.SignIn(s.target, user, "secret")
	must(t, err)
	full, err := c.Bind(resource)
	must(t, err)
	t.Cleanup(c.Drop)
	return &person{t, c, full}
}

var ids atomic.Int64

// ask sends an IQ and returns its answer.
func (p *person) ask(kind, to, payload string) *wire.Node {
	p.t.Helper()
	id := "q" + strconv.FormatInt(ids.Add(1), 10)
	must(p.t, p.conn.Write(fmt.Sprintf("<iq type='%s' id='%s' to='%s'>%s</iq>", kind, id, to, payload)))
	for {
		n, err := p.conn.Next()
		must(p.t, err)
		if n.Get("id") == id {
			return n
		}
	}
}

// slot asks for one and returns where to put and where to get.
func (p *person) slot(name string, size int, more string) (put, get string) {
	p.t.Helper()
	const ns = "urn:xmpp:http:upload:0"
	payload := fmt.Sprintf("<request xmlns='%s' filename='%s' size='%d' %s</request>", ns, wire.Escape(name), size, more)
	a := p.ask("get", "upload.localhost", payload)
	if a.Get("type") != "result" {
		p.t.Fatalf("no slot: %v", a)
	}
	return a.Find(ns, "put").Get("url"), a.Find(ns, "get").Get("url")
}

// answer is what came over HTTP.
type answer struct {
	*http.Response
	body []byte
}

func (s *site) do(t testing.TB, method, url string, body io.Reader, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	must(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := s.web.Do(r)
	must(t, err)
	defer resp.Body.Close() //nolint:errcheck // it was read
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return answer{resp, b}
}

// upload puts a file and returns its link.
func (s *site) upload(t testing.TB, p *person, name string, content []byte, more string) string {
	t.Helper()
	put, get := p.slot(name, len(content), more)
	if a := s.do(t, http.MethodPut, put, bytes.NewReader(content)); a.StatusCode != http.StatusCreated {
		t.Fatalf("PUT: %s", a.Status)
	}
	return get
}

// status is that of a GET.
func (s *site) status(t testing.TB, url string) int {
	t.Helper()
	return s.do(t, http.MethodGet, url, nil).StatusCode
}

// raw speaks HTTP/1.1 by hand over TLS.
func (s *site) raw(t testing.TB, url string) (net.Conn, string) {
	t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
	d := tls.Dialer{Config: &tls.Config{RootCAs: s.target.Roots, NextProtos: []string{"http/1.1"}}}
	c, err := d.DialContext(t.Context(), "tcp", host)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(wire.Patience)))
	return c, "/" + path
}
