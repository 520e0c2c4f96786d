// Package sasl is the server side of SASL as XMPP uses it: PLAIN (RFC 4616) and SCRAM with SHA-1, SHA-256 and
// SHA-512, each also bound to the TLS channel (RFC 5802, RFC 7677, RFC 5929, RFC 9266, XEP-0440, XEP-0474).
//
// It does no I/O and knows no XML: a [Server] is one negotiation, fed with decoded messages, and answers with the bytes
// of the next challenge. What it must ask (is this password right, which keys are stored) it asks a [Backend].
//
// What must hold:
//   - No password is stored: a [Verifier] holds StoredKey and ServerKey (RFC 5802 §3), from which nobody can sign in
//     without breaking the hash. A password handed in lives as long as the call.
//   - A name that does not exist cannot be told from one that does, neither by an answer nor by time: SCRAM goes on with
//     an invented verifier whose salt is stable for the name, PLAIN pays for the same PBKDF2.
//   - Names reach the backend prepared (RFC 8265 §3.3, RFC 7622 §3.3), passwords too (RFC 8265 §4.2), never empty, never above
//     [MaxPassword] bytes.
//   - Whoever is not proven to own the name leaves as a [*Failure], and a Server that has failed stays failed.
package sasl
