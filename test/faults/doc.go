// Package faults kills the server while people use it and compares what it acknowledged with what is there afterwards.
//
// A device is a client that keeps XEP-0198: it resumes after every loss of its connection, signs in anew where that is
// refused, and sends again what was not acknowledged. A ledger notes what each device sent, what was acknowledged, and what
// arrived under which stanza-id. After each start:
//
//   - every message that was acknowledged arrives, at the latest at the recipient's next log-in;
//   - a message that was sent once arrives under one stanza-id, one that was sent n times under at most n;
//   - nothing that the recipient's server took an acknowledgement for comes again;
//   - the roster is the last one acknowledged, or the one that was under way;
//   - `protokoll rebuild --check` says that the state is what the log says.
//
// PROTOKOLL_KILLS sets the number of kills (default 50), PROTOKOLL_SEED the random sequence.
package faults
