package features

// Message Carbons, XEP-0280 version 1.0.1, with Stanza Forwarding, XEP-0297 version 1.0: the switch of a session, which
// messages are copied, and the wrapper. Which errors answer a message that was copied is known by the router, for the newest.
const (
	NSCarbons = "urn:xmpp:carbons:2"
	NSForward = "urn:xmpp:forward:0"
)

func (r *Registry) registerCarbons() {
	r.Handle(Set, Self, NSCarbons, "enable", setCarbons(true))
	r.Handle(Set, Self, NSCarbons, "disable", setCarbons(false))
	r.Feature(Server, NSCarbons) // XEP-0280 §3: clients ask the server; not the rules of §6.2: errors are matched for the newest messages only
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
