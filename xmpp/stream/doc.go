// Package stream carries one XMPP client stream: the socket, TLS, framing, and the negotiation up to the authenticated
// stream (RFC 6120 §4 to §6, RFC 7590, XEP-0368, XEP-0440, XEP-0478). From then on every element goes to [Sessions].
//
// What it does not do: bind resources, route stanzas, know what a stanza means, check passwords ([Authenticator] does).
//
// Terms. The goroutine that works on what one read brought has a [Turn]: streams it writes to are remembered and flushed
// once each at its end. A stream waits without a goroutine and without buffers; see internal/poll.
//
// What must hold:
//   - One goroutine at a time works on a stream's elements, in their order. [Sessions.Closed] comes once, after the last.
//   - Writing never blocks. What a peer does not take is queued up to a limit that is decided before encryption; beyond
//     it the stream ends with [ErrSlow]. A slow peer costs nobody else anything.
//   - Before TLS nothing is obeyed but <starttls/>, and no byte that came before the handshake is looked at after it.
//   - Nothing is answered before our own stream header (RFC 6120 §4.9.1.2), and everything announced is enforced.
//   - A panic ends the stream it happened in. No log line holds an address, a name, a password or what a peer sent.
//
// Locks, innermost last: none is held while Sessions or the Authenticator is called; Stream.queueMu, then the
// socket's own. Server.mu is never held together with another.
package stream
