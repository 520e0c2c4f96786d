package stream

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	msasl "mellium.im/sasl"

	"protokoll/xmpp/frame"
	"protokoll/xmpp/sasl"
)

const plainUser = "AHVzZXIAcGVuY2ls" // user, pencil

func authenticate2(mechanism, wishes string) string {
	return "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='" + mechanism + "'>" + wishes + "</authenticate>"
}

func initial(text string) string { return "<initial-response>" + text + "</initial-response>" }

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// TestSecondProfile signs in with SCRAM over SASL2 and checks the hash of what was announced. XEP-0388 §2.5, XEP-0474 §6.1
func TestSecondProfile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.startTLS(t)
	c.send(clientHead)
	offer := c.until("</stream:features>")
	for _, want := range []string{"<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-512-PLUS</mechanism>", "<channel-binding type='tls-exporter'/>"} {
		if !strings.Contains(offer, want) {
			t.Errorf("offered %s", offer)
		}
	}
	client := msasl.NewClient(msasl.ScramSha256, msasl.Credentials(func() ([]byte, []byte, []byte) { return []byte("user"), []byte("pencil"), nil }))
	_, first, err := client.Step(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.send(authenticate2("SCRAM-SHA-256", initial(encode(first))))
	text := c.until("</challenge>")
	challenge, err := base64.StdEncoding.DecodeString(text[strings.Index(text, ">")+1 : strings.Index(text, "</challenge")])
	if err != nil {
		t.Fatal(err)
	}
	mechanisms := sasl.Mechanisms(true, true)
	slices.Sort(mechanisms)
	sum := sha256.Sum256([]byte(strings.Join(mechanisms, "\x1e") + "\x1ftls-exporter\x1etls-server-end-point"))
	if !strings.HasSuffix(string(challenge), ",h="+encode(sum[:])) {
		t.Errorf("challenge %s", challenge)
	}
	_, last, err := client.Step(challenge)
	if err != nil {
		t.Fatal(err)
	}
	c.send("<response xmlns='urn:xmpp:sasl:2'>\n  " + encode(last) + "\n</response>")
	success := c.until("</stream:features>")
	data, rest, _ := strings.Cut(strings.TrimPrefix(success, "<success xmlns='urn:xmpp:sasl:2'><additional-data>"), "</additional-data>")
	final, err := base64.StdEncoding.DecodeString(data)
	if err == nil {
		_, _, err = client.Step(final)
	}
	if err != nil || !strings.HasPrefix(rest, "<authorization-identifier>user@example.org</authorization-identifier></success><stream:features><bind ") {
		t.Errorf("%v; %s", err, success)
	}
	// No new stream: the next element is the session's, under its limits.
	c.send("<message id='1'><body>" + strings.Repeat("x", 20<<10) + "</body></message>")
	c.until("</message>")
}

// upgrades is an account with keys of one hash.
type upgrades struct {
	mu    sync.Mutex
	added []sasl.Verifier
}

func (u *upgrades) Hashes(string) []sasl.Hash { return []sasl.Hash{sasl.SHA512, sasl.SHA256} }

func (u *upgrades) Lacks(_ context.Context, _, _ string, h sasl.Hash) (bool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return !slices.ContainsFunc(u.added, func(v sasl.Verifier) bool { return v.Hash == h }), nil
}

func (u *upgrades) Add(_ context.Context, _, _ string, v sasl.Verifier) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.added = append(u.added, v)
	return nil
}

func (u *upgrades) all() []sasl.Verifier {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.added)
}

// TestUpgrade is the example of XEP-0480 §3, twice in a row.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	up := &upgrades{}
	f := newFixture(t, func(c *Config) { c.Upgrades = up })
	c := f.startTLS(t)
	c.send(clientHead)
	if offer := c.until("</stream:features>"); !strings.Contains(offer, "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-512</upgrade><upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade></authentication>") {
		t.Errorf("offered %s", offer)
	}
	wish := func(name string) string { return "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>" + name + "</upgrade>" }
	c.send(authenticate2("PLAIN", initial(plainUser)+wish("UPGR-SCRAM-SHA-256")+wish("UPGR-SCRAM-SHA-256")+wish("UPGR-BLOOP2")+wish("UPGR-SCRAM-SHA-512")))
	for _, h := range []sasl.Hash{sasl.SHA256, sasl.SHA512} {
		name := "UPGR-SCRAM-" + h.String()
		if got := c.until("</continue>"); got != "<continue xmlns='urn:xmpp:sasl:2'><tasks><task>"+name+"</task></tasks></continue>" {
			t.Fatalf("got %s", got)
		}
		c.send("<next xmlns='urn:xmpp:sasl:2' task='" + name + "'/>")
		got := c.until("</task-data>")
		_, rest, _ := strings.Cut(got, "<salt xmlns='urn:xmpp:scram-upgrade:0' iterations='")
		count, rest, _ := strings.Cut(rest, "'>")
		salt, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, "</salt></task-data>"))
		iterations, errCount := strconv.Atoi(count)
		if err != nil || errCount != nil || len(salt) != sasl.SaltSize {
			t.Fatalf("got %s", got)
		}
		salted, err := pbkdf2.Key(h.New, "pencil", salt, iterations, h.Size())
		if err != nil {
			t.Fatal(err)
		}
		c.send("<task-data xmlns='urn:xmpp:sasl:2'><hash xmlns='urn:xmpp:scram-upgrade:0'>" + encode(salted) + "</hash></task-data>")
	}
	c.until("<authorization-identifier>user@example.org</authorization-identifier></success>")
	for _, v := range up.all() {
		if !v.CheckPassword("pencil") {
			t.Errorf("%v: the keys are of another password", v.Hash)
		}
	}
	// Nothing is lacking any more: no task.
	c = f.startTLS(t)
	c.send(clientHead + authenticate2("PLAIN", initial(plainUser)+wish("UPGR-SCRAM-SHA-256")))
	c.until("</stream:features>")
	if got := c.until("</success>"); strings.Contains(got, "continue") {
		t.Errorf("got %s", got)
	}
}

// TestUpgradeRefused: tasks in the wrong order, or with what is no salted password, leave nobody signed in.
func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	up := &upgrades{}
	f := newFixture(t, func(c *Config) { c.Upgrades = up })
	const next = "<next xmlns='urn:xmpp:sasl:2' task='UPGR-SCRAM-SHA-256'/>"
	hash := func(text string) string {
		return "<task-data xmlns='urn:xmpp:sasl:2'><hash xmlns='urn:xmpp:scram-upgrade:0'>" + text + "</hash></task-data>"
	}
	for sent, want := range map[string]string{
		"<next xmlns='urn:xmpp:sasl:2' task='UPGR-SCRAM-SHA-512'/>": "<malformed-request ",
		hash(encode(make([]byte, 32))):                              "<malformed-request ",
		next + next:                                                 "<malformed-request ",
		next + hash(""):                                             "<malformed-request ",
		next + hash("?"):                                            "<incorrect-encoding ",
		next + hash(encode(make([]byte, 31))):                       "<malformed-request ",
		next + "<task-data xmlns='urn:xmpp:sasl:2'/>":               "<malformed-request ",
		next + "<abort xmlns='urn:xmpp:sasl:2'/>":                   "<aborted ",
		"<response xmlns='urn:xmpp:sasl:2'/>":                       "<not-authorized ",
		authenticate2("PLAIN", initial(plainUser)):                  "<not-authorized ", // XEP-0388 §5.8
		"<message/>":                                                "<not-authorized ",
	} {
		c := f.startTLS(t)
		c.send(clientHead + authenticate2("PLAIN", initial(plainUser)+"<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>"))
		c.until("</continue>")
		c.send(sent + "<presence/>")
		if got := c.rest(); !strings.Contains(got, want) || strings.Contains(got, "<success") {
			t.Errorf("%s: %s", sent, got)
		}
	}
	if n := len(up.all()); n != 0 {
		t.Errorf("%d keys were added", n)
	}
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	const id = "d4565fa7-4d72-4749-b3d3-740edbf87770"
	for text, want := range map[string]Agent{
		"<user-agent xmlns='urn:xmpp:sasl:2' id='D4565FA7-4D72-4749-B3D3-740EDBF87770'><software>Monal IM</software><device>Kiva's &amp; co</device></user-agent>": {id, "Monal IM", "Kiva's & co"},
		"<user-agent xmlns='urn:xmpp:sasl:2' id='me'><software>\n a\t b\u202e </software></user-agent>":                                                            {"", "a b", ""},
		"<user-agent xmlns='urn:xmpp:sasl:2' id='" + id + "x'/>":                                                                                                   {},
		"<user-agent xmlns='urn:xmpp:sasl:2' id='" + strings.Replace(id, "-", "0", 1) + "'/>":                                                                      {},
		"<user-agent xmlns='urn:xmpp:sasl:2'><device>" + strings.Repeat("ä", 33) + "</device></user-agent>":                                                        {"", "", strings.Repeat("ä", 32)},
		"<user-agent xmlns='urn:xmpp:sasl:2'><device>" + strings.Repeat("x", MaxAgentText) + "</device></user-agent>":                                              {"", "", strings.Repeat("x", MaxAgentText)},
		"<user-agent xmlns='urn:xmpp:sasl:2'><device xmlns='other'>x</device></user-agent>":                                                                        {},
	} {
		got, err := parseAgent(&frame.Child{Raw: []byte(text)})
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if _, err := parseAgent(&frame.Child{Raw: []byte("<user-agent id='" + strings.Repeat("x", maxAgent) + "'/>")}); err == nil {
		t.Error("a user agent that is too long")
	}
}

// FuzzAuthenticate reads whatever a client may ask for. What is kept of it has a bound.
func FuzzAuthenticate(f *testing.F) {
	f.Add(authenticate2("PLAIN", initial(plainUser)+"<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>a</software></user-agent>"))
	f.Add(authenticate2("HT-SHA-256-NONE", "<fast xmlns='urn:xmpp:fast:0' count='7' invalidate='true'/><request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>"))
	f.Add(authenticate2("PLAIN", "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>"))
	s := &Stream{server: &Server{}}
	f.Fuzz(func(t *testing.T, text string) {
		fr, err := frame.Parse([]byte(text), frame.NSClient, frame.BeforeLogin())
		if err != nil {
			return
		}
		in, err := s.parseSignIn(&fr)
		if err != nil {
			return
		}
		if len(in.agent.Software) > MaxAgentText || len(in.agent.Device) > MaxAgentText || in.agent.ID != "" && len(in.agent.ID) != agentIDSize || len(in.upgrades) > 3 {
			t.Errorf("%q: %+v", text, in)
		}
		_, _, _ = initialResponse(&fr)
	})
}

// TestAuthorizationString: who names itself in the header and asserts another name is refused. XEP-0388 §5.4
func TestAuthorizationString(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range []struct{ from, authzid, want string }{
		{"", "user@example.org", "<success "},
		{"user@example.org", "user@example.org", "<success "},
		{"USER@example.org/x", "user@example.org", "<success "},
		{"other@example.org", "user@example.org", "<invalid-authzid "},
		{"other@example.org", "", "<success "},
		{"user@example.org", "other@example.org", "<invalid-authzid "},
	} {
		conn := f.startTLS(t)
		conn.send(strings.Replace(clientHead, " to=", " from='"+c.from+"' to=", 1) + authenticate2("PLAIN", initial(encode([]byte(c.authzid+"\x00user\x00pencil")))))
		conn.until("</stream:features>")
		if got := conn.until(" xmlns='urn:ietf:params:xml:ns:xmpp-"); !strings.Contains(got, c.want) {
			t.Errorf("from %q as %q: %s", c.from, c.authzid, got)
		}
	}
}
