package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"protokoll/accounts"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
	"protokoll/xmpp/session"
	"protokoll/xmpp/stream"
)

// devices is what package node puts between streams and accounts.
type devices struct{ *accounts.Registry }

func (d devices) Redeem(ctx context.Context, domain, localpart string, use stream.Redemption) (stream.Issued, error) {
	a, err := d.Find(domain, localpart)
	if err != nil {
		return stream.Issued{}, sasl.ErrNotAuthorized
	}
	issued, err := d.Registry.Redeem(ctx, a, accounts.Redemption{Agent: accounts.Agent(use.Agent), Mechanism: use.Mechanism,
		Count: use.Count, Invalidate: use.Invalidate, Wanted: use.Wanted, Try: use.Try})
	if errors.Is(err, accounts.ErrNoToken) {
		err = sasl.ErrNotAuthorized
	}
	return stream.Issued(issued), err
}

func (d devices) SignedIn(ctx context.Context, domain, localpart string, in stream.SignedIn) (stream.Issued, error) {
	a, err := d.Find(domain, localpart)
	if err != nil {
		return stream.Issued{}, err
	}
	issued, err := d.NoteDevice(ctx, a, accounts.Proved{Agent: accounts.Agent(in.Agent), Key: in.Key, Wanted: in.Wanted})
	return stream.Issued(issued), err
}

const agent = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Test</software><device>Desk</device></user-agent>"

// authenticate is SASL2 with PLAIN, and what else is wished.
func authenticate(name, wishes string) string {
	return "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>" +
		base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00pencil")) + "</initial-response>" + wishes + "</authenticate>"
}

// open connects and reads the first features.
func (s *server) open(name string) *client {
	s.t.Helper()
	c := s.dial(name)
	c.send(header)
	c.until("</stream:features>")
	return c
}

// welcome signs in by SASL2 and returns <success/>.
func (s *server) welcome(name, wishes string) (c *client, success string) {
	s.t.Helper()
	c = s.open(name)
	c.send(authenticate(name, wishes))
	success = c.until("</success>")
	return c, success
}

// between returns what stands between two texts.
func between(t testing.TB, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	out, _, found := strings.Cut(rest, to)
	if !ok || !found {
		t.Fatalf("no %q … %q in %q", from, to, text)
	}
	return out
}

func TestInlineBind(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const full = "<bind xmlns='urn:xmpp:bind:0'><tag>Test</tag><enable xmlns='urn:xmpp:carbons:2'/><inactive xmlns='urn:xmpp:csi:0'/>" +
		"<enable xmlns='urn:xmpp:sm:3' resume='true' max='60'/></bind>"
	c, success := s.welcome("anna", agent+full)
	jid := between(t, success, "<authorization-identifier>", "</")
	if !strings.HasPrefix(jid, "anna@example.org/Test/") {
		t.Errorf("bound %q", jid)
	}
	if !strings.Contains(success, "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='") || !strings.Contains(success, "' resume='true' max='60'/></bound>") {
		t.Errorf("success: %s", success)
	}
	features := c.until("</stream:features>")
	if strings.Contains(features, "xmpp-bind") || strings.Contains(features, "urn:xmpp:sm:3") || !strings.Contains(features, "urn:xmpp:csi:0") {
		t.Errorf("features behind a bound session: %s", features)
	}
	// The same device comes back while its session is still there, and takes its place.
	again, success := s.welcome("anna", agent+full)
	if got := between(t, success, "<authorization-identifier>", "</"); got != jid {
		t.Errorf("the device is now %q, was %q", got, jid)
	}
	c.until("<conflict")
	again.until("</stream:features>")
	// Another account's resource tells nothing of it being the same device.
	_, success = s.welcome("bert", agent+full)
	if other := between(t, success, "<authorization-identifier>", "</"); strings.TrimPrefix(other, "bert") == strings.TrimPrefix(jid, "anna") {
		t.Errorf("two accounts of one device share a resource: %q", other)
	}
	// No tag, no device: a name of its own each time, nothing more.
	_, one := s.welcome("cleo", "<bind xmlns='urn:xmpp:bind:0'/>")
	_, two := s.welcome("cleo", "<bind xmlns='urn:xmpp:bind:0'/>")
	if one == two || !strings.Contains(one, "<bound xmlns='urn:xmpp:bind:0'/>") {
		t.Errorf("%s and %s", one, two)
	}
}

// TestInlineTags binds with tags that are no resources, or too long for one.
func TestInlineTags(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for tag, want := range map[string]string{
		strings.Repeat("ä", 33):      strings.Repeat("ä", 32) + "/", // 64 bytes
		strings.Repeat("x", 64):      strings.Repeat("x", 64) + "/",
		strings.Repeat("x", 65):      strings.Repeat("x", 64) + "/",
		"&#9;tab":                    "", // RFC 8264 §9.11
		"a/b":                        "a/b/",
		"":                           "",
		"Gajim &amp; friends &lt;x>": "Gajim &amp; friends &lt;x&gt;/",
	} {
		_, success := s.welcome("anna", "<bind xmlns='urn:xmpp:bind:0'><tag>"+tag+"</tag></bind>")
		jid := between(t, success, "<authorization-identifier>", "</")
		name := strings.TrimPrefix(jid, "anna@example.org/")
		if !strings.HasPrefix(name, want) || strings.Contains(strings.TrimPrefix(name, want), "/") {
			t.Errorf("tag %q gives %q", tag, name)
		}
	}
}

// TestInlineRefused wants nothing to be bound, and no password to be looked at.
func TestInlineRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, wishes := range []string{
		"<bind xmlns='urn:xmpp:bind:0'/><bind xmlns='urn:xmpp:bind:0'/>",
		"<bind xmlns='urn:xmpp:bind:0'><tag>a</tag><tag>b</tag></bind>",
		"<bind xmlns='urn:xmpp:bind:0'><enable xmlns='urn:xmpp:sm:3'/><enable xmlns='urn:xmpp:sm:3'/></bind>",
		"<resume xmlns='urn:xmpp:sm:3' h='-1' previd='x'/>",
		"<resume xmlns='urn:xmpp:sm:3' previd='x'/>",
		"<resume xmlns='urn:xmpp:sm:3' h='0' previd='x'/><resume xmlns='urn:xmpp:sm:3' h='0' previd='y'/>",
		agent + agent,
		"<user-agent id='" + strings.Repeat("x", 1100) + "'/>",
		"<fast xmlns='urn:xmpp:fast:0' count='-1'/>",
		"<fast xmlns='urn:xmpp:fast:0' count='4294967296'/>",
		"<fast xmlns='urn:xmpp:fast:0' invalidate='perhaps'/>",
	} {
		c := s.open("anna")
		c.send(authenticate("anna", wishes))
		if got := c.until("</failure>"); !strings.Contains(got, "<malformed-request ") {
			t.Errorf("%s: %s", wishes, got)
		}
	}
	if n := s.sessions.Len(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// TestInlineResume goes on with a session in one exchange: no features, the queue behind.
func TestInlineResume(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	bert := s.online("bert", "desk")
	const managed = "<bind xmlns='urn:xmpp:bind:0'><tag>Test</tag><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>"
	c, success := s.welcome("anna", agent+managed)
	id, jid := between(t, success, "<enabled xmlns='urn:xmpp:sm:3' id='", "'"), between(t, success, "<authorization-identifier>", "</")
	c.until("</stream:features>")
	c.send("<presence/>")
	c.until("/>")
	c.drop()
	bert.send("<message to='" + jid + "' type='chat' id='m1'><body>into the hole</body></message>")
	bert.sync()
	resume := "<resume xmlns='urn:xmpp:sm:3' h='1' previd='" + id + "'/>"
	c, success = s.welcome("anna", agent+resume+managed)
	if between(t, success, "<authorization-identifier>", "</") != jid || !strings.Contains(success, "<resumed xmlns='urn:xmpp:sm:3' previd='"+id+"' h='1'/>") ||
		strings.Contains(success, "<bound") {
		t.Errorf("success: %s", success)
	}
	if behind := c.until("into the hole"); strings.Contains(behind, "features") {
		t.Errorf("features behind a resumption: %s", behind)
	}
	// Somebody else's session: a new one begins, and the other is untouched.
	_, success = s.welcome("cleo", resume+managed)
	if !strings.Contains(success, "<failed xmlns='urn:xmpp:sm:3'><item-not-found") || !strings.Contains(success, "<bound") || !strings.Contains(success, "cleo@") {
		t.Errorf("a foreign session: %s", success)
	}
	if got := c.sync(); strings.Contains(got, "stream:error") {
		t.Errorf("the owner's stream: %s", got)
	}
	// More acknowledged than was ever sent. XEP-0198 §4
	c.drop()
	c = s.open("anna")
	c.send(authenticate("anna", strings.Replace(resume, "h='1'", "h='77'", 1)))
	c.until("<handled-count-too-high")
}

// TestInlinePipelined sends everything in one flight: header, sign-in with a token, and what comes next.
func TestInlinePipelined(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c, success := s.welcome("anna", agent+"<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>")
	c.drop()
	token := between(t, success, " token='", "'")
	c = s.dial("anna")
	c.send(header + tokenSignIn("anna", token, 1) + "<iq type='get' id='ping' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>")
	got := c.until("id='ping'")
	if !strings.Contains(got, "<bound xmlns='urn:xmpp:bind:0'/>") || strings.Contains(got, "<token") {
		t.Errorf("one flight: %s", got)
	}
}

// FuzzInline reads whatever a client may ask for together with signing in.
func FuzzInline(f *testing.F) {
	f.Add("<bind xmlns='urn:xmpp:bind:0'><tag>Test</tag><enable xmlns='urn:xmpp:carbons:2'/><enable xmlns='urn:xmpp:sm:3' resume='true' max='60'/></bind>")
	f.Add("<resume xmlns='urn:xmpp:sm:3' h='1' previd='x'/>")
	f.Add("<x:bind xmlns:x='urn:xmpp:bind:0'><x:tag>&lt;</x:tag></x:bind>")
	h := &session.Sessions{}
	f.Fuzz(func(_ *testing.T, wishes string) {
		fr, err := frame.Parse([]byte(authenticate("anna", wishes)), frame.NSClient, frame.BeforeLogin())
		if err == nil {
			_, _ = h.ParseInline(&fr) // whatever it says, it says it without a panic
		}
	})
}
