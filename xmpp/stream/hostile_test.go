package stream

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"protokoll/internal/peer"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

// TestHostile has one sub-test per number of the list of hostile input.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"H1": testBehindStartTLS, "H2": testAuthBeforeTLS, "H3": testStanzaBeforeLogin, "H4": testServerDialback, "H5": testOldTLS,
		"H6": testEarlyData, "H7": testRenegotiation, "H8": testSlowHello, "H9": testSilent, "H10": testALPN, "H11": testForeignDomain, "H12": testClientCertificate,
		"H22": testStreamElements, "H25": testServerStanza, "H27": testAfterTheEnd, "H28": testBeforeLoginLimits, "H29": testAfterLoginLimits,
		"H30": testDepth, "H31": testChildren, "H32": testByteByByte, "H35": testWhitespaceFlood, "H36": testHeaders,
		"H38": testBadAuth, "H41": testAuthOutOfOrder, "H45": testWrongPasswords, "H71": testStuckReader, "H73": testFlood, "H77": testPerOrigin,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

const startTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

// wantError reads to the end and wants exactly one stream error, behind a header of ours.
func (c *raw) wantError(t *testing.T, conditions ...Condition) {
	t.Helper()
	got := c.rest()
	header := strings.Index(got, "<stream:stream")
	at := strings.Index(got, "<stream:error>")
	if at < 0 || strings.Count(got, "<stream:error>") != 1 || !strings.HasSuffix(got, "</stream:error></stream:stream>") {
		t.Errorf("no stream error at the end of %.300q", got)
		return
	}
	if header > at {
		t.Errorf("error before the header: %q", got)
	}
	for _, condition := range conditions {
		if strings.Contains(got[at:], "<"+string(condition)+" xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>") {
			return
		}
	}
	t.Errorf("got %q, want %v", got[at:], conditions)
}

func testBehindStartTLS(t *testing.T) {
	f := newFixture(t)
	for _, behind := range []string{clientHead + authUser, authUser, "x", "<"} {
		c := dial(t, f.addr, f.pool)
		c.send(clientHead + startTLS + behind)
		if got := c.rest(); !strings.HasSuffix(got, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>") || strings.Contains(got, "proceed") {
			t.Errorf("%q behind starttls: %q", behind, got)
		}
	}
	// What comes after <proceed/> in plain text breaks the handshake.
	c := dial(t, f.addr, f.pool)
	c.send(clientHead + startTLS)
	c.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.send(clientHead + authUser)
	if got := c.rest(); strings.Contains(got, "success") || strings.Contains(got, "stream:stream") {
		t.Errorf("plain text instead of TLS: %q", got)
	}
	if f.people.count() != 0 {
		t.Error("somebody was asked for a password")
	}
}

func testAuthBeforeTLS(t *testing.T) {
	f := newFixture(t)
	c := dial(t, f.addr, f.pool)
	c.send(clientHead + authUser)
	c.until("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>")
	c.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AHVzZXIAcGVuY2ls</initial-response></authenticate>")
	c.wantError(t, PolicyViolation)
	if f.people.count() != 0 {
		t.Error("somebody was asked for a password")
	}
}

func testStanzaBeforeLogin(t *testing.T) {
	f := newFixture(t)
	for _, stanza := range []string{"<message to='x@example.org'><body>x</body></message>", "<presence/>", "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"} {
		c := dial(t, f.addr, f.pool)
		c.send(clientHead + stanza)
		c.wantError(t, NotAuthorized)
		c = f.startTLS(t)
		c.send(clientHead + stanza)
		c.wantError(t, NotAuthorized)
		c = f.startTLS(t)
		c.send(clientHead + authUser + stanza) // no new header
		c.wantError(t, NotAuthorized, InvalidNamespace)
	}
}

func testServerDialback(t *testing.T) {
	f := newFixture(t)
	c := dial(t, f.addr, f.pool)
	c.send(clientHead + "<db:result xmlns:db='jabber:server:dialback' from='a.example' to='example.org'>key</db:result>")
	c.wantError(t, PolicyViolation, UnsupportedStanzaType)
}

// refused wants the handshake to fail without a session.
func (f *fixture) refused(t *testing.T, addr string, cfg *tls.Config) {
	t.Helper()
	c := dial(t, addr, f.pool)
	if addr == f.addr {
		c.send(clientHead + startTLS)
		c.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	}
	cfg.InsecureSkipVerify = true
	if err := tls.Client(c.net, cfg).Handshake(); err == nil {
		t.Error("the handshake succeeded")
	}
}

func testOldTLS(t *testing.T) {
	f := newFixture(t)
	for _, addr := range []string{f.addr, f.direct} {
		f.refused(t, addr, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
			tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA} {
			f.refused(t, addr, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
		}
	}
	c := dial(t, f.direct, f.pool)
	c.tls(func(cfg *tls.Config) { cfg.MaxVersion = tls.VersionTLS12 })
	c.signIn("user")
}

// testEarlyData: there are no tickets, so a client has nothing to send early data under.
func testEarlyData(t *testing.T) {
	f := newFixture(t)
	cache := &tickets{}
	for range 2 {
		c := dial(t, f.direct, f.pool)
		conn := c.tls(func(cfg *tls.Config) { cfg.ClientSessionCache = cache })
		c.signIn("user")
		if conn.ConnectionState().DidResume {
			t.Error("a session was resumed")
		}
	}
	if cache.n != 0 {
		t.Errorf("the server handed out %d tickets", cache.n)
	}
}

type tickets struct{ n int }

func (*tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (c *tickets) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		c.n++
	}
}

// testRenegotiation sends a handshake message where TLS 1.2 has application data: the connection ends.
func testRenegotiation(t *testing.T) {
	f := newFixture(t)
	c := f.login(t)
	inner := c.net.(*tls.Conn).NetConn()
	if _, err := inner.Write([]byte{22, 3, 3, 0, 4, 1, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	c.rest()
	if got := f.awaitClosed(t); !errors.Is(got.reason, ErrDropped) {
		t.Errorf("Closed(%v)", got.reason)
	}
}

func testSlowHello(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Handshake = 300 * time.Millisecond })
	for _, addr := range []string{f.addr, f.direct} {
		c := dial(t, addr, f.pool)
		if addr == f.addr {
			c.send(clientHead + startTLS)
			c.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		}
		c.send("\x16\x03\x01")
		c.rest()
	}
	awaitEmpty(t, f)
}

// awaitEmpty waits until no stream is left.
func awaitEmpty(t *testing.T, f *fixture) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); f.Len() > 0 || f.poller.Len() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d streams are left, %d sockets", f.Len(), f.poller.Len())
		}
	}
}

func testSilent(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Login, c.Limits.Closing = 400*time.Millisecond, 300*time.Millisecond })
	var conns []*raw
	for i := range 300 {
		addr := f.addr
		if i%2 == 0 {
			addr = f.direct
		}
		conns = append(conns, dial(t, addr, f.pool))
		switch i % 3 {
		case 0:
			_ = conns[i].net.(*net.TCPConn).CloseWrite() // half-closed
		case 1:
			conns[i].send(clientHead[:30])
		}
	}
	for _, c := range conns {
		c.rest()
	}
	awaitEmpty(t, f)
	c := dial(t, f.addr, f.pool)
	c.wantError(t, ConnectionTimeout)
}

func testALPN(t *testing.T) {
	f := newFixture(t)
	for _, protocol := range []string{"h2", "xmpp-server"} {
		f.refused(t, f.direct, &tls.Config{NextProtos: []string{protocol}})
		c := dial(t, f.addr, f.pool)
		c.send(clientHead + startTLS)
		c.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
		if got := c.tls(func(cfg *tls.Config) { cfg.NextProtos = []string{protocol} }).ConnectionState().NegotiatedProtocol; got != "" {
			t.Errorf("STARTTLS negotiated %q", got)
		}
	}
	c := dial(t, f.direct, f.pool)
	if got := c.tls(func(cfg *tls.Config) { cfg.NextProtos = []string{"xmpp-client"} }).ConnectionState().NegotiatedProtocol; got != "xmpp-client" {
		t.Errorf("direct TLS negotiated %q", got)
	}
}

func testForeignDomain(t *testing.T) {
	f := newFixture(t)
	c := dial(t, f.direct, f.pool)
	state := c.tls(func(cfg *tls.Config) { cfg.ServerName, cfg.InsecureSkipVerify = "elsewhere.example", true }).ConnectionState()
	if state.PeerCertificates[0].DNSNames[0] != testDomain {
		t.Error("not our certificate")
	}
	c.send(strings.Replace(clientHead, testDomain, "elsewhere.example", 1))
	c.wantError(t, HostUnknown)
	c = f.startTLS(t) // signs in here, goes on elsewhere
	c.send(clientHead + authUser + strings.Replace(clientHead, testDomain, "other.example", 1))
	c.wantError(t, ImproperAddressing)
}

// testClientCertificate: none is asked for, so none is parsed, however large its key.
func testClientCertificate(t *testing.T) {
	f := newFixture(t)
	c := dial(t, f.direct, f.pool)
	c.tls(func(cfg *tls.Config) {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			t.Error("the server asks for a certificate")
			return &tls.Certificate{}, nil
		}
	})
	c.signIn("user")
}

func testStreamElements(t *testing.T) {
	f := newFixture(t)
	c := f.login(t)
	c.send("<stream:features/>")
	c.wantError(t, UnsupportedStanzaType)
	c = f.login(t)
	c.send(clientHead[strings.Index(clientHead, "<stream"):])
	c.wantError(t, UnsupportedStanzaType, BadFormat, "not-well-formed")
	c = f.login(t)
	c.send("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
	if got := c.rest(); got != "</stream:stream>" {
		t.Errorf("answer to a stream error: %q", got)
	}
}

func testServerStanza(t *testing.T) {
	f := newFixture(t)
	c := dial(t, f.addr, f.pool)
	c.send(strings.Replace(clientHead, "jabber:client", "jabber:server", 1))
	c.wantError(t, InvalidNamespace)
}

func testAfterTheEnd(t *testing.T) {
	f := newFixture(t)
	c := f.login(t)
	c.send("<message id='1'/></stream:stream><message id='2'/>garbage<<<")
	if got := c.rest(); got != "<message id='1'/></stream:stream>" {
		t.Errorf("got %q", got)
	}
	c = f.login(t)
	c.send("<message><body></message>")
	c.wantError(t, "not-well-formed")
}

func testBeforeLoginLimits(t *testing.T) {
	f := newFixture(t)
	auth := func(size int) string {
		const open, end = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>", "</auth>"
		return open + strings.Repeat("!", size-len(open)-len(end)) + end
	}
	c := f.startTLS(t)
	c.send(clientHead + auth(frame.BeforeLoginStanzaBytes))
	c.until("<failure")
	c = f.startTLS(t)
	c.send(clientHead + auth(frame.BeforeLoginStanzaBytes + 1)[:frame.BeforeLoginStanzaBytes+1]) // the end does not come
	c.wantError(t, PolicyViolation)
	c = f.startTLS(t)
	c.send(clientHead + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + strings.Repeat("<a/>", 32))
	c.wantError(t, PolicyViolation)
}

func testAfterLoginLimits(t *testing.T) {
	f := newFixture(t)
	message := func(size int) string {
		const open, end = "<message><body>", "</body></message>"
		return open + strings.Repeat("x", size-len(open)-len(end)) + end
	}
	c := f.login(t)
	c.send(message(frame.ClientStanzaBytes))
	c.until("</message>")
	go func() { // the answer comes before all is sent
		endless := message(frame.ClientStanzaBytes + 20)
		_, _ = c.net.Write([]byte(endless[:frame.ClientStanzaBytes+1]))
	}()
	got := c.rest()
	if !strings.Contains(got, "<policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><stanza-too-big xmlns='urn:xmpp:errors'/></stream:error>") {
		t.Errorf("too big: %.300q", got)
	}
}

func testDepth(t *testing.T) {
	f := newFixture(t)
	c := f.login(t)
	c.send("<message>" + strings.Repeat("<a>", 10_000))
	c.wantError(t, PolicyViolation)
}

func testChildren(t *testing.T) {
	f := newFixture(t)
	attributes, namespaces := &strings.Builder{}, &strings.Builder{}
	for i := range 10_000 {
		fmt.Fprintf(attributes, " a%d=''", i)
		fmt.Fprintf(namespaces, " xmlns:a%d='b'", i)
	}
	for _, text := range []string{"<message>" + strings.Repeat("<a/>", 50_000), "<message" + attributes.String(), "<message" + namespaces.String()} {
		c := f.login(t)
		c.send(text)
		c.wantError(t, PolicyViolation)
	}
}

func testByteByByte(t *testing.T) {
	f := newFixture(t)
	c := dial(t, f.addr, f.pool)
	for _, b := range []byte(clientHead + startTLS) {
		c.send(string(b))
	}
	c.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.tls()
	for _, b := range []byte(clientHead + authUser) {
		c.send(string(b))
	}
	c.until("<success")
	for _, b := range []byte(clientHead + "<message id='1'><body>" + strings.Repeat("é", 3000) + "</body></message>") {
		c.send(string([]byte{b}))
	}
	c.until("</message>")
}

// testWhitespaceFlood: more than the burst takes as long as the rate says.
func testWhitespaceFlood(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Rate, c.Limits.Burst = 1<<20, 64<<10 })
	c := f.login(t)
	start := time.Now()
	c.send(strings.Repeat(" ", 512<<10) + "<message id='1'/>")
	c.until("<message id='1'/>")
	if took := time.Since(start); took < 300*time.Millisecond {
		t.Errorf("512 KiB of white space passed within %v", took)
	}
}

func testHeaders(t *testing.T) {
	f := newFixture(t)
	with := func(attributes string) string {
		return "<stream:stream " + attributes + " xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
	}
	tests := []struct {
		header string
		want   []Condition
	}{
		{with("version='1.0'"), []Condition{HostUnknown, ImproperAddressing}},
		{with("to='' version='1.0'"), []Condition{HostUnknown}},
		{with("to='user@example.org' version='1.0'"), []Condition{HostUnknown}},
		{with("to='example.org/x' version='1.0'"), []Condition{HostUnknown}},
		{with("to='example.org'"), []Condition{UnsupportedVersion}},
		{with("to='example.org' version='0.9'"), []Condition{UnsupportedVersion}},
		{with("to='example.org' version='x'"), []Condition{UnsupportedVersion}},
		{with("to='example.org' version='1.0' a='" + strings.Repeat("x", 64<<10)), []Condition{PolicyViolation}},
		{"<stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='urn:x'>", []Condition{InvalidNamespace}},
		{"<message/>", []Condition{BadFormat, "not-well-formed", InvalidNamespace, "bad-namespace-prefix"}},
		{"GET / HTTP/1.1\r\n\r\n", []Condition{BadFormat, "not-well-formed"}},
		{"\xff\xfe<\x00", []Condition{BadFormat, "not-well-formed", "unsupported-encoding"}},
	}
	for _, tt := range tests {
		c := dial(t, f.addr, f.pool)
		c.send(tt.header)
		c.wantError(t, tt.want...)
	}
	c := dial(t, f.addr, f.pool)
	c.send(with("to='EXAMPLE.org' from='admin@example.org/x' version='1.1' xml:lang='de'"))
	if got := c.until("</stream:features>"); !strings.Contains(got, " to='admin@example.org'") || !strings.Contains(got, "xml:lang='de'") || !strings.Contains(got, " from='example.org'") {
		t.Errorf("header %q", got)
	}
}

func plainAuth(text string) string {
	return "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" + text + "</auth>"
}

func testBadAuth(t *testing.T) {
	f := newFixture(t)
	for text, want := range map[string]string{
		"": "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'></challenge>", "=": sasl.MalformedRequest, "!": sasl.IncorrectEncoding, "AHVzZXIAcGVuY2ls\n": sasl.IncorrectEncoding,
		"AHVzZXIA": sasl.MalformedRequest, "<x/>": sasl.IncorrectEncoding,
		base64.StdEncoding.EncodeToString([]byte("admin@example.org\x00user\x00pencil")): sasl.InvalidAuthzid,
	} {
		c := f.startTLS(t)
		c.send(clientHead + plainAuth(text))
		c.until("</stream:features>")
		if !strings.HasPrefix(want, "<") {
			want = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><" + want + "/></failure>"
		}
		c.until(want)
	}
}

func testAuthOutOfOrder(t *testing.T) {
	f := newFixture(t)
	const saslNS = " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
	c := f.startTLS(t)
	c.send(clientHead + "<response" + saslNS + ">AHVzZXIAcGVuY2ls</response>")
	c.until("<malformed-request/>")
	c.send("<auth xmlns='" + saslSpace + "' mechanism='SCRAM-SHA-1'>biwsbj11c2VyLHI9YWJj</auth>")
	c.until("</challenge>")
	c.send("<abort" + saslNS + "/>")
	c.until("<aborted/>")
	c.send(authUser)
	c.until("<success")
	c = f.startTLS(t)
	c.send(clientHead + authWrong + authUser) // two, pipelined: the second one counts
	c.until("<not-authorized/>")
	c.until("<success")
	c = f.startTLS(t)
	c.send(clientHead + "<success" + saslNS + "/>")
	c.wantError(t, UnsupportedStanzaType)
	c = f.startTLS(t)
	c.send(clientHead + "<auth xmlns='" + saslSpace + "' mechanism='DIGEST-MD5'/>")
	c.until("<invalid-mechanism/>")
}

func testWrongPasswords(t *testing.T) {
	origins := peer.NewOrigins(peer.Limits{FreeFailures: 6, MaxWait: 600 * time.Millisecond}, nil)
	f := newFixture(t, func(c *Config) { c.Origins = origins })
	c := f.startTLS(t)
	c.send(clientHead + authWrong + authWrong + authWrong + authUser)
	got := c.rest()
	if strings.Count(got, "<not-authorized/>") != 3 || !strings.Contains(got, "<policy-violation ") || strings.Contains(got, "success") {
		t.Errorf("four on one stream: %q", got)
	}
	start := time.Now()
	for range 3 {
		c := f.startTLS(t)
		c.send(clientHead + authWrong + authWrong + authWrong)
		c.rest()
	}
	if took := time.Since(start); took < 500*time.Millisecond {
		t.Errorf("nine more took %v", took)
	}
}

func testStuckReader(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.Queue = 256 << 10 })
	var mu sync.Mutex
	peers := map[string]*Stream{}
	f.echo.handle(func(s *Stream, fr *frame.Frame, turn *Turn) error {
		mu.Lock()
		defer mu.Unlock()
		if string(fr.ID) == "me" {
			peers["stuck"] = s
			return turn.Send(s, fr.Raw)
		}
		err := turn.Send(peers["stuck"], fr.Raw)
		if errors.Is(err, ErrSlow) || errors.Is(err, ErrClosed) {
			return turn.Send(s, []byte("<presence id='ended'/>"))
		}
		return err
	})
	stuck, sender := f.login(t), f.login(t)
	stuck.send("<message id='me'/>")
	stuck.until("<message id='me'/>")
	if err := stuck.net.(*tls.Conn).NetConn().(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	body := "<message><body>" + strings.Repeat("x", 60<<10) + "</body></message>"
	go func() {
		for range 400 {
			if _, err := io.WriteString(sender.net, body); err != nil {
				return
			}
		}
	}()
	sender.until("<presence id='ended'/>")
	if got := f.awaitClosed(t); !errors.Is(got.reason, ErrSlow) {
		t.Errorf("Closed(%v)", got.reason)
	}
}

func testFlood(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Limits.Rate, c.Limits.Burst = 256<<10, 32<<10
		c.Limits.AccountRate, c.Limits.AccountBurst = 1<<30, 1<<30 // both streams are of one
	})
	flood, other := f.login(t), f.login(t)
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		_, _ = flood.net.Write(bytes.Repeat([]byte("<presence to='x@example.org'/>"), 5000)) // slowed down
	}()
	for i := range 20 {
		text := fmt.Sprintf("<message id='%d'/>", i)
		other.send(text)
		other.until(text)
	}
	select {
	case <-stop:
	default: // others were served while the flood was held up
	}
	got := 0
	buf := make([]byte, 32<<10)
	for got < 5000*len("<presence to='x@example.org'/>") {
		n, err := flood.net.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
	<-stop
}

func testPerOrigin(t *testing.T) {
	origins := peer.NewOrigins(peer.Limits{Connections: 3}, nil)
	f := newFixture(t, func(c *Config) { c.Origins = origins })
	open := []*raw{f.login(t), f.login(t), f.login(t)}
	c := dial(t, f.addr, f.pool)
	if got := c.rest(); got != "" {
		t.Errorf("above the limit: %q", got)
	}
	from := func(ip string) net.Conn { // another origin is served
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		c, err := d.Dial("tcp", f.addr)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	other := &raw{t: t, net: from("127.83.201.9")}
	other.send(clientHead)
	other.until("</stream:features>")
	_ = other.net.Close()
	open[0].send("</stream:stream>")
	open[0].rest()
	for end := time.Now().Add(10 * time.Second); f.Len() > 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the stream does not end")
		}
	}
	f.login(t)
}
