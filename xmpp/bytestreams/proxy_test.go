package bytestreams

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

const (
	romeo  = "romeo@montague.example/orchard"
	juliet = "juliet@capulet.example/balcony"
	room   = 10 * time.Second // for what must come
)

func serve(t *testing.T, l Limits) (*Proxy, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{Limits: l, Ours: func(string) bool { return true }})
	done := make(chan error, 1)
	go func() { done <- p.Serve(listener) }()
	t.Cleanup(func() {
		p.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if p.active != 0 || len(p.streams) != 0 || len(p.open) != 0 {
			t.Errorf("left: %d streams, %d connections", p.active, len(p.open))
		}
	})
	return p, listener.Addr().String()
}

// join connects for a stream and returns the reply.
func join(t *testing.T, address string, n name) (net.Conn, byte) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(room))
	if _, err := fmt.Fprintf(c, "\x05\x01\x00\x05\x01\x00\x03\x28%s\x00\x00", n[:]); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 2+7+hashSize)
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Fatal(err)
	}
	return c, answer[3]
}

func TestRelay(t *testing.T) {
	t.Parallel()
	p, at := serve(t, Limits{BytesPerSecond: 1 << 30})
	n := nameOf("vxf9n471bn46", romeo, juliet)
	if err := p.activate(n, "romeo"); !errors.Is(err, errUnknown) {
		t.Errorf("activated without connections: %v", err)
	}
	target, reply := join(t, at, n)
	if err := p.activate(n, "romeo"); reply != succeeded || !errors.Is(err, errUnknown) {
		t.Errorf("activated with one connection: %v", err)
	}
	requester, _ := join(t, at, n)
	if _, reply := join(t, at, n); reply != notAllowed {
		t.Error("a third connection is let in")
	}
	if err := p.activate(n, "romeo"); err != nil {
		t.Fatal(err)
	}
	if err := p.activate(n, "romeo"); !errors.Is(err, errUnknown) {
		t.Errorf("activated twice: %v", err)
	}
	content := make([]byte, 1<<20)
	rand.Read(content) // never fails
	go func() {
		_, _ = requester.Write(content)
		_ = requester.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(target)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	// The other way is still open.
	if _, err := target.Write([]byte("thanks")); err != nil {
		t.Fatal(err)
	}
	_ = target.Close()
	if got, err := io.ReadAll(requester); err != nil || string(got) != "thanks" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	p, at := serve(t, Limits{Streams: 2, StreamsAccount: 1, Waiting: 4})
	names := []name{nameOf("a", romeo, juliet), nameOf("b", romeo, juliet), nameOf("c", juliet, romeo), nameOf("d", juliet, romeo)}
	both := func(n name) { join(t, at, n); join(t, at, n) }
	both(names[0])
	if err := p.activate(names[0], "romeo"); err != nil {
		t.Fatal(err)
	}
	both(names[1])
	if err := p.activate(names[1], "romeo"); !errors.Is(err, errMany) {
		t.Errorf("a second stream of one account: %v", err)
	}
	both(names[2])
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(room))
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("a connection too many is let in: %d bytes", n)
	}
	_ = c.Close()
	if err := p.activate(names[2], "juliet"); err != nil {
		t.Fatal(err)
	}
	both(names[3])
	if err := p.activate(names[3], "mercutio"); !errors.Is(err, errMany) {
		t.Errorf("a third stream: %v", err)
	}
}

// What a stream may pass in a second it does pass, and not more.
func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stream{rate: 1 << 20}
		before := time.Now()
		for range 8 {
			if err := s.pay(t.Context(), 32<<10); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(before); took != 250*time.Millisecond {
			t.Errorf("a quarter of a second's bytes passed in %v", took)
		}
	})
}

func TestExpire(t *testing.T) {
	t.Parallel()
	p, at := serve(t, Limits{})
	n := nameOf("a", romeo, juliet)
	c, _ := join(t, at, n)
	p.mu.Lock()
	first := p.pairs[n].ends[0]
	p.mu.Unlock()
	p.expire(n, nil) // of another pair of that name
	join(t, at, n)
	p.expire(n, first)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("open after its time: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pairs) != 0 || p.waiting != 0 {
		t.Errorf("left: %d pairs, %d connections", len(p.pairs), p.waiting)
	}
}
