// Package features answers the IQs that the server answers itself, one file per XEP, and says what the server can do.
//
// Terms: an IQ is directed at Self (no 'to', or the sender's own bare JID), at the Server (a domain of ours) or at a Contact
// (the bare JID of somebody else's account on this server, or one that does not exist). A handler is registered for a kind,
// a target, and the namespace and name of the payload; disco advertises exactly what is registered.
//
// It does: parse payloads, decide, change facts through Account, and return the reply as bytes. It holds the pure rules that
// the router consults: what a block list matches, which messages are copied to other resources, which elements only the
// server may add, what hints ask for.
//
// It does not: route, send, lock, remember sessions or know who is online. Account and Session are implemented by the router
// and the session.
//
// Invariants:
//   - Everything is registered before the first Serve; from then on a Registry is read-only and safe for all goroutines.
//   - A handler does not block and keeps no part of the request: its bytes are valid during the call only.
//   - For a Contact who may not be seen by the asker every handler answers as it does for an account that does not exist.
//   - A reply that reports a change leaves only after its Receipt is settled.
package features
