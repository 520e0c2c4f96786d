package features

import (
	"crypto/rand"
	"encoding/base64"
)

// Unique and Stable Stanza IDs, XEP-0359 version 0.7.0: ids of our accounts on messages, and the removal of those that others
// put there in our name (forged.go). Ids are random, so that they tell neither time nor number. The origin-id is the
// client's and passes.
const NSStanzaID = "urn:xmpp:sid:0"

// NewStanzaID returns 128 random bits as text.
func NewStanzaID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// AppendStanzaID appends the id that by, the bare JID of the account, gave to the stanza. XEP-0359 §3
func AppendStanzaID(dst []byte, id, by string) []byte {
	dst = appendAttr(append(dst, "<stanza-id xmlns='"+NSStanzaID+"'"...), "id", id)
	return append(appendAttr(dst, "by", by), "/>"...)
}
