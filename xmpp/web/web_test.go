package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/internal/democa"
)

// output is a log that may be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

type site struct {
	url    string
	client *http.Client
	log    *output
	server *Server
}

func serve(t *testing.T, c Config, hang func(*Server)) *site {
	t.Helper()
	folder := t.TempDir()
	pair, err := democa.Pair(folder, "localhost", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots, log := x509.NewCertPool(), &output{}
	roots.AppendCertsFromPEM(pem)
	c.Certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }
	c.Hosts = []string{"localhost"}
	c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := New(c)
	hang(s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	t.Cleanup(client.CloseIdleConnections)
	return &site{"https://localhost:" + port, client, log, s}
}

func (s *site) get(t *testing.T, path, host string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := serve(t, Config{}, func(s *Server) {
		s.Handle("/who/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %v %+v", r.RemoteAddr, r.Context().Value(http.LocalAddrContextKey), r.TLS.Version >= tls.VersionTLS12)
		}))
		s.Handle("/panic/", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("Geheimnis 127.0.0.1") }))
	})
	for _, c := range []struct {
		path, host string
		status     int
	}{
		{"/who/", "localhost", 200}, {"/who/", "LOCALHOST.:443", 200}, {"/", "localhost", 404}, {"/who/", "127.0.0.1", 421},
		{"/who/", "evil.example:443", 421}, {"/panic/", "localhost", 500}, {"/who/", "localhost", 200},
	} {
		status, body := s.get(t, c.path, c.host)
		if status != c.status || strings.Contains(body, "127.0.0.1") || strings.Contains(body, "Geheimnis") {
			t.Errorf("%s of %s: %d %s", c.path, c.host, status, body)
		}
		if status == 200 && !strings.HasPrefix(body, "[peer]") {
			t.Errorf("the peer is %s", body)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "web_test.go") || strings.Contains(log, "Geheimnis") || strings.Contains(log, "127.0.0.1") {
		t.Errorf("the log says %s", log)
	}
}

// Who does not speak TLS, speaks an old one, or sends large headers is refused, and the log does not say who.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := serve(t, Config{}, func(s *Server) { s.Handle("/", http.NotFoundHandler()) })
	address := strings.TrimPrefix(s.url, "https://")
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff", "\x00"} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
	roots := s.client.Transport.(*http.Transport).TLSClientConfig.RootCAs
	if _, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	for _, c := range []struct {
		header string
		status string
	}{
		{"X: " + strings.Repeat("x", MaxHeader+8<<10), "431"}, {"Content-Length: 5\r\nTransfer-Encoding: chunked, identity", "501"},
		{"Content-Length: 5\r\nContent-Length: 6", "400"}, {"X : y", "400"},
	} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\n"+c.header+"\r\n\r\n")
		head := make([]byte, 12)
		if _, err := io.ReadFull(conn, head); err != nil || string(head[9:]) != c.status {
			t.Errorf("%.40s: %q, %v", c.header, head, err)
		}
		_ = conn.Close()
	}
	if log := s.log.String(); strings.Contains(log, "127.0.0.1") || !strings.Contains(log, "TLS handshake failed") {
		t.Errorf("the log says %s", log)
	}
}

// Connections beyond the limit wait until one is closed.
func TestConnections(t *testing.T) {
	t.Parallel()
	s := serve(t, Config{Connections: 1}, func(s *Server) { s.Handle("/", http.NotFoundHandler()) })
	roots := s.client.Transport.(*http.Transport).TLSClientConfig.RootCAs
	first, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() {
		c, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{RootCAs: roots, ServerName: "localhost"})
		if err == nil {
			err = c.Close()
		}
		second <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"a:1", "[::1]:5", "[::1]", "A.b.", "", ":", "[", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if host := hostOf(s); strings.ToLower(host) != host {
			t.Fatalf("%q became %q", s, host)
		}
	})
}
