package features

import "protokoll/xmpp/frame"

// Client State Indication, XEP-0352 version 1.0.0: which stanzas wait while nobody looks at a client. Keeping them and sending
// them in order is the session's.
const (
	NSCSI = "urn:xmpp:csi:0"
	// CSIFeature says in the stream features that states are understood. XEP-0352 §4.1
	CSIFeature = "<csi xmlns='" + NSCSI + "'/>"
)

// Patience says how long a stanza may wait for an inactive client.
type Patience uint8

// The kinds of patience.
const (
	None   Patience = iota // the stanza goes out at once, behind all that waits
	Waits                  // it waits
	Latest                 // it waits, and replaces an older one from the same address: only the newest presence matters
)

// PatienceOf returns the patience of a stanza that is delivered. A copied message has that of the message; what cannot be read
// has none. XEP-0352 §3.2
func PatienceOf(f *frame.Frame) Patience {
	switch f.Name {
	case frame.Presence:
		if len(f.Type) == 0 || string(f.Type) == "unavailable" {
			return Latest
		}
	case frame.Message:
		if original := copiedIn(f); !NatureOf(original).Urgent {
			return Waits
		}
	}
	return None
}

// copiedIn returns the message that a carbon holds, else the message itself.
func copiedIn(f *frame.Frame) *frame.Frame {
	wrapper := f.Child(NSCarbons, string(Received))
	if wrapper == nil {
		wrapper = f.Child(NSCarbons, string(Sent))
	}
	if wrapper == nil {
		return f
	}
	forwarded := childOf(wrapper, NSForward, "forwarded")
	message := childOf(forwarded, frame.NSClient, "message")
	if message == nil {
		return f
	}
	m, err := standalone(message.Raw)
	if err != nil {
		return f
	}
	return &m
}

// childOf returns a child of a child, nil if there is none or it cannot be read.
func childOf(c *frame.Child, space, local string) *frame.Child {
	if c == nil {
		return nil
	}
	f, err := standalone(c.Raw)
	if err != nil {
		return nil
	}
	return f.Child(space, local)
}
