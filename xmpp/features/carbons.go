package features

import "protokoll/xmpp/frame"

// Message Carbons, XEP-0280 version 1.0.1, with Stanza Forwarding, XEP-0297 version 1.0: the switch of a session, which
// messages are copied, and the wrapper. Not here: errors in answer to a copied message, which cannot be told from others, so
// urn:xmpp:carbons:rules:0 is not advertised.
const (
	NSCarbons = "urn:xmpp:carbons:2"
	NSForward = "urn:xmpp:forward:0"

	nsMUCUser    = "http://jabber.org/protocol/muc#user"
	nsConference = "jabber:x:conference"     // XEP-0249
	nsReceipts   = "urn:xmpp:receipts"       // XEP-0184
	nsMarkers    = "urn:xmpp:chat-markers:0" // XEP-0333
)

func (r *Registry) registerCarbons() {
	r.Handle(Set, Self, NSCarbons, "enable", setCarbons(true))
	r.Handle(Set, Self, NSCarbons, "disable", setCarbons(false))
	r.Feature(Server, NSCarbons) // XEP-0280 §3: clients ask the server
}

func setCarbons(on bool) Handler {
	return func(req *Request) (Reply, error) {
		if req.Session == nil {
			return Reply{}, errSession
		}
		after, err := req.Session.SetCarbons(on)
		return Reply{After: after}, err
	}
}

// Direction says whether a copied message was sent or received by the account.
type Direction string

// The directions.
const (
	Received Direction = "received" // XEP-0280 §7
	Sent     Direction = "sent"     // XEP-0280 §8
)

// Eligible tells whether a message is copied to the other resources of the account. XEP-0280 §6.1
func Eligible(f *frame.Frame, d Direction) bool {
	t := string(f.Type)
	if t == "groupchat" || t == "headline" || t == "error" {
		return false
	}
	var private, instant, invitation, room bool
	for n := range f.Children {
		c := &f.Children[n]
		if c.Dropped {
			continue
		}
		switch string(c.Space) {
		case NSCarbons:
			private = private || string(c.Local) == "private"
		case NSHints:
			private = private || string(c.Local) == "no-copy" // XEP-0334 §4.3
		case nsReceipts, nsChatStates, nsMarkers:
			instant = true
		case nsConference:
			invitation = true
		case nsMUCUser:
			room = true
			invitation = invitation || invites(c)
		case frame.NSClient, frame.NSServer:
			instant = instant || string(c.Local) == "body"
		}
	}
	switch {
	case private:
		return false
	case room && !invitation && d == Received:
		return false // the room has sent it to every resource that is in it
	}
	return t == "chat" || instant || invitation || room
}

// invites tells whether the room's element holds a mediated invitation. XEP-0045 §7.8.2
func invites(c *frame.Child) bool {
	x, err := frame.Parse(c.Raw, frame.NSClient, frame.AfterLogin())
	return err == nil && x.HasChild(nsMUCUser, "invite")
}

// AppendCarbon appends a copy for one resource: owner is the account's bare JID, to the resource's full JID, and forwarded
// the message in canonical form with its addresses and xmlns='jabber:client'. XEP-0280 §7, §8
func AppendCarbon(dst []byte, d Direction, owner, to, messageType string, forwarded []byte) []byte {
	dst = appendAttr(append(dst, "<message"...), "from", owner)
	dst = appendAttr(dst, "to", to)
	if messageType != "" {
		dst = appendAttr(dst, "type", messageType)
	}
	dst = append(append(append(dst, "><"...), d...), " xmlns='"+NSCarbons+"'><forwarded xmlns='"+NSForward+"'>"...)
	dst = append(append(dst, forwarded...), "</forwarded></"...)
	return append(append(dst, d...), "></message>"...)
}
