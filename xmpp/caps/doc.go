// Package caps reads what clients say they can do: Entity Capabilities, XEP-0115 version 1.6.0, from the side of who hears it.
//
// It does: read the <c/> of a presence, read and verify the disco#info answer behind it, find what a client wants to be notified
// of, and remember that for each verified hash.
//
// It does not: ask clients (xmpp/router), say what the server can do (xmpp/features), or take <c/> out of presences: who gets
// which is not known well enough for that, because presences are kept and shown again (XEP-0115 §8.4).
//
// Invariants:
//   - Only an answer whose hash is right is remembered for others. What is wrong, old or too large counts for its client alone.
//   - A Cache has room for a fixed number of hashes; a flood of new ones costs an answer each and pushes out what nobody used.
package caps
