package features

import (
	"bytes"

	"protokoll/xmpp/frame"
)

// What a message is, by its type and its children alone: the one table by which it is kept for the absent (XEP-0160), belongs
// into an archive (XEP-0313), is copied (XEP-0280), wakes a sleeping client (XEP-0357) or waits until an inactive one is back
// (XEP-0352).

// Nature is what a message is to those who decide about it.
type Nature struct {
	Stored   bool // kept for a recipient who is away. XEP-0160 §3
	Archived bool // belongs into the archives of both sides. XEP-0313 §5.1.1
	Sent     bool // copied to the sender's other clients. XEP-0280 §6.1, §8
	Received bool // copied to the recipient's other clients. XEP-0280 §6.1, §7
	Wakes    bool // somebody wants something of the recipient now: worth a notification. XEP-0357 §7
	Urgent   bool // not held back from a client that nobody looks at. XEP-0352 §3.2
	Call     bool // about a call, which every client must hear of at once. XEP-0353 §3.1, XEP-0482 §2.1
}

// trait is what one child says about its message.
type trait uint8

const (
	lasting    trait = 1 << iota // says something once its moment is over
	instant                      // makes even a normal message one of instant messaging. XEP-0280 §6.1
	talk                         // a person says something, and may wait for the answer
	pressing                     // says nothing to the person but must not wait
	calling                      // about a call
	uncopied                     // asks for no copies. XEP-0280 §9, XEP-0334 §4.3
	inRoom                       // has passed a room, or goes there
	invitation                   // into a room
)

// Namespaces of what messages carry.
const (
	nsReceipts     = "urn:xmpp:receipts"       // XEP-0184
	nsMarkers      = "urn:xmpp:chat-markers:0" // XEP-0333
	nsConference   = "jabber:x:conference"     // XEP-0249
	nsMUCUser      = "http://jabber.org/protocol/muc#user"
	nsCorrect      = "urn:xmpp:message-correct:0"      // XEP-0308
	nsRetract      = "urn:xmpp:message-retract:1"      // XEP-0424
	nsReactions    = "urn:xmpp:reactions:0"            // XEP-0444
	nsReply        = "urn:xmpp:reply:0"                // XEP-0461
	nsFallback     = "urn:xmpp:fallback:0"             // XEP-0428
	nsReference    = "urn:xmpp:reference:0"            // XEP-0372
	nsStyling      = "urn:xmpp:styling:0"              // XEP-0393
	nsNick         = "http://jabber.org/protocol/nick" // XEP-0172
	nsOldEvents    = "jabber:x:event"                  // XEP-0022
	nsEncryption   = "urn:xmpp:eme:0"                  // XEP-0380
	nsOldOMEMO     = "eu.siacs.conversations.axolotl"  // XEP-0384, before version 0.4
	nsOMEMO        = "urn:xmpp:omemo:2"                // XEP-0384
	nsOpenPGP      = "urn:xmpp:openpgp:0"              // XEP-0373
	nsOldOpenPGP   = "jabber:x:encrypted"              // XEP-0027
	nsOOB          = "jabber:x:oob"                    // XEP-0066
	nsFiles        = "urn:xmpp:sfs:0"                  // XEP-0447
	nsAttention    = "urn:xmpp:attention:0"            // XEP-0224
	nsJingle       = "urn:xmpp:jingle-message:0"       // XEP-0353
	nsCallInvites  = "urn:xmpp:call-invites:0"         // XEP-0482
	nsPubSubEvents = "http://jabber.org/protocol/pubsub#event"
)

// traitsOf says what one child means. What is not known here is taken for content: nothing is lost that a client may need.
func traitsOf(c *frame.Child) trait {
	switch string(c.Space) {
	case frame.NSClient, frame.NSServer:
		return traitsOfPlain(c)
	case nsChatStates:
		return instant
	case nsOldEvents, NSStanzaID, NSDelay, nsCorrect, nsReply, nsFallback, nsReference, nsStyling, nsNick, nsPubSubEvents:
		return 0 // accompanies a body, or is news of the moment
	case NSHints:
		return when(string(c.Local) == "no-copy", uncopied)
	case NSCarbons: // a copy that cannot be read is unknown content that does not wait
		return when(string(c.Local) == "private", uncopied) | when(string(c.Local) != "private", pressing)
	case nsReceipts:
		return instant | when(string(c.Local) == "received", lasting)
	case nsMarkers:
		return instant | when(string(c.Local) != "markable", lasting)
	case nsReactions:
		return instant | lasting
	case nsRetract:
		return instant | lasting | pressing
	case nsOMEMO, nsOldOMEMO: // without a payload it carries keys only. XEP-0384 §5.5
		return instant | lasting | when(bytes.Contains(c.Inner, []byte("payload")), talk)
	case nsEncryption, nsOpenPGP, nsOldOpenPGP, nsFiles, nsOOB:
		return instant | lasting | talk
	case nsAttention:
		return pressing
	case nsJingle:
		return traitsOfCall(c, "propose")
	case nsCallInvites:
		return traitsOfCall(c, "invite")
	case nsConference:
		return invitation | lasting | talk
	case nsMUCUser:
		return inRoom | when(invites(c), invitation|lasting|talk)
	}
	return lasting
}

// traitsOfPlain is for the children that RFC 6121 §5.2 defines, and for what has no namespace of its own.
func traitsOfPlain(c *frame.Child) trait {
	switch string(c.Local) {
	case "body":
		return instant | when(len(c.Inner) > 0, lasting|talk)
	case "thread":
		return 0
	}
	return lasting
}

// traitsOfCall is for what is said about a call. Only its beginning rings.
func traitsOfCall(c *frame.Child, begin string) trait {
	return instant | lasting | pressing | calling | when(string(c.Local) == begin, talk)
}

func when(yes bool, t trait) trait {
	if yes {
		return t
	}
	return 0
}

// NatureOf returns the nature of a message.
func NatureOf(f *frame.Frame) Nature {
	var all trait
	var h hints
	for n := range f.Children {
		if c := &f.Children[n]; !c.Dropped {
			all |= traitsOf(c)
			if string(c.Space) == NSHints {
				h.note(c)
			}
		}
	}
	switch string(f.Type) {
	case "error":
		return Nature{Urgent: true} // whether it is copied depends on what it answers
	case "headline", "groupchat": // XEP-0160 §3, XEP-0280 §6.1
		return Nature{Urgent: all&(talk|pressing) != 0}
	}
	return all.nature(string(f.Type) == "chat", h)
}

// nature is that of a chat or normal message.
func (t trait) nature(chat bool, h hints) Nature {
	kept := !h.noStore && (h.store || t&lasting != 0) // XEP-0334 §4.4
	copied := t&uncopied == 0 && (chat || t&(instant|invitation|inRoom) != 0)
	return Nature{
		Stored:   kept,
		Archived: kept && !h.noPermanentStore,
		Sent:     copied,
		Received: copied && (t&inRoom == 0 || t&invitation != 0), // else the room has sent it to every client that is in it
		Wakes:    t&talk != 0 && kept,
		Urgent:   t&(talk|pressing) != 0,
		Call:     t&calling != 0,
	}
}

// invites tells whether the room's element holds a mediated invitation. XEP-0045 §7.8.2
func invites(c *frame.Child) bool {
	x, err := frame.Parse(c.Raw, frame.NSClient, frame.AfterLogin())
	return err == nil && x.HasChild(nsMUCUser, "invite")
}
