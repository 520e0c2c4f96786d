package features

import (
	"time"

	"protokoll/xmpp/frame"
)

// Delayed Delivery, XEP-0203 version 2.0: the note on a stanza that was held back, and the removal of notes that claim to be
// ours (forged.go).
const NSDelay = "urn:xmpp:delay"

// stampFormat is the DateTime profile in UTC with milliseconds. XEP-0082 §3.2
const stampFormat = "2006-01-02T15:04:05.000Z"

// AppendDelay appends the note that from, a domain of ours, held a stanza since at. XEP-0203 §2
func AppendDelay(dst []byte, from string, at time.Time, reason string) []byte {
	dst = appendAttr(append(dst, "<delay xmlns='"+NSDelay+"'"...), "from", from)
	dst = append(append(dst, " stamp='"...), at.UTC().Format(stampFormat)...)
	if reason == "" {
		return append(dst, "'/>"...)
	}
	return append(frame.AppendEscaped(append(dst, "'>"...), reason), "</delay>"...)
}
