package stream

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"protokoll/xmpp/frame"
)

// loadEnv makes the test binary the load of a benchmark: a process of its own, so that the CPU time of the server is the server's.
const loadEnv = "PROTOKOLL_STREAM_LOAD"

func TestMain(m *testing.M) {
	if spec := os.Getenv(loadEnv); spec != "" {
		if err := runLoad(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runLoad signs in, says "ready", and for each line "n" on its input sends n messages on each stream, window at a time, and
// says "done" when all have arrived.
func runLoad(spec string) error {
	var addr string
	var streams, window int
	if _, err := fmt.Sscan(spec, &addr, &streams, &window); err != nil {
		return err
	}
	conns := make([]*tls.Conn, streams)
	for i := range conns {
		c, err := signInLoad(addr, fmt.Sprint("user", i))
		if err != nil {
			return fmt.Errorf("sign in %d: %w", i, err)
		}
		conns[i] = c
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); fmt.Println("done") {
		n, err := strconv.Atoi(in.Text())
		if err != nil {
			return err
		}
		if err := exchangeAll(conns, n, window); err != nil {
			return err
		}
	}
	return nil
}

func signInLoad(addr, name string) (*tls.Conn, error) {
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}})
	if err != nil {
		return nil, err
	}
	auth := "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00pencil")) + "</auth>"
	if _, err := c.Write([]byte(clientHead + auth + clientHead)); err != nil {
		return nil, err
	}
	var got []byte
	buf := make([]byte, 4096)
	for bytes.Count(got, []byte("</stream:features>")) < 2 {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		got = append(got, buf[:n]...)
	}
	return c, nil
}

// exchangeAll lets every even stream write to the next one, and that one back: n messages for each pair in flight by window.
func exchangeAll(conns []*tls.Conn, n, window int) error {
	var wg sync.WaitGroup
	errs := make(chan error, len(conns))
	for i, c := range conns {
		wg.Go(func() { errs <- exchange(c, i, n, window) })
	}
	wg.Wait()
	for range conns {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func exchange(c *tls.Conn, i, n, window int) error {
	message := chat(i ^ 1)
	if i%2 == 0 {
		if _, err := c.Write(bytes.Repeat(message, min(window, n))); err != nil {
			return err
		}
	}
	buf := make([]byte, 32<<10)
	tail := 0 // of an end tag split over two reads
	end := []byte("</message>")
	var carry []byte
	for got := 0; got < n; {
		k, err := c.Read(buf)
		if err != nil {
			return err
		}
		carry = append(carry[:tail], buf[:k]...)
		count := bytes.Count(carry, end)
		tail = copy(carry, carry[max(0, len(carry)-len(end)+1):])
		if count == 0 {
			continue
		}
		if bytes.HasSuffix(buf[:k], end) {
			tail = 0
		}
		answers := count
		if i%2 == 0 {
			answers = min(count, max(0, n-window-got))
		}
		got += count
		if answers > 0 {
			if _, err := c.Write(bytes.Repeat(message, answers)); err != nil {
				return err
			}
		}
	}
	return nil
}

// chat is a message of about 300 bytes as clients send them.
func chat(to int) []byte {
	return fmt.Appendf(nil, "<message to='user%d' id='8f0c4ba9-4a3f-4b1c-a6cf-7a4e6c4f30d2' type='chat'><body>Shall we meet at eleven in front of the library?"+
		"</body><origin-id xmlns='urn:xmpp:sid:0' id='8f0c4ba9-4a3f-4b1c-a6cf-7a4e6c4f30d2'/><active xmlns='http://jabber.org/protocol/chatstates'/></message>", to)
}

// relay routes by localpart with our own start tag, as the router does.
type relay struct {
	mu      sync.RWMutex
	streams map[string]*Stream
}

func (r *relay) Features(s *Stream) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams[s.Localpart()] = s
	return nil
}

func (r *relay) Element(s *Stream, f *frame.Frame, t *Turn) error {
	r.mu.RLock()
	dst := r.streams[string(f.To)]
	r.mu.RUnlock()
	buf := relayBuffers.Get().(*[]byte)
	*buf = f.AppendTo((*buf)[:0], frame.Stamp{From: s.Localpart()})
	err := t.Send(dst, *buf)
	relayBuffers.Put(buf)
	return err
}

func (*relay) Closed(*Stream, *Turn, error) {}

var relayBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// load is the running load process.
type load struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startLoad(b testing.TB, addr string, streams, window int) *load {
	b.Helper()
	l := &load{cmd: exec.Command(os.Args[0])}
	l.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", loadEnv, addr, streams, window))
	l.cmd.Stderr = os.Stderr
	in, err := l.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	l.in, l.out = in, bufio.NewScanner(out)
	if err := l.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = l.cmd.Wait()
	})
	l.await(b, "ready")
	return l
}

func (l *load) await(b testing.TB, word string) {
	b.Helper()
	if !l.out.Scan() || l.out.Text() != word {
		b.Fatalf("the load says %q, not %q", l.out.Text(), word)
	}
}

// cpu returns the CPU time of this process.
func cpu(b testing.TB) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkRelay relays chat messages between pairs of streams over TLS 1.3. ns/op is wall time and says how busy the machine is;
// cpu-ns/msg is the server's CPU time. Run with -benchtime of at least 20000x.
func BenchmarkRelay(b *testing.B) {
	for _, window := range []int{1, 8, 32} {
		b.Run(fmt.Sprint("window=", window), func(b *testing.B) {
			const streams = 40
			f := newFixture(b, func(c *Config) {
				c.Sessions = &relay{streams: make(map[string]*Stream)}
				c.Limits.Rate, c.Limits.Burst = 1<<30, 1<<30
				c.Logger = nil
			})
			l := startLoad(b, f.direct, streams, window)
			n := max(b.N/streams, 1)
			b.ResetTimer()
			before := cpu(b)
			fmt.Fprintln(l.in, n)
			l.await(b, "done")
			used := cpu(b) - before
			b.StopTimer()
			b.ReportMetric(float64(used.Nanoseconds())/float64(n*streams), "cpu-ns/msg")
		})
	}
}

// BenchmarkLogin is the server's CPU time from accept to the authenticated stream, TLS 1.3 with ECDSA P-256 and X25519, a password that costs
// nothing to check, and the end of the connection.
func BenchmarkLogin(b *testing.B) {
	f := newFixture(b, func(c *Config) {
		c.Sessions = &relay{streams: make(map[string]*Stream)}
		c.Logger = nil
	})
	before := cpu(b)
	n := 0
	for b.Loop() {
		l := exec.Command(os.Args[0])
		l.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", loadEnv, f.direct, 1000, 1))
		if err := l.Run(); err != nil {
			b.Fatal(err)
		}
		n += 1000
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(n), "cpu-µs/login")
}

// BenchmarkIdle is the resident memory of one signed-in stream that has sent a message and then nothing, after a collection.
func BenchmarkIdle(b *testing.B) {
	const streams = 2000
	f := newFixture(b, func(c *Config) {
		c.Sessions = &relay{streams: make(map[string]*Stream)}
		c.Logger = nil
	})
	var perStream, natural float64
	for b.Loop() {
		debug.FreeOSMemory()
		before := resident(b)
		l := startLoad(b, f.direct, streams, 1)
		fmt.Fprintln(l.in, 1)
		l.await(b, "done")
		natural = float64(resident(b)-before) / streams
		debug.FreeOSMemory()
		perStream = float64(resident(b)-before) / streams
		runtime.KeepAlive(l)
	}
	b.ReportMetric(perStream, "RSS-B/stream")
	b.ReportMetric(natural, "RSS-B/stream-before-GC")
}

// resident returns the process's resident memory in bytes.
func resident(b testing.TB) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
