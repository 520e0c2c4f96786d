package session_test

import (
	"fmt"
	"strings"
	"testing"
)

const (
	inactive = "<inactive xmlns='urn:xmpp:csi:0'/>"
	// maxResting is how many stanzas wait for an inactive client.
	maxResting = 200
)

// TestRestIsBounded sends one stanza more than may wait: all come, in order, although the client sleeps on. XEP-0352 §3.2
func TestRestIsBounded(t *testing.T) {
	t.Parallel()
	for _, managed := range []bool{false, true} {
		s := newServer(t)
		open := s.online
		if managed {
			open = s.managed
		}
		anna, bert := open("anna", "desk"), open("bert", "phone")
		bert.send(inactive)
		bert.sync()
		var all strings.Builder
		for i := range maxResting {
			fmt.Fprintf(&all, "<message to='bert@example.org/phone' type='chat' id='c%d'><active xmlns='http://jabber.org/protocol/chatstates'/></message>", i)
		}
		anna.send(all.String())
		anna.sync()
		anna.send("<message to='bert@example.org/phone' type='chat' id='last'><active xmlns='http://jabber.org/protocol/chatstates'/></message>")
		got := bert.until("id='last'")
		at := 0
		for i := range maxResting {
			n := strings.Index(got[at:], fmt.Sprintf("id='c%d'", i))
			if n < 0 {
				t.Fatalf("managed %t: c%d did not come, or not in order", managed, i)
			}
			at += n
		}
	}
}

// TestRestGoesBack ends a sleeping client's session: what waited for it and would be stored goes to the next one. DESIGN §9
func TestRestGoesBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	anna, bert := s.managed("anna", "desk"), s.managed("bert", "phone")
	bert.send(inactive)
	bert.sync()
	anna.send("<message to='bert@example.org/phone' type='chat' id='r1'><received xmlns='urn:xmpp:receipts' id='x'/></message>")
	anna.sync()
	bert.leave()
	again := s.online("bert", "desk")
	again.until("id='r1'")
	again.until("urn:xmpp:delay")
}

// TestActiveBeforeBind changes nothing and ends nothing: there is no answer to it. XEP-0352 §4.2
func TestActiveBeforeBind(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.connect("anna")
	c.send(inactive + "<active xmlns='urn:xmpp:csi:0'/>")
	c.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
	c.until("</jid></bind></iq>")
}
