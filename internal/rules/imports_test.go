package rules

import (
	"os/exec"
	"strings"
	"testing"
)

// forbidden says which package must not depend on which, not even through others, and why.
var forbidden = []struct{ pkg, on, why string }{
	{"protokoll/xmpp/...", "github.com/nats-io", "the wire appends through the contract and never knows what keeps the log"},
	{"protokoll/xmpp/...", "github.com/go-ldap", "who may log in is decided behind an interface"},
	{"protokoll/xmpp/...", "github.com/ClickHouse", "nothing upstream reads the audit model"},
	{"protokoll/xmpp/...", "protokoll/directory", "who may log in is decided behind an interface"},
	{"protokoll/xmpp/...", "protokoll/retention", "the policy acts on the log, not on stanzas"},
	{"protokoll/xmpp/...", "protokoll/config", "settings are handed over by cmd"},
	{"protokoll/xmpp/frame", "protokoll/eventlog", "a framer knows bytes only"},
	{"protokoll/xmpp/pubsub", "protokoll/xmpp/router", "nodes are decided without knowing who is online"},
	{"protokoll/xmpp/caps", "protokoll/xmpp/router", "what clients say is verified without knowing who they are"},
	{"protokoll/xmpp/stream", "protokoll/eventlog", "a stream ends at the authenticated peer"},
	{"protokoll/xmpp/stream", "protokoll/xmpp/router", "sessions are built on streams, not the other way round"},
	{"protokoll/uploads", "protokoll/eventlog", "files are sealed and unlinked without knowing why"},
	{"protokoll/uploads", "protokoll/xmpp", "files are sealed and unlinked without knowing why"},
	{"protokoll/xmpp/profile", "protokoll/xmpp/router", "conversions work on drafts; what is needed of people is an interface"},
	{"protokoll/xmpp/web", "protokoll/xmpp/router", "a web server knows no accounts; what hangs in it does"},
	{"protokoll/xmpp/web", "protokoll/eventlog", "a web server stores nothing"},
	{"protokoll/xmpp/router", "protokoll/xmpp/component", "the router knows ways, not who opened them"},
	{"protokoll/xmpp/component", "protokoll/xmpp/session", "a component is no client"},
	{"protokoll/xmpp/bytestreams", "protokoll/xmpp/router", "a relay knows no accounts but the name of who asks"},
	{"protokoll/xmpp/upload", "protokoll/xmpp/router", "what is needed of accounts is an interface"},
	{"protokoll/schemas/...", "protokoll/eventlog", "schemas import nothing of ours"},
	{"protokoll/eventlog", "github.com/nats-io", "the contract does not know its implementation"},
	{"protokoll/eventlog/seal", "protokoll/eventlog/jetstream", "keys do not know the log"},
	{"protokoll/eventlog/jetstream/blocks", "github.com/nats-io", "the block reader checks JetStream and must not trust it"},
	{"protokoll/eventlog/ledger", "github.com/nats-io", "the ledger follows the contract"},
	{"protokoll/eventlog/ledger/verify", "github.com/nats-io", "a verifier checks JetStream and must not trust it"},
	{"protokoll/eventlog/ledger/verify", "golang.org/x/mod/sumdb/tlog", "a verifier makes its own trees"},
	{"protokoll/eventlog/...", "protokoll/projections", "data flows one way"},
	{"protokoll/eventlog/...", "protokoll/xmpp", "data flows one way"},
	{"protokoll/projections/...", "protokoll/xmpp", "folds know events only"},
	{"protokoll/projections/...", "github.com/nats-io", "folds know the contract only"},
	{"protokoll/directory/...", "protokoll/xmpp", "the directory does not know streams"},
	{"protokoll/xmpp/...", "protokoll/rights", "rights act on the router, not the other way round"},
	{"protokoll/backup", "protokoll/xmpp", "a backup copies what is stored and knows no wire"},
	{"protokoll/backup", "protokoll/projections", "state is never in a backup"},
	{"protokoll/backup", "protokoll/retention", "the period of backups is handed over by cmd"},
	{"protokoll/accounts", "protokoll/rights", "accounts are facts; who may ask for what is decided above"},
	{"protokoll/rights", "github.com/nats-io", "rights append through the contract"},
	{"protokoll/retention", "protokoll/xmpp", "the policy is not the wire's business; cmd hands the form over"},
	{"protokoll/retention/engine", "github.com/nats-io", "sweeps go through the log's contract"},
	{"protokoll/retention/engine", "protokoll/xmpp", "what is due is decided by the log and the state alone"},
	{"protokoll/retention", "protokoll/eventlog", "a policy says what is due, the engine finds it"},
	{"protokoll/internal/strict", "protokoll/config", "reading a file strictly knows no file"},
	{"protokoll/internal/durable", "protokoll/schemas", "whoever puts a file in its place does not know what is in it"},
	{"protokoll/rights", "protokoll/retention", "who takes events out reads orders from the log"},
	{"protokoll/rights", "protokoll/directory", "a directory is asked by cmd"},
	{"protokoll/accounts", "protokoll/directory", "accounts are facts; a directory is asked by cmd"},
	{"protokoll/portability/pie", "protokoll/projections", "XEP-0227 is read and written without a store"},
	{"protokoll/portability/...", "github.com/nats-io", "exports read through the contract"},
	{"protokoll/accounts", "github.com/nats-io", "accounts append through the contract"},
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, rule := range forbidden {
		out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}: {{join .Deps " "}}`, rule.pkg).CombinedOutput()
		if err != nil {
			t.Errorf("%s is named by a rule but cannot be listed: %v\n%s", rule.pkg, err, out)
			continue
		}
		for line := range strings.Lines(string(out)) {
			pkg, deps, _ := strings.Cut(line, ": ")
			for dep := range strings.FieldsSeq(deps) {
				if (dep == rule.on || strings.HasPrefix(dep, rule.on+"/")) && !strings.HasPrefix(pkg, rule.on) {
					t.Errorf("%s depends on %s: %s", pkg, dep, rule.why)
				}
			}
		}
	}
}

// Only one package speaks NATS.
func TestOneJetStreamPackage(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "protokoll/...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(line, " ")
		if strings.Contains(imports, "github.com/nats-io") && pkg != "protokoll/eventlog/jetstream" {
			t.Errorf("%s imports NATS; only eventlog/jetstream may", pkg)
		}
	}
}
