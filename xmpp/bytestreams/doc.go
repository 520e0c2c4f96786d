// Package bytestreams relays bytes between two clients that both connect here, because neither can reach the other: the proxy of SOCKS5
// Bytestreams, XEP-0065 version 1.8.2, which Jingle (XEP-0260) uses too.
//
// It does: tell clients where it listens, take their connections, put two together when one of them, a client of ours signed in over
// XMPP, says so, pass bytes both ways at a bounded rate. It does not: read what passes, keep or log who connects (internal/peer holds
// the addresses back), connect to anybody, decide about TLS: what passes is as the clients made it.
//
// Invariants:
//   - No byte is read from a connection between its request and its activation.
//   - A stream is activated by the requester whose full JID is in the hash that both connections named, for a target at a domain of ours.
//   - Every connection ends: unanswered, not activated, idle and too many ones are closed.
package bytestreams
