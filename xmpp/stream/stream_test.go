package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mellium.im/sasl"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"

	"protokoll/xmpp/frame"
	psasl "protokoll/xmpp/sasl"
)

// TestPanic is F7: a panic ends its own stream, and neither its value nor what the peer sent is logged.
func TestPanic(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.echo.handle(func(s *Stream, fr *frame.Frame, turn *Turn) error {
		switch string(fr.ID) {
		case "bad":
			panic("secret " + string(fr.Raw))
		case "after":
			turn.After(func(*Turn) { panic("secret") })
		case "drained":
			s.WhenDrained(func() { panic("secret") })
		}
		return turn.Send(s, fr.Raw)
	})
	bad, good := f.login(t), f.login(t)
	bad.send("<message id='bad'><body>needle</body></message>")
	bad.wantError(t, InternalServerError)
	for _, id := range []string{"after", "drained"} {
		c := f.login(t)
		c.send("<message id='" + id + "'/>")
		if got := c.rest(); !strings.HasSuffix(got, "<stream:error><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>") {
			t.Errorf("%s: %q", id, got)
		}
	}
	good.send("<message id='1'/>")
	good.until("<message id='1'/>")
	if got := f.awaitClosed(t); got.reason == nil {
		t.Error("Closed(nil)")
	}
	if log := f.logs.String(); !strings.Contains(log, "panic in a stream") || !strings.Contains(log, "stream_test.go") && !strings.Contains(log, "TestPanic") ||
		strings.Contains(log, "secret") || strings.Contains(log, "needle") {
		t.Errorf("log: %s", log)
	}
}

func TestHandlerError(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.echo.handle(func(_ *Stream, fr *frame.Frame, _ *Turn) error {
		if string(fr.ID) == "known" {
			return &Error{Condition: UndefinedCondition, Text: "a < b", Extra: "<handled-count-too-high xmlns='urn:xmpp:sm:3'/>"}
		}
		return errors.New("whatever")
	})
	c := f.login(t)
	c.send("<message id='known'/><message id='unknown'/>")
	if got, want := c.rest(), "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>a &lt; b</text>"+
		"<handled-count-too-high xmlns='urn:xmpp:sm:3'/></stream:error></stream:stream>"; got != want {
		t.Errorf("got %q", got)
	}
	c = f.login(t)
	c.send("<message id='unknown'/>")
	c.wantError(t, InternalServerError)
}

func TestIdle(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Idle = 500 * time.Millisecond })
	c := f.login(t)
	c.wantError(t, ConnectionTimeout)
	var e *Error
	if got := f.awaitClosed(t); !errors.As(got.reason, &e) || e.Condition != ConnectionTimeout {
		t.Errorf("Closed(%v)", got.reason)
	}
	f.echo.handle(func(s *Stream, _ *frame.Frame, _ *Turn) error { s.SetIdleLimit(time.Hour); return nil })
	c = f.login(t)
	c.send("<message/>")
	if err := c.net.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := c.rest(); got != "" {
		t.Errorf("a longer limit: %q", got)
	}
}

func TestCloseAndAbort(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Closing = 300 * time.Millisecond })
	f.echo.handle(func(s *Stream, fr *frame.Frame, turn *Turn) error {
		switch string(fr.ID) {
		case "close":
			s.Close("", "")
		case "conflict":
			s.Close(Conflict, "")
		case "abort":
			s.Abort()
		}
		return turn.Send(s, []byte("<x/>")) // queued before the end is carried out
	})
	for id, want := range map[string]error{"close": ErrClosed, "abort": ErrAborted, "conflict": &Error{}} {
		c := f.login(t)
		c.send("<message id='" + id + "'/><message/>")
		got := c.rest()
		reason := f.awaitClosed(t).reason
		var e *Error
		if !errors.Is(reason, want) && !errors.As(reason, &e) {
			t.Errorf("%s: Closed(%v)", id, reason)
		}
		if id == "close" && got != "<x/></stream:stream>" {
			t.Errorf("close: %q", got)
		}
	}
	c := f.login(t) // the peer that does not close is dropped after Limits.Closing
	c.send("<message id='close'/>")
	c.until("</stream:stream>")
	awaitEmpty(t, f)
}

func TestSendAfterEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.login(t)
	c.send("</stream:stream>")
	c.rest()
	s := f.awaitClosed(t).s
	awaitEmpty(t, f)
	turn := NewTurn()
	defer turn.End()
	if err := turn.Send(s, []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send: %v", err)
	}
	if err := turn.SendSoon(s, []byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("SendSoon: %v", err)
	}
	s.Close(Conflict, "")
	s.Abort()
	s.Flush()
	s.SetIdleLimit(time.Millisecond)
	s.Resume()
}

func TestPause(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	paused := make(chan *Stream, 1)
	f.echo.handle(func(s *Stream, fr *frame.Frame, turn *Turn) error {
		if string(fr.ID) == "pause" {
			s.Pause()
			paused <- s
		}
		return turn.Send(s, fr.Raw)
	})
	c := f.login(t)
	c.send("<message id='pause'/><message id='2'/>")
	c.until("<message id='pause'/>")
	s := <-paused
	c.send("<message id='3'/>")
	if err := s.Send([]byte("<still/>")); err != nil {
		t.Fatal(err)
	}
	s.Flush()
	c.until("<still/>")
	if len(c.got) > 0 {
		t.Errorf("read while paused: %q", c.got)
	}
	s.Resume()
	c.until("<message id='2'/><message id='3'/>")
}

func TestSoonAndAfter(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.echo.handle(func(s *Stream, _ *frame.Frame, turn *Turn) error {
		turn.After(func(turn *Turn) { _ = turn.Send(s, []byte("<after/>")) })
		return turn.SendSoon(s, []byte("<soon/>"))
	})
	c := f.login(t)
	c.send("<message/>")
	c.until("<soon/><after/>")
	f.echo.handle(func(s *Stream, _ *frame.Frame, turn *Turn) error { return turn.SendSoon(s, []byte("<alone/>")) })
	c = f.login(t)
	c.send("<message/>")
	c.until("<alone/>")
}

func TestDrained(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var portions atomic.Int32
	portion := []byte("<message><body>" + strings.Repeat("x", 200<<10) + "</body></message>")
	f.echo.handle(func(s *Stream, _ *frame.Frame, _ *Turn) error {
		var next func()
		next = func() {
			if portions.Add(1) > 40 {
				return
			}
			if err := s.Send(portion); err != nil {
				t.Errorf("portion: %v", err)
			}
			s.WhenDrained(next)
		}
		next()
		return nil
	})
	c := f.login(t)
	c.send("<message/>")
	for range 40 {
		c.until("</message>")
	}
}

// TestBlockedBackend is half of F26: a directory that does not answer holds up nobody who is signed in.
func TestBlockedBackend(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	good := f.login(t)
	block := make(chan struct{})
	f.people.answer(nil, block)
	for range 50 {
		c := dial(t, f.direct, f.pool)
		c.tls()
		c.send(clientHead + authUser)
	}
	for range 20 {
		good.send("<message id='1'/>")
		good.until("<message id='1'/>")
	}
	close(block)
}

func TestBackendErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for err, want := range map[error]string{psasl.ErrTemporary: psasl.TemporaryAuthFailure, psasl.ErrDisabled: psasl.AccountDisabled,
		psasl.ErrNoAccount: psasl.NotAuthorized, errors.New("odd"): psasl.TemporaryAuthFailure} {
		f.people.answer(err, nil)
		c := f.startTLS(t)
		c.send(clientHead + authUser)
		c.until("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><" + want + "/></failure>")
	}
}

func TestAccountLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.AccountStream = 2 })
	a, _ := f.login(t), f.login(t)
	c := dial(t, f.direct, f.pool)
	c.tls()
	c.send(clientHead + authUser)
	c.wantError(t, ResourceConstraint)
	_ = c.net.Close()
	a.send("</stream:stream>")
	a.rest()
	_ = a.net.Close()
	for f.Len() > 1 {
		runtime.Gosched()
	}
	f.login(t)
}

// TestReload is F25: a pair that is not whole and valid leaves the old one in place; sessions stay.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pair := writeCertificate(t, dir, testDomain, 1, nil)
	certs, err := LoadCertificates([]Pair{pair}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *Config) { c.Certificate = certs.Get })
	serial := func() int64 {
		c := dial(t, f.direct, f.pool)
		return c.tls(func(cfg *tls.Config) { cfg.InsecureSkipVerify = true }).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	open := dial(t, f.direct, nil)
	open.tls(func(cfg *tls.Config) { cfg.InsecureSkipVerify = true })
	open.signIn("user")
	whole, err := os.ReadFile(pair.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	other := writeCertificate(t, t.TempDir(), "elsewhere.example", 9, nil)
	foreignKey, err := os.ReadFile(other.Key)
	if err != nil {
		t.Fatal(err)
	}
	goodKey, err := os.ReadFile(pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][2][]byte{"half": {whole[:len(whole)/2], goodKey}, "wrong key": {whole, foreignKey}, "empty": {nil, goodKey}} {
		for i, file := range []string{pair.Certificate, pair.Key} {
			if err := os.WriteFile(file, files[i], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := certs.Reload(); err == nil || serial() != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	writeCertificate(t, dir, testDomain, 2, nil)
	if err := certs.Reload(); err != nil || serial() != 2 || time.Until(certs.Expires()) > 25*time.Hour {
		t.Errorf("new pair: %v", err)
	}
	open.send("<message id='1'/>")
	open.until("<message id='1'/>")
	late := func() time.Time { return time.Now().Add(48 * time.Hour) }
	if _, err := LoadCertificates([]Pair{pair}, late); err == nil {
		t.Error("an expired certificate was loaded")
	}
	other.Domain = testDomain
	if _, err := LoadCertificates([]Pair{other}, nil); err == nil {
		t.Error("a certificate of another domain was loaded")
	}
	if _, err := LoadCertificates(nil, nil); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("no pair: %v", err)
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Closing = time.Minute })
	polite, stuck := f.login(t), f.login(t)
	before := dial(t, f.addr, f.pool)
	before.send(clientHead)
	before.until("</stream:features>")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f.Shutdown(ctx) }()
	polite.wantError(t, SystemShutdown)
	before.wantError(t, SystemShutdown)
	_ = polite.net.Close()
	_ = before.net.Close()
	if err := <-done; !errors.Is(err, context.DeadlineExceeded) { // stuck never closes its half
		t.Errorf("Shutdown: %v", err)
	}
	stuck.wantError(t, SystemShutdown)
	for range 2 {
		var e *Error
		if got := f.awaitClosed(t); !errors.As(got.reason, &e) || e.Condition != SystemShutdown {
			t.Errorf("Closed(%v)", got.reason)
		}
	}
	awaitEmpty(t, f)
}

// A stop does not wait for a directory that does not answer: who is signing in is told at once.
func TestShutdownEndsSignIns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.people.answer(nil, make(chan struct{})) // for ever
	c := dial(t, f.direct, f.pool)
	c.tls()
	c.send(clientHead + authUser)
	for f.people.count() == 0 {
		runtime.Gosched()
	}
	done := make(chan error, 1)
	go func() { done <- f.Shutdown(t.Context()) }()
	c.wantError(t, SystemShutdown)
	_ = c.net.Close()
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestForeignClient signs in with mellium's client, by SCRAM bound to the TLS connection.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []sasl.Mechanism{sasl.ScramSha256Plus, sasl.ScramSha1, sasl.Plain} {
		t.Run(mechanism.Name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.echo.handle(func(s *Stream, fr *frame.Frame, turn *Turn) error {
				return turn.Send(s, []byte("<iq type='result' id='"+string(fr.ID)+"'><bind xmlns='"+bindSpace+"'><jid>user@example.org/r</jid></bind></iq>"))
			})
			c := dial(t, f.addr, f.pool)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			session, err := xmpp.NewClientSession(ctx, jid.MustParse("user@example.org"), c.net,
				xmpp.StartTLS(&tls.Config{ServerName: testDomain, RootCAs: f.pool}), xmpp.SASL("", "pencil", mechanism), xmpp.BindResource())
			if err != nil {
				t.Fatal(err)
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
			_ = c.net.Close()
			if got := f.awaitClosed(t); got.s.Localpart() != "user" || !got.s.Secure() || got.s.TLSState().Version != tls.VersionTLS13 {
				t.Errorf("signed in as %q", got.s.Localpart())
			}
		})
	}
}

// TestHandshakesWait: of many that begin, some at a time go on; what has ended meanwhile does not wait.
func TestHandshakesWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) {
		c.Limits.Handshakes, c.Limits.Handshake, c.Limits.Login = 2, 300*time.Millisecond, 20*time.Second
	})
	for range 6 {
		dial(t, f.direct, f.pool) // silent
	}
	f.login(t)
	f = newFixture(t, func(c *Config) {
		c.Limits.Handshakes, c.Limits.Handshake, c.Limits.Login = 1, 10*time.Second, 300*time.Millisecond
	})
	for range 3 {
		dial(t, f.direct, f.pool)
	}
	awaitEmpty(t, f)
}

// TestTalksOn: a peer that goes on sending after its stream has ended is dropped all the same.
func TestTalksOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Closing = 300 * time.Millisecond })
	c := f.login(t)
	c.send("<message><bad></message>")
	c.until("</stream:stream>")
	for junk := strings.Repeat("x", 16<<10); ; {
		if _, err := c.net.Write([]byte(junk)); err != nil {
			break
		}
	}
	awaitEmpty(t, f)
}

// TestNoGoroutines: streams that wait hold none.
func TestNoGoroutines(t *testing.T) {
	f := newFixture(t)
	before := runtime.NumGoroutine()
	for range 50 {
		c := f.login(t)
		c.send("<message id='1'/>")
		c.until("<message id='1'/>")
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+8; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// TestBuffersDropped says whether crypto/tls still has the fields that idle streams give back.
func TestBuffersDropped(t *testing.T) {
	t.Parallel()
	if !newTLSFields().found {
		t.Error("crypto/tls has changed: tlsbuffers.go no longer finds its buffers")
	}
	none := (&tlsFields{}).of(nil) // what happens then
	if none != nil {
		t.Error("buffers found nowhere")
	}
	none.lend()
	none.release()
	f := newFixture(t)
	c := f.login(t)
	big := "<message id='1'><body>" + strings.Repeat("x", 100<<10) + "</body></message>"
	c.send(big)
	c.until(big)
}
