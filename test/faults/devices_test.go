package faults

import (
	"fmt"
	"testing"

	"protokoll/test/server"
	"protokoll/test/wire"
)

// ways are how a client comes back after its connection died.
var ways = []struct {
	name    string
	restart bool // the server was killed meanwhile
	anew    bool // signs in anew under the same resource, instead of resuming
}{
	{"resumes", false, false},
	{"signs in anew", false, true},
	{"resumes after a restart", true, false},
	{"signs in anew after a restart", true, true},
}

// ends are what happens to the two devices of one person when a message comes.
var ends = []struct {
	name          string
	phone, desk   bool // that device dies
	phonePresence string
}{
	{"desktop dies", false, true, available},
	{"phone dies", true, false, available},
	{"both die", true, true, available},
	{"desktop dies with the copy", false, true, "<presence><priority>9</priority></presence>"},
	{"phone dies, desktop has the copy", true, false, "<presence><priority>9</priority></presence>"},
	{"both die, one with the copy", true, true, "<presence><priority>9</priority></presence>"},
}

// household is one person with two devices, in one row of the table.
type household struct {
	sender, phone, desk *peer
	onPhone, onDesk     *bodies
	phoneDies, deskDies bool
	body                string
}

// TestDevices is F52: a message goes to a person with two devices, as a message and as a carbon (XEP-0280). One device, or
// both, die before they have it. Whatever way they come back: the message is shown, and on no device twice; these clients
// do not look at stanza ids at all.
func TestDevices(t *testing.T) {
	t.Parallel()
	s, target := start(t, server.Options{Accounts: 2 * len(ways) * len(ends)})
	pool := server.NewPool(s.Accounts)
	houses := map[string]*household{}
	for _, way := range ways {
		for _, end := range ends {
			h := &household{phoneDies: end.phone, deskDies: end.desk, body: "m"}
			h.move(t, target, pool, end.phonePresence)
			say(t, h.sender, h.phone.bare(), h.body)
			h.sender.drop()
			houses[way.name+"/"+end.name] = h
		}
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			s.Kill()
			again(t, s)
		}
		for _, way := range ways {
			for _, end := range ends {
				if way.restart != restarted {
					continue
				}
				t.Run(end.name+"/"+way.name, func(t *testing.T) {
					h := houses[way.name+"/"+end.name]
					h.comeBack(t, target, restarted, way.anew)
					h.judge(t)
				})
			}
		}
	}
}

// move signs everybody of the row in; who dies hears nothing any more.
func (h *household) move(t *testing.T, target wire.Target, pool *server.Pool, phonePresence string) {
	t.Helper()
	h.sender, _ = client(target, pool.Account(), "pen")
	who := pool.Account()
	h.phone, h.onPhone = client(target, who, "phone")
	h.desk, h.onDesk = client(target, who, "desk")
	online(t, h.sender, available)
	online(t, h.phone, phonePresence)
	online(t, h.desk, available)
	for _, p := range []*peer{h.phone, h.desk} {
		if _, err := p.ask("set", "", "<enable xmlns='urn:xmpp:carbons:2'/>"); err != nil {
			t.Fatal(err)
		}
		must(t, p.settle())
		must(t, p.ping())
	}
	h.phone.deafen(h.phoneDies)
	h.desk.deafen(h.deskDies)
}

// comeBack brings the dead devices back; after a restart the others come back too.
func (h *household) comeBack(t *testing.T, target wire.Target, restarted, anew bool) {
	t.Helper()
	back := func(p *peer, shown *bodies, died bool) *peer {
		if !died && !restarted {
			return p
		}
		p.drop()
		p.deafen(false)
		if !died || !anew {
			must(t, p.connect())
			return p
		}
		p = &peer{target: target, user: p.user, resource: p.resource, managed: true, stanza: shown.take}
		online(t, p, available)
		return p
	}
	h.phone = back(h.phone, h.onPhone, h.phoneDies)
	h.desk = back(h.desk, h.onDesk, h.deskDies)
	must(t, h.sender.connect())
}

// judge sends one message behind it all to each device, and counts what was shown before it.
func (h *household) judge(t *testing.T) {
	t.Helper()
	total := 0
	for _, d := range []struct {
		*peer
		shown *bodies
	}{{h.phone, h.onPhone}, {h.desk, h.onDesk}} {
		must(t, d.ping())
		end := "end-" + d.resource
		say(t, h.sender, d.full(), end)
		if !until(wire.Patience, func() bool { return d.shown.count(end) > 0 }) {
			t.Fatalf("%s: nothing comes any more: %v", d.resource, d.shown.list())
		}
		n := d.shown.count(h.body)
		if n > 1 {
			t.Errorf("%s showed it %d times", d.resource, n)
		}
		total += n
	}
	if total == 0 {
		t.Errorf("nobody was shown the message: %v, %v", h.onPhone.list(), h.onDesk.list())
	}
	h.nothingLeft(t)
}

// nothingLeft checks that nothing waits for the person any more.
func (h *household) nothingLeft(t *testing.T) {
	t.Helper()
	for _, p := range []*peer{h.phone, h.desk} {
		must(t, p.settle())
		must(t, p.ping())
		p.signOut()
	}
	later, shown := client(h.phone.target, h.phone.user, "later")
	online(t, later, available)
	say(t, h.sender, later.full(), "last")
	if !until(wire.Patience, func() bool { return shown.count("last") > 0 }) {
		t.Fatal("nothing comes any more")
	}
	if all := shown.list(); len(all) != 1 {
		t.Errorf("still waiting although a device took it: %v", all)
	}
	later.signOut()
	h.sender.signOut()
}

// TestFullGone is the last part of F52: a message to a full JID whose client is gone goes to who is there, once, and is stored
// if nobody is. RFC 6121 §8.5.3.2.1
func TestFullGone(t *testing.T) {
	t.Parallel()
	_, target := start(t, server.Options{Accounts: 2})
	sender, _ := client(target, "user1", "pen")
	online(t, sender, available)
	phone, onPhone := client(target, "user2", "phone")
	online(t, phone, available)
	gone := "user2@" + target.Domain + "/desk"
	say(t, sender, gone, "to the phone")
	if !until(wire.Patience, func() bool { return onPhone.count("to the phone") == 1 }) {
		t.Fatalf("shown: %v", onPhone.list())
	}
	must(t, phone.settle())
	must(t, phone.ping())
	phone.signOut()
	say(t, sender, gone, "stored")
	for i, want := range [][]string{{"stored", "end0"}, {"end1"}} {
		desk, onDesk := client(target, "user2", "desk")
		online(t, desk, available)
		end := fmt.Sprintf("end%d", i)
		say(t, sender, desk.full(), end)
		if !until(wire.Patience, func() bool { return onDesk.count(end) > 0 }) {
			t.Fatalf("nothing comes any more: %v", onDesk.list())
		}
		if got := onDesk.list(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("shown: %v, want %v", got, want)
		}
		must(t, desk.settle())
		must(t, desk.ping())
		desk.signOut()
	}
	sender.signOut()
}
