// Package archive lets people read and steer their message archives: XEP-0313 version 1.1.3 with the extended features, XEP-0441
// version 0.2.0.
//
// It does: decide by the owner's preferences whether a message belongs into an archive, answer queries with pages, tell first and
// last message, keep the preferences, purge.
//
// It does not: decide which kinds of message are archived (features.NatureOf), append messages (xmpp/router), or know how the
// index is stored.
//
// Invariants:
//   - Without preferences nothing is archived: the archive is off until its owner turns it on.
//   - A page shows everything that was appended before it was asked for.
//   - An id says nothing: it is the message's random stanza-id, as in the live copy, in carbons and in offline messages.
//   - A page is never larger than MaxPage messages and MaxPageBytes.
package archive
