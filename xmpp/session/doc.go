// Package session is one signed-in client: binding a resource, the stanzas it sends and gets, and stream management.
//
// It does: offer the stream features after sign-in, bind resources, check who a stanza says it is from, hand stanzas to the
// router in order, count them (XEP-0198), keep what the client has not acknowledged, hold back acknowledgements until they
// are true, hibernate when the connection is lost and resume, also after a restart of the server.
//
// It does not: read or write connections (xmpp/stream), route (xmpp/router), or answer IQs (xmpp/features).
//
// Terms: a session lives from bind to its end and may outlive several streams. It hibernates while it has none. A pledge is
// what the acknowledgement of one received stanza waits for; a duty is the responsibility for a message to the client
// (router.Pledge, router.Duty).
//
// On disk: the table, a sparse file that is mapped into memory, in cells of 64 bytes. First a header: version, how many
// records and marks were ever used, the boot id of the machine. Then a record for each session that can be resumed: state,
// counters of received, sent and acknowledged stanzas, hash of the resume id, id of the session. Then marks: which letter
// (owner and entity) was sent to which session under which number, and whether the client has taken it. It is transport,
// not state: it survives the process, not the machine, and nothing but resumption depends on it.
//
// Locks: Session.handling is held while one element of the client is handled; Session.mu, below every account's lock, is
// held for moments.
//
// Invariants:
//   - <a/> covers a stanza only when every event it caused is on disk and its message is with a client that acknowledged it,
//     or stored, or was answered with an error that the client has acknowledged.
//   - A record of the table is written before the <a/> that it must outlive, and before a stanza with its number is sent.
//   - A mark stays until the end of its letter is on disk, so that an acknowledged letter does not come again after a kill.
//   - A message is dropped from the queue when the client acknowledged it, never before.
//   - When a session ends, every message in its queue goes back to the router, every IQ request is answered.
package session
