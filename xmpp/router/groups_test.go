package router

import (
	"fmt"
	"strings"
	"testing"

	"protokoll/schemas"
	"protokoll/xmpp/roster"
)

func shared(groups ...roster.Group) *roster.Shared { return roster.NewShared([]byte("key"), groups) }

func group(name string, members ...string) roster.Group {
	g := roster.Group{ID: name, Name: name}
	for _, m := range members {
		g.Members = append(g.Members, roster.Member{Address: m + "@example.org", Name: strings.ToUpper(m)})
	}
	return g
}

// online binds a client that follows its roster and is available.
func (f *fixture) online(name string) *phone {
	f.t.Helper()
	p := f.bind(name, "desk", false)
	p.send(rosterQuery)
	p.send("<presence/>")
	return p
}

// take returns what came since the last time, as one text.
func (p *phone) take() string {
	p.f.settleLater()
	p.mu.Lock()
	defer p.mu.Unlock()
	all := strings.Join(p.all, "\n")
	p.all = nil
	return all
}

// TestGroupsChange: clients are told of groups that come, change and go, and presence follows, in both directions or in one.
func TestGroupsChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	anna, bert, cleo := f.online("anna"), f.online("bert"), f.online("cleo")
	holds := func(what string, p *phone, wanted ...string) {
		t.Helper()
		got := p.take()
		for _, w := range wanted {
			if no, ok := strings.CutPrefix(w, "not "); ok == strings.Contains(got, strings.TrimPrefix(no, "not ")) {
				t.Errorf("%s: %q: %s", what, w, got)
			}
		}
	}
	clear := func() { anna.take(); bert.take(); cleo.take() }
	clear()
	const annaItem, bertItem = "<item jid='anna@example.org' name='ANNA' subscription='both'><group>Team</group></item>", "<item jid='bert@example.org' name='BERT' subscription='both'><group>Team</group></item>"
	f.SetShared(shared(group("Team", "anna", "bert")))
	holds("a group begins", anna, bertItem, "<presence from='bert@example.org/desk'")
	holds("a group begins", bert, annaItem, "<presence from='anna@example.org/desk'")
	holds("a group of others", cleo, "not anna", "not bert")
	bert.send("<presence><show>away</show></presence>")
	holds("presence", anna, "<show>away</show>")
	holds("presence of others", cleo, "not away")

	// The same again is no news; a name is.
	f.SetShared(shared(group("Team", "bert", "anna")))
	holds("the same again", anna, "not iq", "not presence")
	renamed := group("Team", "anna", "bert")
	renamed.Members[1].Name = "Bertha"
	f.SetShared(shared(renamed))
	holds("another name", anna, "name='Bertha'", "not presence")
	clear()

	// Who is shown to others without seeing them.
	desk := group("Desk", "cleo")
	desk.VisibleTo = []string{"Team"}
	f.SetShared(shared(renamed, desk))
	holds("a desk", anna, "<item jid='cleo@example.org' name='CLEO' subscription='to'><group>Desk</group></item>", "<presence from='cleo@example.org/desk'")
	holds("at the desk", cleo, "not item", "not presence")
	anna.send("<presence><show>dnd</show></presence>")
	holds("at the desk", cleo, "not dnd")
	cleo.send("<presence><show>xa</show></presence>")
	holds("the desk's presence", bert, "<show>xa</show>")
	clear()

	f.SetShared(nil)
	holds("no groups", anna, "<item jid='bert@example.org' subscription='remove'/>", "<presence from='bert@example.org/desk'", "type='unavailable'")
	holds("no groups", bert, "<item jid='anna@example.org' subscription='remove'/>", "type='unavailable'")
	anna.send("<presence/>")
	holds("presence", bert, "not presence")
}

// TestManyChangesAreNotPushed: at the limit each is, and the last one has the version; beyond, nobody is flooded.
func TestManyChangesAreNotPushed(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{maxSharedPushes: maxSharedPushes, maxSharedPushes + 1: 0} {
		f := newFixture(t)
		anna := f.online("anna")
		anna.take()
		members := []string{"anna"}
		for i := range size {
			members = append(members, fmt.Sprint("m", i))
		}
		f.SetShared(shared(group("Team", members...)))
		got := anna.take()
		if n := strings.Count(got, "type='set'"); n != want {
			t.Errorf("%d changes, %d pushes", size, n)
		}
		anna.send(rosterQuery)
		if n := strings.Count(anna.take(), "<item "); n != size {
			t.Errorf("the roster has %d of %d items", n, size)
		}
		versions := map[string]int{}
		for _, part := range strings.Split(got, " ver='")[1:] {
			ver, _, _ := strings.Cut(part, "'")
			versions[ver]++
		}
		if len(versions) != want {
			t.Errorf("%d pushes have %d versions", want, len(versions))
		}
		anna.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver=''/></iq>")
		whole := anna.take()
		_, ver, _ := strings.Cut(whole, " ver='")
		ver, _, _ = strings.Cut(ver, "'")
		if want > 0 && versions[ver] != 1 {
			t.Error("the last push has another version than the roster")
		}
		f.Close()
	}
}

// TestItemsOfGroups: what a client may do with them.
func TestItemsOfGroups(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	f.SetShared(shared(group("Team", "anna", "bert")))
	anna := f.online("anna")
	if got := anna.take(); !strings.Contains(got, "bert@example.org' name='BERT' subscription='both'") {
		t.Errorf("the roster: %s", got)
	}
	facts := func() int {
		owners, err := keybook()
		if err != nil {
			t.Fatal(err)
		}
		all, err := f.log.Facts(owners["anna"].ID(), schemas.Family_ROSTER_FACTS)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	for _, c := range []struct {
		name, stanza, want string
		facts              int
	}{
		{"removed", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='bert@example.org' subscription='remove'/></query></iq>", "not-acceptable", 0},
		{"said again", "<iq type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='bert@example.org' name='BERT'><group>Team</group></item></query></iq>", "type='result'", 0},
		{"asked", "<presence type='subscribe' to='bert@example.org'/>", "type='subscribed'", 0},
		{"granted", "<presence type='subscribed' to='bert@example.org'/>", "", 0},
		{"unsubscribed", "<presence type='unsubscribed' to='bert@example.org'/>", "", 0},
		{"renamed", "<iq type='set' id='3'><query xmlns='jabber:iq:roster'><item jid='bert@example.org' name='B'><group>Mensa</group></item></query></iq>",
			"name='B' subscription='both'><group>Mensa</group><group>Team</group>", 1},
		{"own name removed", "<iq type='set' id='4'><query xmlns='jabber:iq:roster'><item jid='bert@example.org' subscription='remove'/></query></iq>",
			"name='BERT' subscription='both'><group>Team</group>", 0},
	} {
		anna.send(c.stanza)
		if got := anna.take(); !strings.Contains(got, c.want) || facts() != c.facts {
			t.Errorf("%s: %d facts, %s", c.name, facts(), got)
		}
	}
	bert := f.online("bert")
	if got := bert.take(); !strings.Contains(got, "<presence from='anna@example.org/desk'") {
		t.Errorf("what came of it: %s", got)
	}
}
