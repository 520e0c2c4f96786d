// Package accounts finds, opens and lists accounts, and keeps the keys that check a local account's password.
//
// It does: turn an address or a directory id into the owner of facts (Registry.Find), open accounts in batches, hold SCRAM
// verifiers as facts. It does not: ask a directory, negotiate SASL, or know rosters and sessions.
//
// Invariants:
//   - An owner's key is on disk before the first event that is sealed with it.
//   - One address belongs to at most one owner, one directory entry to at most one owner of a domain.
//   - No password is stored, logged or put into an error; verifiers are facts like any other.
package accounts
