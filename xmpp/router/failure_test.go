package router

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/stream"
)

// await waits until a client has got text.
func (f *fixture) await(p *phone, text string) {
	f.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		p.mu.Lock()
		all := strings.Join(p.all, "\n")
		p.mu.Unlock()
		if strings.Contains(all, text) {
			return
		}
		select {
		case <-p.arrived:
		case <-limit:
			f.t.Fatalf("no %q in %q", text, all)
		}
	}
}

// TestFullDisk is F21: nothing is acknowledged that is not stored, and who asked hears of it.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	anna := f.bind("anna", "desk", true)
	f.log.fail = eventlog.ErrNoSpace
	anna.send("<message to='bert@example.org' type='chat' id='m1'><body>hello</body></message>")
	f.await(anna, "<resource-constraint")
	if f.letters("bert") != 0 {
		t.Error("stored all the same")
	}
	anna.send("<iq type='set' id='r1'><query xmlns='jabber:iq:roster'><item jid='bert@example.org'/></query></iq>")
	f.await(anna, "id='r1' type='error'")
	f.log.fail = nil
	anna.send("<message to='bert@example.org' type='chat' id='m1'><body>hello</body></message>")
	if f.letters("bert") != 1 {
		t.Error("not stored when there was room again")
	}
	anna.send("<iq type='get' id='r2'><query xmlns='jabber:iq:roster'/></iq>")
	f.await(anna, "id='r2'")
	for _, b := range anna.all {
		if strings.Contains(b, "id='r2'") && strings.Contains(b, "bert") {
			t.Errorf("the roster still has what was not stored: %s", b)
		}
	}
}

// TestSameMessageAgain is F48: a message that is sent again is the same fact.
func TestSameMessageAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	const text = "<message to='bert@example.org' type='chat' id='m1'><body>hello</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>"
	f.bind("anna", "desk", true).send(text)
	f.bind("anna", "phone", true).send(text)
	if n := f.letters("bert"); n != 1 {
		t.Errorf("%d letters", n)
	}
	f.bind("cleo", "desk", true).send(text)
	if n := f.letters("bert"); n != 2 {
		t.Errorf("somebody else's message is another one: %d letters", n)
	}
}

// TestBoxLimits is H74: the limit by number and by size, at its edge.
func TestBoxLimits(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]Limits{"number": {Letters: 3}, "bytes": {LetterBytes: 700}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *Config) { c.Limits = limits })
			defer f.Close()
			anna := f.bind("anna", "desk", true)
			for _, id := range []string{"1", "2", "3"} {
				anna.send("<message to='bert@example.org' type='chat' id='" + id + "'><body>hello</body></message>")
			}
			f.settleLater()
			if n := f.letters("bert"); n != 3 || strings.Contains(strings.Join(anna.all, ""), "error") {
				t.Fatalf("%d letters, %q", n, anna.all)
			}
			anna.send("<message to='bert@example.org' type='chat' id='4'><body>hello</body></message>")
			f.await(anna, "id='4' type='error'><error type='cancel'><service-unavailable")
			if n := f.letters("bert"); n != 3 {
				t.Errorf("%d letters", n)
			}
			f.settleLater() // the error leaves before the pledge is kept, in one turn
			if !anna.isKept(4) {
				t.Error("the refused message is never acknowledged")
			}
		})
	}
}

// TestNeverStored lists what no absent recipient finds.
func TestNeverStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	anna := f.bind("anna", "desk", true)
	for _, m := range []string{
		"<message to='bert@example.org' type='headline' id='1'><body>news</body></message>",
		"<message to='bert@example.org' type='groupchat' id='2'><body>all</body></message>",
		"<message to='bert@example.org' type='error' id='3'><body>oops</body></message>",
		"<message to='bert@example.org' type='chat' id='4'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
		"<message to='bert@example.org' type='chat' id='5'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>",
		"<message to='bert@example.org/nowhere' id='6'><body>normal to nobody</body></message>",
		"<message to='nobody@example.org' type='chat' id='7'><body>x</body></message>",
		"<message to='elsewhere.example' type='chat' id='8'><body>x</body></message>",
		"<message to='@@' type='chat' id='9'><body>x</body></message>",
	} {
		anna.send(m)
	}
	if n := f.letters("bert"); n != 0 {
		t.Errorf("%d letters", n)
	}
	all := strings.Join(anna.all, "\n")
	for id, want := range map[string]string{"2": "service-unavailable", "5": "service-unavailable", "6": "service-unavailable",
		"7": "service-unavailable", "8": "remote-server-not-found", "9": "jid-malformed"} {
		if !strings.Contains(all, "id='"+id+"' type='error'><error type='") || !strings.Contains(all, want) {
			t.Errorf("%s: no %s in %s", id, want, all)
		}
	}
	for _, id := range []string{"1", "3", "4"} {
		if strings.Contains(all, "id='"+id+"'") {
			t.Errorf("%s was answered: %s", id, all)
		}
	}
}

// TestRefusedStaysRefused: the disk refuses a message that a client has in its queue, and takes the next. The sender was told; if
// the first were stored after all when the client's session ends, it would be shown behind the second.
func TestRefusedStaysRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	anna, bert := f.bind("anna", "desk", true), f.bind("bert", "phone", true)
	bert.send("<presence/>")
	bert.hibernate()
	send := func(id string) {
		anna.send("<message to='bert@example.org' type='chat' id='" + id + "'><body>hello</body></message>")
	}
	f.log.hold = true
	f.log.fail = eventlog.ErrNoSpace
	send("m1")
	f.log.fail = nil
	send("m2")
	f.log.flush()
	f.await(anna, "id='m1' type='error'")
	f.log.hold = false
	send("m3")
	f.settleLater()
	for seq, refused := range map[uint32]bool{1: true, 2: false, 3: false} {
		if !anna.isKept(seq) || anna.pledges[seq].IsRefused() != refused {
			t.Errorf("message %d: kept %v, refused %v", seq, anna.isKept(seq), anna.pledges[seq].IsRefused())
		}
	}
	bert.leave()
	next := f.bind("bert", "desk", true)
	next.send("<presence/>")
	if fmt.Sprint(next.got) != "[m2 m3]" {
		t.Errorf("shown: %v", next.got)
	}
}

// TestNothingOvertakes: a message that finds no room while a client has it in its queue may yet be stored, so nothing that came
// behind it is stored before it.
func TestNothingOvertakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits = Limits{LetterBytes: 700} })
	defer f.Close()
	anna, bert := f.bind("anna", "desk", true), f.bind("bert", "phone", true)
	bert.send("<presence/>")
	bert.hibernate()
	for id, body := range []string{"first", strings.Repeat("long ", 100), "third"} {
		anna.send(fmt.Sprintf("<message to='bert@example.org' type='chat' id='m%d'><body>%s</body></message>", id+1, body))
	}
	f.settleLater()
	if n := f.letters("bert"); n != 1 {
		t.Errorf("%d letters", n)
	}
	bert.leave()
	next := f.bind("bert", "desk", true)
	next.send("<presence/>")
	f.settleLater()
	f.await(anna, "id='m2' type='error'")
	if got := fmt.Sprint(next.got); got != "[m1 m3]" {
		t.Errorf("shown: %v", got)
	}
}

// TestPresenceIsTriedAgain: a presence that the disk refuses has been seen, and no error can tell of it, so it is acknowledged when
// the disk took it, or when the session gives up.
func TestPresenceIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.Close()
	anna := f.bind("anna", "desk", true)
	turn := stream.NewTurn()
	anna.res.SetResumable([]byte("hash"), 300, turn)
	turn.End()
	f.log.fail = eventlog.ErrNoSpace
	anna.send("<presence><status>refused</status></presence>")
	anna.send("<presence><status>newest</status></presence>")
	anna.pledges[1].Insist()
	if anna.isKept(1) || anna.isKept(2) {
		t.Error("acknowledged, and not on disk")
	}
	f.log.fail = nil
	anna.pledges[1].Insist()
	if !anna.isKept(1) || anna.isKept(2) {
		t.Errorf("kept: %v %v", anna.isKept(1), anna.isKept(2))
	}
	a := anna.res.Account
	a.mu.Lock()
	m, err := a.get(schemas.Family_PRESENCE_FACTS, entityShown+"desk")
	_, session := a.get(schemas.Family_SESSION_FACTS, entitySession+"desk")
	a.mu.Unlock()
	if p, _ := m.(*schemas.PresenceUpdated); err != nil || session != nil || p.GetStatus() != "newest" {
		t.Errorf("on disk: %v, %v, %v", m, err, session)
	}
	anna.pledges[2].GiveUp(nil)
	if !anna.isKept(2) {
		t.Error("never acknowledged")
	}
	f.log.fail = eventlog.ErrNoSpace
	anna.send("<presence/>")
	anna.leave()
	anna.pledges[3].Insist()
	f.settleLater()
	if !anna.isKept(3) {
		t.Error("something is waited for although the session has ended")
	}
}
