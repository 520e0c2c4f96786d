package features

import "protokoll/xmpp/frame"

// Message Processing Hints, XEP-0334 version 1.0.0. What follows from them is in nature.go.
const (
	NSHints      = "urn:xmpp:hints"
	nsChatStates = "http://jabber.org/protocol/chatstates"
	// FeatureOffline says that messages are kept for who is away. XEP-0160 §4
	FeatureOffline = "msgoffline"
)

// hints are the sender's wishes for one message. Those in an error belong to the message that it answers. XEP-0334 §5
type hints struct{ noPermanentStore, noStore, store bool }

func (h *hints) note(c *frame.Child) {
	switch string(c.Local) {
	case "no-permanent-store":
		h.noPermanentStore = true
	case "no-store":
		h.noStore = true
	case "store":
		h.store = true
	}
}
