package stream

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"protokoll/xmpp/frame"
)

// TestOrder lets many goroutines send to one peer that reads in bits: nothing is lost, doubled or overtaken.
func TestOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Queue = 64 << 20 })
	const senders, each = 8, 2000
	padding := strings.Repeat("x", 500)
	f.echo.handle(func(s *Stream, _ *frame.Frame, _ *Turn) error {
		var wg sync.WaitGroup
		for sender := range senders {
			wg.Go(func() {
				for i := 0; i < each; {
					turn := NewTurn()
					for k := range i%5 + 1 {
						part := fmt.Appendf(nil, "<%c%d>%s", 'a'+sender, i, padding)
						send := turn.Send
						if k == 3 {
							send = turn.SendSoon
						}
						if err := send(s, part, []byte("\n")); err != nil {
							t.Errorf("send: %v", err)
						}
						if i++; i == each {
							break
						}
					}
					turn.End()
				}
			})
		}
		return nil
	})
	c := f.login(t)
	c.send("<message/>")
	next := make([]int, senders)
	var got []byte
	buf := make([]byte, 3000)
	for lines := 0; lines < senders*each; {
		n, err := c.net.Read(buf)
		if err != nil {
			t.Fatalf("after %d lines: %v", lines, err)
		}
		got = append(got, buf[:n]...)
		for {
			line, rest, ok := bytes.Cut(got, []byte{'\n'})
			if !ok {
				break
			}
			var sender byte
			var number int
			if _, err := fmt.Sscanf(string(line), "<%c%d>", &sender, &number); err != nil || number != next[sender-'a'] || len(line) < len(padding) {
				t.Fatalf("line %.20q, expected number %v: %v", line, next, err)
			}
			next[sender-'a']++
			lines++
			got = rest
		}
	}
}

// TestBucket: over any stretch no more passes than burst and rate allow, and what waits is let through in time.
func TestBucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := bucket{rate: rapid.IntRange(1, 1<<20).Draw(t, "rate"), burst: rapid.IntRange(1, 1<<20).Draw(t, "burst")}
		start := time.Unix(1_800_000_000, 0)
		now, passed, largest := start, 0, 0
		for range rapid.IntRange(1, 100).Draw(t, "reads") {
			n := rapid.IntRange(1, 16<<10).Draw(t, "n")
			largest = max(largest, n)
			now = now.Add(time.Duration(rapid.IntRange(0, int(time.Second)).Draw(t, "pause")))
			passed += n
			now = now.Add(b.take(n, now))
			if allowed := float64(b.burst) + now.Sub(start).Seconds()*float64(b.rate) + float64(largest) + 1; float64(passed) > allowed {
				t.Fatalf("%d bytes passed, %.0f allowed", passed, allowed)
			}
		}
	})
}

// TestGarbage damages a whole conversation at random places: the server goes on, and every connection ends.
func TestGarbage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	transcript := []byte(clientHead + authUser + clientHead + "<message to='a@example.org'><body>x</body></message></stream:stream>")
	rapid.Check(t, func(rt *rapid.T) {
		damaged := bytes.Clone(transcript)
		for range rapid.IntRange(1, 6).Draw(rt, "places") {
			at := rapid.IntRange(0, len(damaged)-1).Draw(rt, "at")
			switch rapid.IntRange(0, 2).Draw(rt, "how") {
			case 0:
				damaged[at] = rapid.Byte().Draw(rt, "byte")
			case 1:
				damaged = append(damaged[:at], damaged[min(len(damaged), at+rapid.IntRange(1, 40).Draw(rt, "cut")):]...)
			default:
				damaged = append(damaged[:at:at], append(bytes.Clone(damaged[at:]), damaged[:at]...)...)
			}
			if len(damaged) == 0 {
				damaged = []byte{'<'}
			}
		}
		c := dial(t, f.direct, f.pool)
		conn := c.tls()
		_, _ = conn.Write(damaged) // the server may have ended already
		_ = conn.CloseWrite()
		c.rest()
		_ = c.net.Close()
	})
	awaitEmpty(t, f)
	if strings.Contains(f.logs.String(), "panic") {
		t.Errorf("log: %s", f.logs)
	}
	f.login(t)
}

// TestVersion holds the versions of a stream header.
func TestVersion(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{"1.0": true, "1.1": true, "2.0": true, "10.3": true, "01.00": true, "": false, "0.9": false, "1": false, "x": false,
		"1.": false, ".1": false, "-1.0": false, "1.0.0": false, "00.1": false, "99999999999.0": false} {
		if got := versionKnown([]byte(v)); got != want {
			t.Errorf("versionKnown(%q) = %v", v, got)
		}
	}
}
