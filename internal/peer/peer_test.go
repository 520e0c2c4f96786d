package peer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// odd is where the test's connections come from; none of its forms may show up anywhere.
const odd = "127.83.201.9"

var forms = []string{odd, "127.83.201", "83.201.9", "83 201 9", "::ffff:127", "7f53c909", "7f:53:c9:09", "2136197385", "[]uint8{0x7f", "0x53, 0xc9"}

func leaks(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range forms {
		if strings.Contains(strings.ToLower(text), form) {
			t.Errorf("%s shows the address: %s", where, text)
		}
	}
}

// pair returns an accepted connection from the odd address and the other end of it.
func pair(t *testing.T, o *Origins) (*Conn, *net.TCPConn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, o)
	t.Cleanup(func() { _ = l.Close() })
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(odd)}}
	client, err := d.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*Conn), client.(*net.TCPConn)
}

var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p"}

// TestPrinting is L3 and L4: whatever holds a connection, an address or an origin, and however it is printed.
func TestPrinting(t *testing.T) {
	t.Parallel()
	c, _ := pair(t, NewOrigins(DefaultLimits, nil))
	type holder struct {
		Conn   net.Conn
		conn   *Conn
		Addr   net.Addr
		Origin Origin
		origin Origin
	}
	h := holder{c, c, c.RemoteAddr(), c.Origin(), c.Origin()}
	values := []any{c, *c, c.RemoteAddr(), c.LocalAddr(), c.Origin(), h, &h, []any{c}, map[string]any{"c": c}}
	for _, v := range values {
		for _, verb := range verbs {
			leaks(t, verb, fmt.Sprintf(verb, v))
		}
		var b bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(handler).Info("x", "v", v, slog.Any("any", v))
		}
		leaks(t, "slog", b.String())
	}
	if text, err := json.Marshal(h); err == nil {
		leaks(t, "json", string(text))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, c.RemoteAddr()) + fmt.Sprintf(verb, c); got != "[peer][peer]" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	planted := fmt.Sprintf("%v", &net.TCPAddr{IP: net.ParseIP(odd)}) // the test can fail
	if !strings.Contains(planted, forms[0]) {
		t.Error("a planted address is not found")
	}
}

// TestErrors is L2: errors of a connection in every state.
func TestErrors(t *testing.T) {
	t.Parallel()
	var errs []error
	note := func(err error) {
		t.Helper()
		if err == nil {
			t.Error("no error to look at")
			return
		}
		errs = append(errs, err)
	}
	o := NewOrigins(DefaultLimits, nil)
	c, _ := pair(t, o)
	if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(make([]byte, 1))
	note(err)
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a timeout is no timeout any more: %v", err)
	}
	_, err = c.Write([]byte("x"))
	note(err)

	c, client := pair(t, o) // reset
	if err := client.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = client.Close()
	_, err = c.Read(make([]byte, 1))
	note(err)
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}

	c, client = pair(t, o) // half-closed
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // as readers do
		t.Errorf("end: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	_, err = c.Read(make([]byte, 1))
	note(err)
	note(c.Close())
	note(c.SetReadDeadline(time.Now()))
	note(c.SetWriteDeadline(time.Now()))
	_, _, err = c.Detach()
	note(err)

	note(Clean(&net.OpError{Op: "dial", Net: "tcp", Source: &net.TCPAddr{IP: net.ParseIP(odd)}, Addr: &net.TCPAddr{IP: net.ParseIP(odd)}, Err: errors.New("to " + odd)}))
	note(Clean(fmt.Errorf("dial %s: %w", odd, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})))
	note(Clean(&net.AddrError{Err: "bad", Addr: odd}))
	note(Clean(&net.DNSError{Err: "no such host", Name: odd, Server: odd}))
	for _, err := range errs {
		for _, verb := range verbs {
			leaks(t, verb, fmt.Sprintf(verb, err))
		}
	}
	if err := io.ErrUnexpectedEOF; Clean(err) != err { //nolint:errorlint // the same value
		t.Error("Clean changes what is no network error")
	}
}

func TestDetach(t *testing.T) {
	t.Parallel()
	o := NewOrigins(DefaultLimits, nil)
	c, client := pair(t, o)
	fd, lease, err := c.Detach()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Read(fd, make([]byte, 1)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("the descriptor blocks: %v", err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if idle, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE); err != nil || idle != int(KeepAliveIdle.Seconds()) {
		t.Errorf("keepalive after %d s: %v", idle, err)
	}
	if o.records[lease.Origin()].open != 1 {
		t.Error("the lease is not counted")
	}
	lease.Release()
	lease.Release()
	if o.records[lease.Origin()].open != 0 {
		t.Error("the lease is counted still, or twice")
	}
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
}

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// TestOrigins is L10: same place, same key; other secret, other key; and the table empties itself.
// TestKeyLeavesNothing: freed memory keeps what it held until its next use, so nothing that holds an address is allocated.
func TestKeyLeavesNothing(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	o := NewOrigins(Limits{}, nil)
	for _, a := range []string{"192.0.2.1", "2001:db8:1:2:3::4%eth0"} {
		a := netip.MustParseAddr(a)
		if n := testing.AllocsPerRun(100, func() { o.key(a, now) }); n != 0 {
			t.Errorf("%v: %v allocations", a, n)
		}
	}
	if o.scratch != [len(o.scratch)]byte{} {
		t.Error("the address is still in the scratch area")
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	clk := &clock{t: time.Unix(1_800_000_000, 0)}
	o := NewOrigins(Limits{PerSecond: 100, Burst: 100}, clk.now)
	admit := func(a string) Origin {
		k, ok := o.admit(netip.MustParseAddr(a))
		if !ok {
			t.Fatalf("%s refused", a)
		}
		return k
	}
	k := admit("192.0.2.1")
	if k != admit("::ffff:192.0.2.1") || k == admit("192.0.2.2") {
		t.Error("IPv4")
	}
	if six := admit("2001:db8:1:2:3::4"); six != admit("2001:db8:1:2:ffff::1%eth0") || six == admit("2001:db8:1:3::4") {
		t.Error("IPv6 networks")
	}
	clk.pass(Rotation)
	later := admit("192.0.2.1")
	if later == k {
		t.Error("the secret does not rotate")
	}
	for k, r := range o.records {
		for r.open > 0 {
			o.release(k)
		}
	}
	clk.pass(2 * Rotation)
	k = admit("198.51.100.7")
	if o.Len() != 1 {
		t.Errorf("%d origins are kept", o.Len())
	}
	o.release(k)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	clk := &clock{t: time.Unix(1_800_000_000, 0)}
	o := NewOrigins(Limits{Connections: 3, PerSecond: 2, Burst: 4}, clk.now)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var k Origin
	for i, want := range []bool{true, true, true, false} {
		var ok bool
		if k, ok = o.admit(a); ok != want {
			t.Errorf("connection %d: %v", i, ok)
		}
	}
	if _, ok := o.admit(b); !ok {
		t.Error("another origin is refused")
	}
	for range 3 {
		o.release(k)
	}
	for i, want := range []bool{true, false} { // one of four is left for now
		if _, ok := o.admit(a); ok != want {
			t.Errorf("burst %d: %v", i, ok)
		}
		o.release(k)
	}
	clk.pass(time.Second)
	for i, want := range []bool{true, true, false} {
		if _, ok := o.admit(a); ok != want {
			t.Errorf("rate %d: %v", i, ok)
		}
		o.release(k)
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	clk := &clock{t: time.Unix(1_800_000_000, 0)}
	o := NewOrigins(Limits{FreeFailures: 3, FreeOriginFailures: 50, MaxWait: 2 * time.Second}, clk.now)
	k, _ := o.admit(netip.MustParseAddr("192.0.2.1"))
	other, _ := o.admit(netip.MustParseAddr("192.0.2.2"))
	want := []time.Duration{0, 0, 0, 0, 250 * time.Millisecond, 500 * time.Millisecond}
	for i, w := range want {
		wait, ok := o.Wait(k, "anna")
		if !ok || wait < w || w == 0 && wait != 0 {
			t.Errorf("after %d failures: %v, %v", i, wait, ok)
		}
		clk.pass(wait)
		o.Failed(k, "anna")
	}
	for range 30 {
		o.Failed(k, "anna")
	}
	if wait, ok := o.Wait(k, "anna"); !ok || wait != 2*time.Second {
		t.Errorf("the longest wait: %v, %v", wait, ok)
	}
	if _, ok := o.Wait(k, "anna"); ok { // the next turn would be after 4 s
		t.Error("turns do not run out")
	}
	if wait, ok := o.Wait(k, "bela"); wait != 0 || !ok {
		t.Error("another name at the same origin waits too")
	}
	if wait, ok := o.Wait(other, "anna"); wait != 0 || !ok {
		t.Error("the same name at another origin waits too")
	}
	for i := range 20 { // many names, each tried once: together they are too many
		o.Failed(k, "name"+strconv.Itoa(i))
	}
	if wait, ok := o.Wait(k, "bela"); wait == 0 && ok {
		t.Error("an origin that tries every name never waits")
	}
	clk.pass(time.Hour)
	if wait, ok := o.Wait(k, "anna"); wait != 0 || !ok {
		t.Errorf("nothing is forgotten: %v, %v", wait, ok)
	}
}

// What is remembered of names is bounded.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	o := NewOrigins(DefaultLimits, nil)
	k, _ := o.admit(netip.MustParseAddr("192.0.2.1"))
	for i := range maxNames + 10 {
		o.Failed(k, strconv.Itoa(i))
	}
	if n := len(o.names); n != maxNames {
		t.Errorf("%d names are remembered", n)
	}
}

// flaky fails to accept some times, then hands out nothing until it is closed.
type flaky struct {
	net.Listener
	errs  chan error
	calls int
}

func (f *flaky) Accept() (net.Conn, error) {
	f.calls++
	select {
	case err := <-f.errs:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(odd)}, Err: os.NewSyscallError("accept4", err)}
	default:
		return f.Listener.Accept()
	}
}

// TestNoDescriptors is F31: accept backs off and goes on.
func TestNoDescriptors(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: inner, errs: make(chan error, 4)}
	f.errs <- syscall.EMFILE
	f.errs <- syscall.ENFILE
	f.errs <- syscall.ECONNABORTED
	l := Listen(f, NewOrigins(Limits{}, nil))
	client, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil || f.calls != 4 {
		t.Fatalf("after %d calls: %v", f.calls, err)
	}
	_ = c.Close()
	f.errs <- syscall.EINVAL
	if _, err := l.Accept(); err == nil {
		t.Error("a lasting error is hidden")
	} else {
		leaks(t, "accept", err.Error())
	}
	for range 4 {
		f.errs <- syscall.EMFILE
	}
	go func() { _ = l.Close() }()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed while it backs off: %v", err)
	}
}

// One guesser does not lock out everybody behind the same address: checks are ten a second there, however often it fails.
func TestGuesserAmongOthers(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	o := NewOrigins(DefaultLimits, func() time.Time { return now })
	k, _ := o.admit(netip.MustParseAddr("192.0.2.1"))
	for i := range 10_000 {
		o.Failed(k, "name"+strconv.Itoa(i))
	}
	for i := range 100 {
		want := time.Duration(i+1) * originStep
		if wait, ok := o.Wait(k, "anna"+strconv.Itoa(i)); !ok || wait != want {
			t.Fatalf("sign-in %d waits %v, %v, want %v", i, wait, ok, want)
		}
	}
	if _, ok := o.Wait(k, "bela"); ok {
		t.Error("turns do not run out")
	}
	now = now.Add(time.Second)
	if wait, ok := o.Wait(k, "bela"); !ok || wait > DefaultLimits.MaxWait {
		t.Errorf("a second later: %v, %v", wait, ok)
	}
}
