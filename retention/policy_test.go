package retention

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"protokoll/internal/strict"
	"protokoll/schemas"
)

// Every class of schemas/ has exactly the rules it needs, and every rule names event types that lie in its families.
func TestEveryClassHasItsRules(t *testing.T) {
	t.Parallel()
	p, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range p.Rules() {
		if names[r.Name] || len(r.Families) == 0 || len(r.Types) == 0 || r.Deadline < MinDeadline || (r.Trigger == Age) != (r.After > 0) {
			t.Errorf("%+v is no rule that can be carried out, or its name is taken", r)
		}
		names[r.Name] = true
		for _, typ := range schemas.Types() {
			if slices.Contains(r.Types, typ.Name) && !slices.Contains(r.Families, typ.Family) {
				t.Errorf("%s: %s lies in %s", r.Name, typ.Name, typ.Family)
			}
		}
	}
	for _, c := range Classes() {
		must, _ := triggersOf(c.Data)
		for _, trigger := range must {
			if name := c.Name + "." + string(trigger); names[name] == (trigger == Kept) {
				t.Errorf("%s: named %t", name, names[name])
			}
		}
	}
}

// Every event type that says something about a person is taken by at least one rule.
func TestEveryPersonalTypeIsTaken(t *testing.T) {
	t.Parallel()
	p := Default()
	for _, typ := range schemas.Types() {
		taken := slices.ContainsFunc(p.Rules(), func(r Rule) bool { return slices.Contains(r.Types, typ.Name) })
		if proof := typ.Family == schemas.Family_PROOF_FACTS; taken == proof {
			t.Errorf("%s: taken by a rule: %t", typ.Name, taken)
		}
	}
}

// The deadlines that the design promises.
func TestPromisedDeadlines(t *testing.T) {
	t.Parallel()
	p := Default()
	for _, c := range []struct {
		family  schemas.Family
		trigger Trigger
		want    time.Duration
	}{
		{schemas.Family_PRESENCE_FACTS, Superseded, time.Hour},
		{schemas.Family_SESSION_FACTS, Ended, time.Hour},
		{schemas.Family_OFFLINE_FACTS, Delivered, time.Hour},
		{schemas.Family_ROSTER_FACTS, Superseded, Day},
		{schemas.Family_PROFILE_FACTS, Ended, Day},
		{schemas.Family_ROSTER_FACTS, AccountErased, time.Hour},
		{schemas.Family_ACCOUNT_FACTS, AccountErased, time.Hour},
	} {
		rules := p.RulesOf(c.family)
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.Trigger == c.trigger })
		if i < 0 || rules[i].Deadline != c.want {
			t.Errorf("%s, %s: %v", c.family, c.trigger, rules)
		}
		if !slices.IsSortedFunc(rules, func(a, b Rule) int { return int(a.Deadline - b.Deadline) }) {
			t.Errorf("%s: the shortest deadline is not first", c.family)
		}
	}
	if p.ReservedFor() != Year || p.BackupPeriod() != 30*Day {
		t.Errorf("reserved for %v, backups for %v", p.ReservedFor(), p.BackupPeriod())
	}
}

// broken is one change to the built-in policy and what must be said of it. The line is that of the mark ¶ in the new text.
var broken = []struct{ name, old, new, want string }{
	{"unknown key", "[limits]", "¶colour = 1\n[limits]", "transfers.colour: unknown setting"},
	{"unknown table", "[limits]", "¶[rules]\n[limits]", "rules: unknown setting"},
	{"text is no text", `name.de = "Jabber (XMPP)"`, `¶name.de = 3`, "service.name.de: must be a text"},
	{"text is empty", `name.de = "Jabber (XMPP)"`, `¶name.de = " "`, "service.name.de: is empty"},
	{"one language only", `name.en = "Jabber (XMPP)"`, ``, "service.name.en: is missing"},
	{"mail address", `mail    = "jabber@uni-due.de"`, `¶mail = "jabber"`, "controller.mail: is no mail address"},
	{"mail address with a name", `mail    = "jabber@uni-due.de"`, `¶mail = "a <a@b.example>"`, "controller.mail: is no mail address"},
	{"web address", `web = "https://www.uni-due.de/zim/"`, `¶web = "http://a.example"`, "service.web: must be https://"},
	{"no address", `address = ["Kavalleriestraße 2–4", "40213 Düsseldorf"]`, ``, "supervisory_authority.address: is missing"},
	{"empty line of an address", `address = ["Kavalleriestraße 2–4", "40213 Düsseldorf"]`, "address = [\"a\",\n¶\"\"]", "supervisory_authority.address[2]: is empty"},
	{"unknown reader", `access = ["admins"]`, `¶access = ["everybody"]`, "transfers.access[1]: must be one of"},
	{"nobody and somebody", `access = ["admins"]`, `¶access = ["admins", "none"]`, "transfers.access[2]: must stand alone"},
	{"a reader twice", `access = ["admins"]`, `¶access = ["admins", "admins"]`, "transfers.access[2]: is named twice"},
	{"no reader", `access = ["admins"]`, `¶access = []`, "transfers.access: is missing"},
	{"share of nothing", `sweep_share = 20 `, `¶sweep_share = 0 `, "limits.sweep_share: must be 1 to 100"},
	{"share above all", `sweep_share = 20 `, `¶sweep_share = 101 `, "limits.sweep_share: must be 1 to 100"},
	{"no floor", `sweep_floor = 1000 `, ``, "limits.sweep_floor: must be at least 1"},
	{"period of backups missing", `backup_every = "1d" `, ``, "limits.backup_every: is missing"},
	{"period is no time", `backup_every = "1d" `, `¶backup_every = "daily" `, "limits.backup_every: must be a time such as"},
	{"period is a number", `backup_every = "1d" `, `¶backup_every = 1 `, "limits.backup_every: must be a text"},
	{"basis twice", `name = "duty"`, `¶name = "task"`, "basis[2].name: is named twice"},
	{"class missing", `name = "profile"`, `name = "block-list"`, `class: "profile" is missing`},
	{"class unknown", `name = "profile"`, `¶name = "profiles"`, "class[9].name: no such class of data"},
	{"class twice", `name = "profile"`, `¶name = "offline-message"`, "class[9].name: is named twice"},
	{"basis unknown", "basis  = \"none\"\n", "¶basis = \"mood\"\n", "class[1].basis: no [[basis]] has this name"},
	{"backup missing", "basis  = \"none\"\nbackup = \"30d\"\n", "basis = \"none\"\n", `class[1].backup: is missing ("0" if`},
	{"recipients in one language", `recipients.de = "Die Mitteilung erhält der Server des Kontakts."`, ``, "recipients.de: is missing"},
	{"rule missing", `{ when = "delivered",      deadline = "1h" },`, ``, `class[8].rule: when = "delivered" is missing`},
	{"rule unknown", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "read", deadline = "1h" },`, "class[8].rule[1].when: no such rule"},
	{"rule without a trigger", `{ when = "delivered",      deadline = "1h" },`, `¶{ deadline = "1h" },`, "class[8].rule[1].when: is missing"},
	{"rule twice", `{ when = "delivered",      deadline = "1h" },`, "{ when = \"delivered\", deadline = \"1h\" },\n¶{ when = \"delivered\", deadline = \"1h\" },", "class[8].rule[2].when: is named twice"},
	{"rule that nothing carries out", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "ended", deadline = "1h" },`, `class[8].rule[1].when: nothing carries out this rule for "offline-message"`},
	{"kept what must go", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "kept" },`, "class[8].rule[1].when: nothing carries out"},
	{"rule without a deadline", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "delivered" },`, "class[8].rule[1].deadline: is missing"},
	{"deadline too short", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "delivered", deadline = "9m" },`, "class[8].rule[1].deadline: must be at least 10 minutes"},
	{"deadline of nothing", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "delivered", deadline = "0" },`, "class[8].rule[1].deadline: must be at least 10 minutes"},
	{"deadline above a hundred years", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "delivered", deadline = "101y" },`, "class[8].rule[1].deadline: must be a time such as"},
	{"age without a period", `{ when = "age", after = "30d", deadline = "1d" },`, `¶{ when = "age", deadline = "1d" },`, "rule[2].after: is missing"},
	{"age of nothing", `{ when = "age", after = "30d", deadline = "1d" },`, `¶{ when = "age", after = "0", deadline = "1d" },`, "rule[2].after: must be at least 10 minutes"},
	{"period without age", `{ when = "delivered",      deadline = "1h" },`, `¶{ when = "delivered", after = "1h", deadline = "1h" },`, "class[8].rule[1].after: only a rule about age has it"},
	{"deadline of what is kept", `rule   = [{ when = "kept" }]`, `¶rule = [{ when = "kept", deadline = "1d" }]`, "class[1].rule[1].deadline: what is kept has no deadline"},
	{"rules are no list", `rule   = [{ when = "kept" }]`, `¶rule = "kept"`, "class[1].rule: must be a list"},
	{"syntax", "[limits]", "¶[limits", "syntax: "},
}

// fault finds the faults of the built-in policy after one change, and the line of the mark, 0 without one.
func fault(t *testing.T, old, changed string) (faults strict.Faults, line int) {
	t.Helper()
	before, after, ok := strings.Cut(string(builtIn), old)
	if !ok {
		t.Fatalf("%q is not in the policy", old)
	}
	if head, _, marked := strings.Cut(changed, "¶"); marked {
		line = 1 + strings.Count(before+head, "\n")
	}
	_, err := Parse("p.toml", []byte(before+strings.Replace(changed, "¶", "", 1)+after))
	faults, ok = errors.AsType[strict.Faults](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	return faults, line
}

func TestBrokenPolicies(t *testing.T) {
	t.Parallel()
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			faults, line := fault(t, c.old, c.new)
			said := func(f strict.Fault) bool {
				return strings.Contains(f.String(), c.want) && f.Line > 1 && (line == 0 || f.Line == line)
			}
			if !slices.ContainsFunc(faults, said) {
				t.Errorf("line %d: %q is missing in:\n%v", line, c.want, faults)
			}
		})
	}
}

func TestPeriods(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "1m": time.Minute, "90m": 90 * time.Minute, "1h": time.Hour, "1d": Day, "4w": 28 * Day, "3y": 3 * Year, "100y": MaxPeriod,
	} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err != nil || time.Duration(p) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(p), err)
		}
	}
	for _, text := range []string{"", "1", "d", "00", "0d", "01d", "-1d", "+1d", "1.5h", "1h30m", "1 d", "1D", "101y", "36501d", "99999999999999999999d"} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: taken as %v", text, time.Duration(p))
		}
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "mine.toml")
	if _, err := Load(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(file, []byte("x = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), file+":1: x: unknown setting") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(file, builtIn, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := Load(file); err != nil || p.Digest() != Default().Digest() {
		t.Errorf("a copy of the policy: %v", err)
	}
}

func TestDisclosure(t *testing.T) {
	t.Parallel()
	value := func(p *Policy, name string) string {
		i := slices.IndexFunc(p.Disclosure(), func(f Field) bool { return f.Var == name })
		if i < 0 {
			t.Fatalf("no field %s", name)
		}
		return strings.Join(p.Disclosure()[i].Values, ",")
	}
	p := Default()
	for name, want := range map[string]string{
		"auth_data": "plain", "data_retention": "infinite", "full_erasure": "true", "backup_frequency": "24", "backup_retention": "720", "access_policy": "admins",
	} {
		if got := value(p, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	const rule = `{ when = "delivered",      deadline = "1h" },`
	aged, err := Parse("p.toml", []byte(strings.Replace(string(builtIn), rule, rule+` { when = "age", after = "30d", deadline = "30m" },`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if got := value(aged, "data_retention"); got != "721" {
		t.Errorf("messages that age: %s hours, want 721", got)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(builtIn)
	f.Add([]byte("class = [1, {name = 3, rule = [[], {when = \"age\"}]}]\nservice.name.de = 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("fuzz", data)
		if err != nil {
			if faults, ok := errors.AsType[strict.Faults](err); !ok || len(faults) == 0 || faults[0].Line < 1 {
				t.Errorf("no fault with a line: %v", err)
			}
			return
		}
		if len(p.Kinds) != len(Classes()) || len(p.Rules()) == 0 {
			t.Error("accepted a policy that leaves something out")
		}
	})
}

// Every rule of the policy in force is known, and nothing else.
func TestKnown(t *testing.T) {
	t.Parallel()
	for _, r := range Default().Rules() {
		if !Known(r.Name) {
			t.Errorf("%s is not known", r.Name)
		}
	}
	for _, name := range []string{"", "profile", "profile.", "profile.kept", "proof.age", "nothing.superseded", "audit.delivered", "audit.age.more"} {
		if Known(name) {
			t.Errorf("%q is known", name)
		}
	}
}
