package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"protokoll/test/ldap"
	"protokoll/test/wire"
)

const groupsDN = "ou=groups," + ldap.BaseDN

// team makes a group of people, named by their uids.
func team(t *testing.T, slapd *ldap.Server, name string, uids ...string) {
	t.Helper()
	add := goldap.NewAddRequest("cn="+name+","+groupsDN, nil)
	add.Attribute("objectClass", []string{"groupOfNames"})
	add.Attribute("cn", []string{name})
	add.Attribute("member", dns(uids...))
	if err := admin(t, slapd).Add(add); err != nil {
		t.Fatal(err)
	}
}

func dns(uids ...string) (all []string) {
	for _, u := range uids {
		all = append(all, "uid="+u+","+ldap.PeopleDN)
	}
	return all
}

// withGroups lets the site show groups.
func (s *site) withGroups(more string) {
	s.t.Helper()
	s.edit("protokoll.toml", "[domain.directory]\n", fmt.Sprintf("[[domain.directory.group]]\nbase = %q\nrefresh = \"1s\"\n%s\n[domain.directory]\n", groupsDN, more))
}

// rosterOf asks for the roster, and returns its items by address.
func rosterOf(t *testing.T, c *wire.Conn, version string) (items map[string]*wire.Node, now string) {
	t.Helper()
	ver := ""
	if version != "" {
		ver = " ver='" + strings.TrimSpace(version) + "'"
	}
	n := request(t, c, "roster"+version, "get", "<query xmlns='jabber:iq:roster'"+ver+"/>")
	query := n.Find("jabber:iq:roster", "query")
	if query == nil {
		return nil, version
	}
	items = map[string]*wire.Node{}
	for _, item := range query.Elements() {
		items[item.Get("jid")] = item
	}
	return items, query.Get("ver")
}

// shows describes an item as a test wants it.
func shows(item *wire.Node) string {
	if item == nil {
		return "absent"
	}
	text := item.Get("name") + "/" + item.Get("subscription")
	for _, g := range item.Elements() {
		text += "/" + g.Content()
	}
	return text
}

// pushed waits for a roster push about somebody.
func pushed(t *testing.T, c *wire.Conn, address string) *wire.Node {
	t.Helper()
	n := await(t, c, func(n *wire.Node) bool {
		if !rosterPush(n) {
			return false
		}
		item := n.Find("jabber:iq:roster", "item")
		return item != nil && item.Get("jid") == address
	})
	return n.Find("jabber:iq:roster", "item")
}

// present waits for a presence of a kind from somebody.
func present(t *testing.T, c *wire.Conn, user, kind string) {
	t.Helper()
	await(t, c, func(n *wire.Node) bool {
		return n.Is(wire.NSClient, "presence") && strings.HasPrefix(n.Get("from"), user+"@"+siteDomain+"/") && n.Get("type") == kind
	})
}

// online signs in with any password, asks for the roster and comes online.
func online(t *testing.T, server *served, user, password string) (*wire.Conn, map[string]*wire.Node, string) {
	t.Helper()
	c := signIn(t, server.target, user, password)
	items, version := rosterOf(t, c, " ")
	sendAndAwait(t, c, "<presence/>", func(n *wire.Node) bool {
		return n.Is(wire.NSClient, "presence") && strings.HasPrefix(n.Get("from"), user)
	})
	return c, items, version
}

// TestSharedGroups: who is in a group is in each other's rosters and presence, cannot be taken out, can be renamed, comes and goes
// with the directory, and is there when the server starts without it.
func TestSharedGroups(t *testing.T) {
	t.Parallel()
	slapd := startDirectory(t)
	team(t, slapd, "Team", "m000000", "s000001", "s000002")
	s := newSite(t, slapd, "")
	s.withGroups("")
	server := s.serve()
	at := func(user string) string { return user + "@" + siteDomain }
	server.until(`msg=serving`)

	a := signIn(t, server.target, anna, ldap.Password)
	var items map[string]*wire.Node
	version := " "
	for range 100 { // the directory is asked beside serving
		if items, _ = rosterOf(t, a, " "); len(items) == 2 {
			break
		}
		await(t, a, rosterPush)
	}
	if shows(items[at(ben)]) != "Ben Mueller/both/Team" || shows(items[at(clara)]) != "Clara Mueller/both/Team" {
		t.Fatalf("the roster: %v", items)
	}
	sendAndAwait(t, a, "<presence/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") })
	b, _, _ := online(t, server, ben, ldap.Password)
	present(t, b, anna, "")
	present(t, a, ben, "")

	// What a client wants of such an item.
	refusal := request(t, a, "out", "set", "<query xmlns='jabber:iq:roster'><item jid='"+at(ben)+"' subscription='remove'/></query>")
	if refusal.Find(wire.NSStanza, "not-acceptable") == nil || refusal.Find(wire.NSStanza, "text") == nil {
		t.Errorf("removed from a group:\n%v", refusal)
	}
	if err := a.Write("<iq type='set' id='name'><query xmlns='jabber:iq:roster'><item jid='" + at(ben) + "' name='Benno'><group>Team</group><group>Mensa</group></item></query></iq>"); err != nil {
		t.Fatal(err)
	}
	if item := pushed(t, a, at(ben)); shows(item) != "Benno/both/Mensa/Team" {
		t.Errorf("renamed: %s", shows(item))
	}
	got := sendAndAwait(t, b, "<presence type='subscribe' to='"+at(anna)+"'/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") && n.Get("type") != "" })
	if got.Get("type") != "subscribed" {
		t.Errorf("a request within a group:\n%v", got)
	}
	if items, version = rosterOf(t, a, " "); shows(items[at(ben)]) != "Benno/both/Mensa/Team" {
		t.Errorf("renamed: %s", shows(items[at(ben)]))
	}
	if again, _ := rosterOf(t, a, version); again != nil {
		t.Error("the same version was sent again")
	}

	// Blocked is blocked, whatever the directory says.
	request(t, a, "block", "set", "<block xmlns='urn:xmpp:blocking'><item jid='"+at(ben)+"'/></block>")
	present(t, b, anna, "unavailable")
	request(t, a, "unblock", "set", "<unblock xmlns='urn:xmpp:blocking'><item jid='"+at(ben)+"'/></unblock>")
	present(t, b, anna, "")

	// The directory changes: one goes, one comes.
	replace(t, slapd, "cn=Team,"+groupsDN, map[string][]string{"member": dns("m000000", "s000002", "s000003")})
	if item := pushed(t, a, at(ben)); shows(item) != "Benno/none/Mensa" {
		t.Errorf("who left is still there under the own name, and is %s", shows(item))
	}
	if item := pushed(t, b, at(anna)); item.Get("subscription") != "remove" {
		t.Errorf("to who left: %s", shows(item))
	}
	present(t, b, anna, "unavailable") // behind all pushes
	replace(t, slapd, "cn=Team,"+groupsDN, map[string][]string{"member": dns("m000000", "s000001", "s000002")})
	pushed(t, b, at(anna))
	present(t, b, anna, "")
	if fresh, _ := rosterOf(t, b, " "); shows(fresh[at(clara)]) != "Clara Mueller/both/Team" || len(fresh) != 2 {
		t.Errorf("who came back has %v", fresh)
	}

	// Who is erased vanishes, for everybody and also at the next start.
	signIn(t, server.target, clara, ldap.Password)
	s.wants(0, "erased", "", "erase", at(clara), "--yes", "--reason", "letter")
	if item := pushed(t, a, at(clara)); item.Get("subscription") != "remove" {
		t.Errorf("who was erased: %s", shows(item))
	}
	_, version = rosterOf(t, a, " ")
	out, _ := s.run("", "account", "device-password", at(anna), "test")
	password, _, _ := strings.Cut(out, "\n")
	server.stop()

	raw, err := os.ReadFile(s.path("data", "groups"))
	if err != nil || strings.Contains(string(raw), "mueller") || strings.Contains(string(raw), "Mueller") {
		t.Error("the file with the groups is missing, or can be read:", err)
	}
	slapd.Stop()
	server = s.serve()
	a = signIn(t, server.target, anna, password)
	if items, now := rosterOf(t, a, " "); now != version || shows(items[at(ben)]) != "Benno/both/Mensa/Team" || len(items) != 1 {
		t.Errorf("without the directory: %v, version %q instead of %q", items, now, version)
	}
	if again, _ := rosterOf(t, a, version); again != nil {
		t.Error("the same version was sent again")
	}
	server.stop()

	// An erasure without a server takes the file away.
	s.wants(0, "erased", "", "erase", at(ben), "--yes", "--reason", "letter")
	if _, err := os.Stat(s.path("data", "groups")); !os.IsNotExist(err) {
		t.Error("the file is still there:", err)
	}
	if out := server.output(); strings.Contains(out, "mueller") {
		t.Errorf("a name is in the log:\n%s", out)
	}
}

// TestSharedGroupOfThousands: a group of more people than some directories give at once is whole, and its members' presence reaches
// each other. The figures are in docs/performance.md.
func TestSharedGroupOfThousands(t *testing.T) {
	t.Parallel()
	const size, here = 2000, 40
	slapd := ldap.Start(t, filepath.Join(t.TempDir(), "ldap"), size)
	t.Cleanup(slapd.Stop)
	var uids []string
	for i := range size {
		uids = append(uids, map[bool]string{true: "m", false: "s"}[i%5 == 0]+fmt.Sprintf("%06d", i))
	}
	team(t, slapd, "Faculty", uids...)
	s := newSite(t, slapd, "")
	s.withGroups("")
	server := s.serve()
	before := resident(t, server)
	began := time.Now()
	a := signIn(t, server.target, anna, ldap.Password)
	var items map[string]*wire.Node
	for end := time.Now().Add(patience); len(items) < size-1; time.Sleep(50 * time.Millisecond) {
		if items, _ = rosterOf(t, a, " "); time.Now().After(end) {
			t.Fatalf("the roster has %d items", len(items))
		}
	}
	t.Logf("the group is there after %v, with %d MiB resident, %d before", time.Since(began).Round(time.Millisecond), resident(t, server)>>20, before>>20)
	const gets = 20
	began = time.Now()
	for range gets {
		rosterOf(t, a, " ")
	}
	t.Logf("roster get of %d items: %v, the test's reading included", len(items), (time.Since(began) / gets).Round(100*time.Microsecond))
	sendAndAwait(t, a, "<presence/>", func(n *wire.Node) bool { return n.Is(wire.NSClient, "presence") })
	with := resident(t, server)
	began = time.Now()
	for i := 1; i <= here; i++ {
		name := strings.SplitN(items[slices.Sorted(maps.Keys(items))[i]].Get("jid"), "@", 2)[0]
		online(t, server, name, ldap.Password)
		present(t, a, name, "")
	}
	t.Logf("%d more members online in %v, %d KiB resident for each", here, time.Since(began).Round(time.Millisecond), (resident(t, server)-with)/here>>10)
	server.stop()
}

// resident is how much memory the server has resident, in bytes.
func resident(t *testing.T, s *served) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(text, "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("the kernel does not tell how much memory the server has")
	return 0
}

// TestGroupsThatEmpty: a directory that takes most members out at once is believed when it says so again, and one whose groups
// cannot be read changes nothing.
func TestGroupsThatEmpty(t *testing.T) {
	t.Parallel()
	const size = 120
	slapd := ldap.Start(t, filepath.Join(t.TempDir(), "ldap"), size)
	t.Cleanup(slapd.Stop)
	var uids []string
	for i := range size {
		uids = append(uids, map[bool]string{true: "m", false: "s"}[i%5 == 0]+fmt.Sprintf("%06d", i))
	}
	team(t, slapd, "Faculty", uids...)
	s := newSite(t, slapd, "")
	s.withGroups("title = \"Alle\"")
	server := s.serve()
	a := signIn(t, server.target, anna, ldap.Password)
	has := func(want int) {
		t.Helper()
		var items map[string]*wire.Node
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if items, _ = rosterOf(t, a, " "); len(items) == want {
				break
			}
		}
		if len(items) != want || want > 0 && shows(items[ben+"@"+siteDomain]) != "Ben Mueller/both/Alle" {
			t.Fatalf("%d items, not %d", len(items), want)
		}
	}
	has(size - 1)
	replace(t, slapd, "cn=Faculty,"+groupsDN, map[string][]string{"member": dns(uids[:10]...)})
	server.until("more than half of the members left their groups; that must be so at the next reading too")
	has(9)
	slapd.Stop()
	server.until("groups were not read; what was known stays")
	has(9)
	server.stop()
}
