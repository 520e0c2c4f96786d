package addresses

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"protokoll/test/wire"
)

// beside is a port beside the streams as seen from a source.
func beside(s source, address string) string {
	_, port, _ := net.SplitHostPort(address) // it was made by FreePorts
	return net.JoinHostPort(s.to, port)
}

// pathOf is the path of a URL in a slot.
func pathOf(slot *wire.Node, local string) string {
	n := slot.Find("urn:xmpp:http:upload:0", local)
	if n == nil {
		return ""
	}
	u, err := url.Parse(n.Get("url"))
	if err != nil {
		return ""
	}
	return u.Path
}

// transfer uploads a file and gets it, in every wrong way too, and knocks at the relay.
func (g *guest) transfer() {
	g.t.Helper()
	c := g.bound("transfer")
	say(c, "<iq type='get' id='slot' to='upload."+g.target.Domain+"'><request xmlns='urn:xmpp:http:upload:0' filename='a.txt' size='5'/></iq>")
	var put, get string
	for put == "" {
		n, err := c.Next()
		g.heard.add(n)
		if err != nil {
			g.t.Error("no slot", err)
			return
		}
		if n.Get("id") == "slot" {
			if put, get = pathOf(n, "put"), pathOf(n, "get"); put == "" || get == "" {
				g.t.Error("no slot", n)
				return
			}
		}
	}
	c.Drop()
	for _, r := range []struct{ method, path, body string }{
		{http.MethodPut, put, "abc"}, {http.MethodPut, put, "abcde"}, {http.MethodPut, put, "abcde"},
		{http.MethodGet, get, ""}, {http.MethodHead, get, ""}, {http.MethodGet, get + "x", ""}, {http.MethodGet, "/", ""},
		{http.MethodOptions, put, ""}, {http.MethodPost, "/upload/x", "a"},
	} {
		g.request(r.method, r.path, r.body)
	}
	g.knock(g.web, "\x16\x03\x01\x00\x05hello", "GET / HTTP/1.1\r\n\r\n", "")
	g.knock(g.relay, "\x05\x01\x00\x05\x01\x00\x03\x28"+strings.Repeat("a", 40)+"\x00\x00", "\x05\x01\x02", "\x04\x01", "GET / HTTP/1.1\r\n\r\n", "")
}

func (g *guest) dialer() *net.Dialer {
	return &net.Dialer{LocalAddr: g.target.Source, Timeout: wire.Patience}
}

// request asks over HTTPS.
func (g *guest) request(method, path, body string) {
	g.t.Helper()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: g.target.Roots, ServerName: g.target.Domain}, DisableKeepAlives: true,
		ForceAttemptHTTP2: g.direct, // both versions are spoken
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return g.dialer().DialContext(ctx, "tcp", g.web)
		},
	}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(g.t.Context(), method, "https://"+g.target.Domain+path, strings.NewReader(body))
	if err != nil {
		g.t.Error(err)
		return
	}
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP"} {
		r.Header.Set(name, "unknown")
	}
	resp, err := (&http.Client{Transport: transport, Timeout: wire.Patience}).Do(r)
	if err != nil {
		g.t.Error(err)
		return
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(resp.Body)
	g.heard.add(fmt.Sprint(resp.Status, resp.Header, string(text), err))
}

// knock connects and says each text once.
func (g *guest) knock(address string, texts ...string) {
	g.t.Helper()
	for _, text := range texts {
		c, err := g.dialer().Dial("tcp", address)
		if err != nil {
			g.t.Error(err)
			return
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).CloseWrite()
		heard, _ := io.ReadAll(c)
		g.heard.add(string(heard))
		_ = c.Close()
	}
}
