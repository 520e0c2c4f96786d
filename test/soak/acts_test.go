package soak

import (
	"fmt"
	"strings"
)

// act says something on the wire that the server must stand.
func (p *person) act() {
	c, friend := p.current, p.friends[p.IntN(len(p.friends))]
	switch n := p.IntN(100); {
	case n < 40:
		p.say(c, p.chat(friend))
	case n < 48:
		p.say(c, p.chat(friend+"/"+resources[p.IntN(len(resources))]))
	case n < 58:
		p.say(c, p.chat(p.bare(p.IntN(p.People))))
	case n < 60:
		p.say(c, p.chat(fmt.Sprintf("nobody%d@%s", p.IntN(p.People), p.Domain)))
	case n < 62:
		var burst strings.Builder
		for range 20 {
			burst.WriteString(p.chat(friend))
		}
		p.say(c, burst.String())
	case n < 74:
		p.say(c, fmt.Sprintf("<presence><show>away</show><status>mood %d</status></presence>", p.IntN(1000)))
	case n < 77:
		p.say(c, fmt.Sprintf("<presence to='%s/desk'/>", p.bare(p.IntN(p.People))))
	case n < 84:
		p.subscribe(c, friend)
	default:
		p.ask(c, friend)
	}
	if c.managed && p.chance(30) {
		p.say(c, "<r xmlns='urn:xmpp:sm:3'/>")
	}
}

func (p *person) chat(to string) string {
	return fmt.Sprintf("<message type='chat' to='%s' id='m%x'><body>%s</body></message>", to, p.Uint64(), strings.Repeat("word ", 1+p.IntN(40)))
}

// subscribe changes what the two know of each other.
func (p *person) subscribe(c *client, friend string) {
	kinds := []string{"subscribe", "subscribe", "subscribed", "unsubscribe", "unsubscribed"}
	p.say(c, "<presence type='"+kinds[p.IntN(len(kinds))]+"' to='"+friend+"'/>")
}

// ask sends a request; whatever the answer is, it is read and forgotten.
func (p *person) ask(c *client, friend string) {
	requests := []string{
		"<iq type='get' id='%x'><query xmlns='jabber:iq:roster'/></iq>",
		"<iq type='get' id='%x'><ping xmlns='urn:xmpp:ping'/></iq>",
		"<iq type='get' id='%x' to='" + p.Domain + "'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
		"<iq type='get' id='%x' to='" + friend + "'><vCard xmlns='vcard-temp'/></iq>",
		"<iq type='get' id='%x' to='" + friend + "/desk'><query xmlns='jabber:iq:version'/></iq>",
		"<iq type='get' id='%x' to='" + friend + "'><query xmlns='jabber:iq:last'/></iq>",
		"<iq type='set' id='%x'><query xmlns='jabber:iq:roster'><item jid='" + friend + "' name='friend'/></query></iq>",
		"<iq type='set' id='%x'><vCard xmlns='vcard-temp'><FN>Somebody</FN></vCard></iq>",
		"<iq type='set' id='%x'><query xmlns='jabber:iq:private'><x xmlns='urn:example:soak'>kept</x></query></iq>",
		"<iq type='set' id='%x'><block xmlns='urn:xmpp:blocking'><item jid='" + friend + "'/></block></iq>" +
			"<iq type='set' id='unblock'><unblock xmlns='urn:xmpp:blocking'/></iq>",
	}
	p.say(c, fmt.Sprintf(requests[p.IntN(len(requests))], p.Uint64()))
}
