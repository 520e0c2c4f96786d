package features

// Unique and Stable Stanza IDs, XEP-0359 version 0.7.0: the ids of our accounts are written by the router, once for all copies of a
// message; here are those taken out that others put there in our name (forged.go). The origin-id is the client's and passes.
const NSStanzaID = "urn:xmpp:sid:0"
