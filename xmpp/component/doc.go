// Package component lets programs beside the server answer for hosts of their own: the Jabber Component Protocol, XEP-0114 version 1.6.
// A gateway to another network or a bot connects, proves a secret, and is from then on the way to every address of its host.
//
// It does: take connections, check the handshake, read stanzas and see that each is from the component's own host, queue what goes
// there. It does not: decide where stanzas go (xmpp/router), keep anything for a component that is away, encrypt: it listens where
// only this machine can connect.
//
// Invariants:
//   - A host has one stream at most. Who proves the secret again takes the host over, because the old connection may be long dead.
//   - No stanza passes before the handshake, and none whose sender is not at the component's host.
//   - What is queued when a stream ends is lost, and its senders hear nothing: they hear of what could not be queued.
//   - Memory for one component is bounded, whatever it sends and however slowly it reads.
//   - Nothing that a component sends is trusted more than what a stranger sends.
package component
