// Package pie reads and writes people's data as XEP-0227 version 1.1, the portable import and export format of XMPP servers.
//
// It does: read a file, and the files that it includes, one account at a time and with bounded memory, whatever is in them;
// turn each account into the facts that this server would hold (schemas' messages); write an account so that other servers
// read it, and so that reading it here gives the same facts. It does not: know a log, accounts that exist, or what may be
// imported; that is package portability.
//
// Terms. A document has hosts, a host has users. What a user element holds and this package cannot use is ignored and counted
// by namespace; what it should be able to use and cannot is a [Fault] with file and line, and the rest of the account is read on.
// What is no well-formed XML ends the reading.
//
// Invariants:
//   - Every element that is kept is written anew in one canonical form: namespaces as default declarations, attributes in
//     apostrophes, entities of XML only. Reading what was written gives the same bytes.
//   - What is kept passes the framer of this server.
//   - No document type, entity declaration or foreign encoding is accepted, so nothing can expand. An account is at most
//     MaxUserBytes long, MaxDepth deep.
//   - Only files below the folder of the first one are opened.
//   - Credentials that ejabberd (23.01) encoded in base64 twice are understood.
//   - No error or fault text holds anything of the document.
package pie
