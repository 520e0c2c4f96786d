package recover

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"protokoll/test/server"
)

// section is a part of the page with its commands.
type section struct {
	title    string
	commands []string
}

// page reads docs/recover.md.
func page(t *testing.T) (all []section) {
	t.Helper()
	root, err := server.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "recover.md"))
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "## "):
			all = append(all, section{title: line[3:]})
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside:
			last := &all[len(all)-1]
			last.commands = append(last.commands, line)
		}
	}
	return all
}

// act is what happens before and after the commands of a section.
type act struct{ before, after func(*site) }

// TestPage runs the page. A section without an act, or an act without a section, fails: the page and this test belong together.
func TestPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, user := range []string{"anna", "bob", "carl"} {
		s.account(user)
	}
	acts := plot()
	for _, part := range page(t) {
		a, ok := acts[part.title]
		if !ok {
			t.Fatalf("the section %q has no act", part.title)
		}
		delete(acts, part.title)
		a.before(s)
		for _, line := range part.commands {
			if strings.HasPrefix(line, "BEFORE=") {
				continue // the act has said when
			}
			t.Logf("$ %s\n%s", line, s.sh(line))
		}
		a.after(s)
	}
	for title := range acts {
		t.Errorf("there is no section %q", title)
	}
}

func plot() map[string]act {
	return map[string]act{
		"What there is to recover from":          {befriend, func(*site) {}},
		"Somebody deleted the wrong thing":       {unfriend, friendsAgain},
		"Before an upgrade":                      {func(*site) {}, func(*site) {}},
		"A copy of the keys is lost":             {loseKeys, func(*site) {}},
		"A damaged segment":                      {damage, friendsAgain},
		"The machine is lost":                    {loseMachine, foundAgain},
		"An old copy of the folder was put back": {putBack, stillRestricted},
		"The disk is full":                       {func(*site) {}, func(*site) {}},
	}
}

// befriend gives anna two contacts.
func befriend(s *site) {
	c := s.signIn("anna")
	defer c.Drop()
	s.setContact(c, "bob@"+domain, "name='Bob'")
	s.setContact(c, "dora@elsewhere.example", "name='Dora'")
}

// unfriend has anna remove one by mistake and rename the other.
func unfriend(s *site) {
	s.env = append(s.env, "BEFORE="+time.Now().Format("2006-01-02T15:04:05.000000"))
	time.Sleep(5 * time.Millisecond) // the clock of envelopes has milliseconds
	c := s.signIn("anna")
	defer c.Drop()
	s.setContact(c, "dora@elsewhere.example", "subscription='remove'")
	s.setContact(c, "bob@"+domain, "name='oops'")
}

func friendsAgain(s *site) {
	if all := s.contacts("anna"); all["bob@"+domain] != "Bob" || all["dora@elsewhere.example"] != "Dora" {
		s.t.Errorf("anna's contacts are %v", all)
	}
}

func loseKeys(s *site) {
	s.must(os.RemoveAll(s.path("/mnt/keys")))
	if out, err := s.try("protokoll backup verify /mnt/backup --keys-to /mnt/keys"); err == nil {
		s.t.Errorf("a backup without keys is verified:\n%s", out)
	}
}

func damage(s *site) {
	s.stop()
	s.flip("lasting")
	s.refuses("damaged")
}

// loseMachine erases bob and changes anna's contacts after the newest backup, then loses everything but the three places.
func loseMachine(s *site) {
	s.sh("protokoll backup /mnt/backup --incremental --keys-to /mnt/keys --config /etc/protokoll.toml")
	c := s.signIn("anna")
	s.setContact(c, "late@elsewhere.example", "name='after the backup'")
	c.Drop()
	s.sh("protokoll erase bob@" + domain + " --yes --reason wish --config /etc/protokoll.toml")
	s.sh("protokoll restrict carl@" + domain + " --yes --reason wish --config /etc/protokoll.toml")
	s.lose()
	s.must(os.RemoveAll(s.path("/var/lib/protokoll")))
}

// foundAgain sees to it that anna has what the backup held, and that bob stays erased and carl restricted.
func foundAgain(s *site) {
	all := s.contacts("anna")
	if all["dora@elsewhere.example"] != "Dora" || all["late@elsewhere.example"] != "" {
		s.t.Errorf("anna's contacts are %v", all)
	}
	s.shutOut("bob")
	s.shutOut("carl")
	if out := s.sh("protokoll account list --config /etc/protokoll.toml"); strings.Contains(out, "bob@") || !strings.Contains(out, "carl@") {
		s.t.Errorf("the accounts are\n%s", out)
	}
	if out, err := s.try("protokoll export bob@" + domain + " --out " + s.path("/bob.zip") + " --reason test --config /etc/protokoll.toml"); err == nil {
		s.t.Errorf("bob, who was erased, is exported:\n%s", out)
	}
}

// putBack puts yesterday's folder in the place of today's.
func putBack(s *site) {
	s.stop()
	s.sh("cp -a /var/lib/protokoll " + s.path("/yesterday"))
	s.sh("systemctl start protokoll")
	s.account("emil")
	s.sh("protokoll restrict anna@" + domain + " --yes --reason wish --config /etc/protokoll.toml")
	s.stop()
	s.must(os.RemoveAll(s.path("/var/lib/protokoll")))
	s.must(os.Rename(s.path("/yesterday"), s.path("/var/lib/protokoll")))
	s.refuses("older")
}

func stillRestricted(s *site) {
	s.shutOut("anna")
	s.shutOut("bob")
	s.shutOut("carl")
}
