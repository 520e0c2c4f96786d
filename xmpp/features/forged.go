package features

import (
	"mellium.im/xmpp/jid"

	"protokoll/xmpp/frame"
)

// DropForged takes out of a stanza from a client or another server what only we may add: carbons (XEP-0280 §11), stanza ids
// by an address of ours (XEP-0359 §3, rule 2), delays from an address of ours (XEP-0203 §5). ours tells whether a domain is
// ours. Ids and delays of others pass; ids by nobody or by no valid address mean nothing and go.
func DropForged(f *frame.Frame, ours func(domain string) bool) {
	for n := range f.Children {
		if c := &f.Children[n]; forged(c, ours) {
			f.Drop(n)
		}
	}
}

func forged(c *frame.Child, ours func(domain string) bool) bool {
	switch string(c.Space) {
	case NSCarbons:
		return string(c.Local) == "received" || string(c.Local) == "sent"
	case NSStanzaID:
		return string(c.Local) == "stanza-id" && claims(c.Attr("by"), ours, true)
	case NSDelay:
		return string(c.Local) == "delay" && claims(c.Attr("from"), ours, false)
	}
	return false
}

// claims tells whether the address, compared as a JID, is at a domain of ours; unclear if it is none.
func claims(address []byte, ours func(domain string) bool, unclear bool) bool {
	j, err := jid.Parse(string(address))
	if err != nil {
		return unclear
	}
	return ours(j.Domainpart())
}
