package features

import "protokoll/xmpp/frame"

// Message Processing Hints, XEP-0334 version 1.0.0, and which messages are kept for later, XEP-0160 version 1.0.1.
const (
	NSHints      = "urn:xmpp:hints"
	nsChatStates = "http://jabber.org/protocol/chatstates"
	// FeatureOffline says that messages are kept for who is away. XEP-0160 §4
	FeatureOffline = "msgoffline"
)

// Hints are the sender's wishes for one message.
type Hints struct{ NoPermanentStore, NoStore, NoCopy, Store bool }

// HintsOf returns the hints of a message; those in an error belong to the message that it answers. XEP-0334 §5
func HintsOf(f *frame.Frame) Hints {
	var h Hints
	if string(f.Type) == "error" {
		return h
	}
	for n := range f.Children {
		c := &f.Children[n]
		if c.Dropped || string(c.Space) != NSHints {
			continue
		}
		switch string(c.Local) {
		case "no-permanent-store":
			h.NoPermanentStore = true
		case "no-store":
			h.NoStore = true
		case "no-copy":
			h.NoCopy = true
		case "store":
			h.Store = true
		}
	}
	return h
}

// Storable tells whether a message is kept for a recipient who is away: of type normal or chat, not marked no-store, and
// either marked store or with more in it than chat states and what only accompanies. XEP-0160 §3, XEP-0334 §4.4
func Storable(f *frame.Frame) bool {
	switch string(f.Type) {
	case "groupchat", "headline", "error":
		return false
	}
	h := HintsOf(f)
	return !h.NoStore && (h.Store || !hollow(f))
}

// hollow tells whether a message says nothing once its moment is over.
func hollow(f *frame.Frame) bool {
	for n := range f.Children {
		c := &f.Children[n]
		if c.Dropped {
			continue
		}
		switch string(c.Space) {
		case nsChatStates, NSHints, NSStanzaID, NSDelay, NSCarbons:
			continue
		case frame.NSClient, frame.NSServer:
			if string(c.Local) == "thread" {
				continue
			}
		}
		return false
	}
	return true
}
