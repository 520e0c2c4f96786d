package rights

import (
	"strings"
	"testing"

	"protokoll/test/wire"
)

const nsCommands = "http://jabber.org/protocol/commands"

// command carries out a command of the server with what is filled in, and returns the answer.
func (p *person) command(node string, filled ...[2]string) *wire.Node {
	form := ""
	if len(filled) > 0 {
		var fields strings.Builder
		for _, f := range filled {
			fields.WriteString("<field var='" + f[0] + "'><value>" + f[1] + "</value></field>")
		}
		form = "<x xmlns='jabber:x:data' type='submit'>" + fields.String() + "</x>"
	}
	p.send("<iq type='set' id='" + node + "' to='localhost' xml:lang='de'><command xmlns='" + nsCommands + "' node='" + node + "'>" + form + "</command></iq>")
	return p.await(func(n *wire.Node) bool { return n.Name.Local == "iq" && n.Get("id") == node })
}

// note is what a command said at its end.
func note(n *wire.Node) string {
	if said := n.Find(nsCommands, "note"); said != nil {
		return said.Get("type") + ": " + said.Content()
	}
	return ""
}

const admin = "http://jabber.org/protocol/admin#"

// Operators look after accounts from their clients; nobody else sees these menus, and whatever is done to an account is recorded.
func TestMenuOfOperators(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	operator, other := arrive(t, target, "user1", "desk"), arrive(t, target, "user2", "desk")
	if n := other.command(admin+"delete-user", [2]string{"accountjids", "user1@localhost"}, [2]string{"reason", "spite"}); n.Find("urn:ietf:params:xml:ns:xmpp-stanzas", "forbidden") == nil {
		t.Fatalf("somebody erases the operator:\n%v", n)
	}
	if n := operator.command(admin + "get-registered-users-num"); !strings.Contains(n.String(), "<value>4</value>") {
		t.Errorf("the number of accounts:\n%v", n)
	}
	for _, c := range []struct {
		node, want string
		filled     [][2]string
	}{
		{"add-user", "error: Ein Grund wird gebraucht.", [][2]string{{"accountjid", "nurse@localhost"}, {"password", "angelica"}, {"password-verify", "angelica"}}},
		{"add-user", "error: Die Passwörter sind verschieden.", [][2]string{{"accountjid", "nurse@localhost"}, {"password", "angelica"}, {"password-verify", "other"}, {"reason", "new"}}},
		{"add-user", "error: Diese Domain gibt es hier nicht.", [][2]string{{"accountjid", "nurse@elsewhere.example"}, {"password", "angelica"}, {"password-verify", "angelica"}, {"reason", "new"}}},
		{"add-user", "info: Das Konto ist angelegt.", [][2]string{{"accountjid", "nurse@localhost"}, {"password", "angelica"}, {"password-verify", "angelica"}, {"reason", "new"}}},
		{"add-user", "error: Diese Adresse ist vergeben.", [][2]string{{"accountjid", "nurse@localhost"}, {"password", "angelica"}, {"password-verify", "angelica"}, {"reason", "new"}}},
		{"change-user-password", "info: Das Passwort ist geändert.", [][2]string{{"accountjid", "nurse@localhost"}, {"password", "peter"}, {"reason", "forgotten"}}},
		{"end-user-session", "info: 1 Sitzungen beendet.", [][2]string{{"accountjid", "user2@localhost"}, {"reason", "device lost"}}},
		{"disable-user", "info: Die Verarbeitung ist eingeschränkt.", [][2]string{{"accountjid", "user2@localhost"}, {"reason", "asked for"}}},
		{"reenable-user", "info: Die Einschränkung ist aufgehoben.", [][2]string{{"accountjid", "user2@localhost"}, {"reason", "asked for"}}},
		{"end-user-session", "error: Unter dieser Adresse gibt es kein Konto.", [][2]string{{"accountjid", "nobody@localhost"}, {"reason", "device lost"}}},
		{"delete-user", "info: Gelöscht.", [][2]string{{"accountjids", "user2@localhost"}, {"reason", "asked for"}}},
	} {
		if got := note(operator.command(admin+c.node, c.filled...)); got != c.want {
			t.Errorf("%s: %q, not %q", c.node, got, c.want)
		}
	}
	c, _, err := wire.SignIn(target, "nurse", "peter")
	must(t, err)
	c.Drop()
	out, err := s.Command("audit", "show", "--lane", "audit", "--open", "--reason", "test")
	must(t, err)
	for _, action := range []string{"account.add", "account.passwd", "account.sessions", "restrict", "unrestrict", "erase"} {
		if !strings.Contains(out, `"`+action+`"`) {
			t.Errorf("%s is not recorded", action)
		}
	}
	if strings.Contains(out, "angelica") {
		t.Error("a password is in the records")
	}
}

// TestOwnMenu: whoever has a client without dialogues for it turns the archive on and off and empties it, sees and signs out devices, and
// says whether others find them.
func TestOwnMenu(t *testing.T) {
	t.Parallel()
	_, target := start(t)
	p := arrive(t, target, "user2", "desk")
	phone := arrive(t, target, "user2", "phone")
	for _, c := range []struct {
		node, want string
		filled     [][2]string
	}{
		{"my-archive", "error: Bitte wählen Sie.", [][2]string{{"default", "sometimes"}}},
		{"my-archive", "info: Gespeichert.", [][2]string{{"default", "always"}}},
		{"my-archive-erasure", "error: Nicht bestätigt: Es wurde nichts gelöscht.", [][2]string{{"confirm", "0"}}},
		{"my-visibility", "info: Gespeichert.", [][2]string{{"found", "0"}}},
		{"my-devices", "info: Abgemeldet: 0.", [][2]string{{"revoke", "no such device"}}},
	} {
		if got := note(p.command(c.node, c.filled...)); got != c.want {
			t.Errorf("%s: %q, not %q", c.node, got, c.want)
		}
	}
	if n := p.command("my-archive"); !strings.Contains(n.String(), "<value>always</value>") {
		t.Errorf("the archive is not on:\n%v", n)
	}
	if n := p.command("my-visibility"); !strings.Contains(n.String(), "<value>0</value>") {
		t.Errorf("still found:\n%v", n)
	}
	p.send("<message to='user3@localhost' type='chat' id='kept'><body>x</body></message>")
	archived := func() int {
		p.send("<iq type='set' id='mam'><query xmlns='urn:xmpp:mam:2'/></iq>")
		count := 0
		p.await(func(n *wire.Node) bool {
			if n.Find("urn:xmpp:mam:2", "result") != nil {
				count++
			}
			return n.Get("id") == "mam"
		})
		return count
	}
	if n := archived(); n != 1 {
		t.Errorf("%d messages are archived", n)
	}
	if got := note(p.command("my-archive-erasure", [2]string{"confirm", "true"})); got != "info: Das Archiv ist leer." {
		t.Error(got)
	}
	if n := archived(); n != 0 {
		t.Errorf("%d messages are archived still", n)
	}
	form := p.command("my-devices")
	var others []string
	for _, o := range form.Find("jabber:x:data", "field").Elements() {
		if o.Name.Local == "option" && strings.Contains(o.Get("label"), "verbunden") {
			others = append(others, o.Find("jabber:x:data", "value").Content())
		}
	}
	if len(others) != 2 {
		t.Fatalf("two clients are connected:\n%v", form)
	}
	if n := p.command("my-device-password", [2]string{"label", "Monal"}); n.Find("urn:ietf:params:xml:ns:xmpp-stanzas", "forbidden") == nil {
		t.Errorf("a local account makes a device password:\n%v", n)
	}
	p.send("<iq type='set' id='out' to='localhost'><command xmlns='" + nsCommands + "' node='my-devices'><x xmlns='jabber:x:data' type='submit'>" +
		"<field var='revoke'><value>" + strings.Join(others, "</value><value>") + "</value></field></x></command></iq>")
	for _, c := range []*person{p, phone} {
		c.await(func(n *wire.Node) bool { return n.Name.Local == "error" }) // of the stream
	}
}

// What operators announce comes at once, and the notice to whoever comes online, also after a restart.
func TestNotice(t *testing.T) {
	t.Parallel()
	s, target := start(t)
	operator, other := arrive(t, target, "user1", "desk"), arrive(t, target, "user2", "desk")
	other.subscription("") // its presence was handled
	if got := note(operator.command(admin+"announce", [2]string{"announcement", "maintenance at nine"})); got != "info: An 2 Geräte gesendet." {
		t.Error(got)
	}
	heard := func(text string) func(*wire.Node) bool {
		return func(n *wire.Node) bool {
			body := n.Find("jabber:client", "body")
			return n.Name.Local == "message" && n.Get("from") == "localhost" && n.Get("type") == "headline" && body != nil && body.Content() == text
		}
	}
	other.await(heard("maintenance at nine"))
	operator.command(admin+"set-motd", [2]string{"announcement", "be kind"})
	arrive(t, target, "user3", "desk").await(heard("be kind"))
	must(t, s.Stop())
	must(t, s.Again())
	again := arrive(t, target, "user1", "desk")
	again.await(heard("be kind"))
	if got := note(again.command(admin + "delete-motd")); got != "info: Entfernt." {
		t.Error(got)
	}
	if got := note(again.command(admin + "delete-motd")); got != "error: Es gibt keine Mitteilung." {
		t.Error(got)
	}
}
