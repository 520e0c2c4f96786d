package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var commented = regexp.MustCompile(`(?m)^# ([a-z_]+ *= )`)

func TestExampleIsValid(t *testing.T) {
	t.Parallel()
	if _, err := Parse("example", []byte(Example)); err != nil {
		t.Fatal(err)
	}
}

// The example is the manual: what it comments out must be the default, and no setting may be missing from it.
func TestExampleShowsDefaults(t *testing.T) {
	t.Parallel()
	plain, err := Parse("example", []byte(Example))
	if err != nil {
		t.Fatal(err)
	}
	full, err := Parse("example", commented.ReplaceAll([]byte(Example), []byte("$1")))
	if err != nil {
		t.Fatal(err)
	}
	full.Contact, full.Listen.Component = plain.Contact, nil // empty lists and absent ones are the same
	if diff := cmp.Diff(plain, full); diff != "" {
		t.Errorf("a commented setting is not the default:\n%s", diff)
	}
	for _, key := range keysOf(reflect.TypeFor[Config]()) {
		if !regexp.MustCompile(`(?m)^(# *)?` + key + ` *=|^\[+[a-z.]*\b` + key + `\]`).MatchString(Example) {
			t.Errorf("setting %q is not in the example", key)
		}
	}
}

func keysOf(t reflect.Type) (keys []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		keys = append(keys, t.Field(i).Tag.Get("toml"))
		keys = append(keys, keysOf(t.Field(i).Type)...)
	}
	return keys
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const file = `data = ""
colour = "red"
[listen]
client = ["nonsense", 3]
[[domain]]
name = "A.example"
certificate = "c"
key = "k"
[domain.directory]
urls = ["ldap://one", "http://two"]
pool = "many"
timeout = "-1s"
[[domain.directory.rule]]
mail_domain = "a@b"
sufix = ".stud"
[[domain]]
name = "b.example"
certificate = "c"
[limits]
stanza_bytes = 5
[report]
level = "loud"
`
	_, err := Parse("p.toml", []byte(file))
	faults, ok := err.(Faults)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.String())
	}
	for _, want := range []string{
		"p.toml:1: data: is missing",
		"p.toml:2: colour: unknown setting",
		"p.toml:4: listen.client[1]: must be host:port",
		"p.toml:4: listen.client[2]: must be a text",
		"p.toml:6: domain[1].name: is no domain",
		"p.toml:10: domain[1].directory.urls[2]: must be ldaps://",
		"p.toml:11: domain[1].directory.pool: must be a whole number",
		"p.toml:12: domain[1].directory.timeout: must be a time above zero",
		"p.toml:9: domain[1].directory.base_dn: is missing",
		"p.toml:14: domain[1].directory.rule[1].mail_domain: must be a domain",
		"p.toml:15: domain[1].directory.rule[1].sufix: unknown setting",
		"p.toml:16: domain[2].key: is missing",
		"p.toml:20: limits.stanza_bytes: must be at least 10000",
		"p.toml:22: report.level: must be",
	} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if t.Failed() {
		t.Logf("got:\n%s", strings.Join(got, "\n"))
	}
}

// What components speak is not encrypted, and a host belongs to one.
func TestComponents(t *testing.T) {
	t.Parallel()
	const file = `data = "d"
[listen]
client = [":1"]
component = ["127.0.0.1:5347", "[::1]:5347", "localhost:1", ":5347", "192.0.2.1:5347", "irc.example:1"]
[[domain]]
name = "a.example"
certificate = "c"
key = "k"
[pubsub]
host = "nodes.a.example"
[[component]]
host = "irc.a.example"
secret_file = "s"
[[component]]
host = "irc.a.example"
[[component]]
host = "a.example"
secret_file = "s"
[[component]]
host = "nodes.a.example"
secret_file = "s"
[[component]]
host = "Bot.a.example"
secret_file = "s"
`
	_, err := Parse("p.toml", []byte(file))
	for _, want := range []string{
		"p.toml:4: listen.component[4]: must be an address that only this machine reaches",
		"p.toml:4: listen.component[5]: must be an address that only this machine reaches",
		"p.toml:4: listen.component[6]: must be an address that only this machine reaches",
		"p.toml:15: component[2].host: must be a name of its own",
		"component[2].secret_file: is missing",
		"p.toml:17: component[3].host: must be a name of its own",
		"p.toml:20: component[4].host: must be a name of its own",
		"p.toml:23: component[5].host: is no domain in its prepared",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s in\n%v", want, err)
		}
	}
	for _, n := range []string{"component[1]:", "component[2]:", "component[3]:", "component[1].host"} {
		if err != nil && strings.Contains(err.Error(), "listen."+n) {
			t.Errorf("%s is refused: %v", n, err)
		}
	}
	if _, err := Parse("p.toml", []byte("data='d'\n[listen]\nclient=[':1']\n[[domain]]\nname='a'\ncertificate='c'\nkey='k'\n[[component]]\nhost='b'\nsecret_file='s'\n")); err == nil || !strings.Contains(err.Error(), "component: needs listen.component") {
		t.Errorf("components without a port: %v", err)
	}
}

// Operators are compared as text, so they are written as they are prepared.
func TestOperators(t *testing.T) {
	t.Parallel()
	const file = `data = "d"
operators = ["anna@a.example", "Anna@a.example", "anna@a.example/desk", "a.example", "anna@b.example"]
[listen]
client = [":1"]
[[domain]]
name = "a.example"
certificate = "c"
key = "k"
[domain.directory]
password_page = "http://a.example/"
`
	_, err := Parse("p.toml", []byte(file))
	for _, want := range []string{
		`p.toml:2: operators[2]: must be written "anna@a.example"`,
		"p.toml:2: operators[3]: must be an address",
		"p.toml:2: operators[4]: must be an address",
		"p.toml:2: operators[5]: is in none of the domains",
		"p.toml:10: domain[1].directory.password_page: must be an https:// URL",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(err.Error(), "operators[1]") {
		t.Error("a good address is refused")
	}
}

func TestSyntaxFaultHasLine(t *testing.T) {
	t.Parallel()
	_, err := Parse("p.toml", []byte("data = \"x\"\n[listen\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "p.toml:2: syntax:") {
		t.Errorf("got %v", err)
	}
}

func TestLoadRefusesLargeFile(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/large.toml"
	if err := os.WriteFile(name, make([]byte, MaxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(name); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Example))
	f.Add([]byte("domain = [1, {name = 3}]\n[a.b.c]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz", data)
		if err == nil && (c.Data == "" || len(c.Domain) == 0) {
			t.Error("accepted a configuration that names no data folder or domain")
		}
	})
}
