package compliance

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

var (
	binary  string
	rewrite = flag.Bool("write", false, "write docs/compliance.md anew")
)

func TestMain(m *testing.M) { server.Main(m, server.Keep(&binary)) }

func start(t *testing.T) (*server.Server, wire.Target) {
	t.Helper()
	s, err := server.Start(server.Options{Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	target, err := s.Target()
	if err != nil {
		t.Fatal(err)
	}
	return s, target
}

// tables are all rows, by heading.
var tables = []struct {
	heading string
	rows    []row
}{
	{"XEP-0479: XMPP Compliance Suites 2023", suites()},
	{"The 25 checks of the Conversations compliance tester", tester()},
	{"Server information in Gajim", gajim()},
	{"Server information in Conversations", android()},
}

// TestPage asks a running demo and compares the answers with docs/compliance.md.
func TestPage(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	said, err := look(target, "user1", s.Password)
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString(preface)
	for _, table := range tables {
		fmt.Fprintf(&page, "\n## %s\n\n| | feature | specification | announced | shown by |\n|---|---|---|---|---|\n", table.heading)
		for _, r := range table.rows {
			check(t, r, said)
			page.WriteString(r.line())
		}
	}
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "docs", "compliance.md")
	if *rewrite {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if on, err := os.ReadFile(path); err != nil || string(on) != page.String() {
		t.Errorf("docs/compliance.md is not what the tables say (%v): run this test with -write", err)
	}
}

// check compares a row with what the server says, and looks for the tests that it names.
func check(t *testing.T, r row, said *seen) {
	t.Helper()
	for _, p := range r.probes {
		if is, want := p.ask(said), r.waits == ""; is != want {
			t.Errorf("%s, %s: announced: %v (%s)", r.group, r.feature, is, p.what)
		}
	}
	if r.waits == "" && len(r.probes)+len(r.shown) == 0 {
		t.Errorf("%s, %s: nothing shows it", r.group, r.feature)
	}
	for _, named := range r.shown {
		if found, err := server.HasTest(named); err != nil || !found {
			t.Errorf("%s, %s: there is no %s (%v)", r.group, r.feature, named, err)
		}
	}
}

const preface = `# Compliance

What others measure a server by, and what this one says and does. A test asks a running server and makes this page
(` + "`go test ./test/compliance -run TestPage -write`" + `); it fails when the page and the server differ.
`

func (r row) line() string {
	mark := "✓"
	if r.waits != "" {
		mark = "waits for " + r.waits
	}
	var announced, shown []string
	for _, p := range r.probes {
		announced = append(announced, p.what)
	}
	for _, named := range r.shown {
		shown = append(shown, "`"+named+"`")
	}
	group := r.group + ": "
	if !strings.Contains(group, ",") && group != "Of note: " {
		group = ""
	}
	return fmt.Sprintf("| %s | %s%s | %s | %s | %s |\n", mark, group, r.feature, r.spec, strings.Join(announced, "<br>"), strings.Join(shown, " "))
}

// TestDirectTLS signs in where TLS comes first. XEP-0368
func TestDirectTLS(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	c, err := wire.DialTLS(target)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Drop()
	if _, err := c.SignIn("PLAIN", "user1", s.Password); err != nil {
		t.Fatal(err)
	}
	if c.TLS().NegotiatedProtocol != "xmpp-client" {
		t.Errorf("the protocol by ALPN is %q", c.TLS().NegotiatedProtocol)
	}
}
