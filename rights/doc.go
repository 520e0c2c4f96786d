// Package rights carries out what a person may ask for about the data that is held of them: erasure (GDPR Art. 17), restriction
// (Art. 18), rectification (Art. 16) and objection (Art. 21). One implementation: commands on a running server, on a stopped
// folder, and whatever asks later (ad-hoc commands, web pages) call it.
//
// It does: plan and carry out an erasure in the order of DESIGN §7, finish one that a kill interrupted, write receipts, state
// restrictions and objections, say where each kind of data is changed, and write down every order for a restore (lane proof).
//
// It does not: take events out of the log (retention/engine does when nudged), export (portability), ask for consent, or know
// who may ask: its callers do.
//
// Terms: an order is what a person or the staff asked for, as it stands in lane proof: by owner id, never by name. A parting is
// what one contact is told of an erasure. An address is reserved while it is not given to anybody else.
//
// The steps of an erasure (Step), each on disk before the next begins, each harmless when it is repeated:
//
//  1. StepShut: the account is closing; its sessions end, nobody signs in, for others it does not exist.
//  2. StepTellHere: rosters of contacts of ours, with pushes to their sessions.
//  3. StepTellElsewhere: stanzas for contacts on other servers wait in the outbox.
//  4. StepOrder: the order, with the numbers of facts, stands in lane proof.
//  5. StepReserve: the address is kept free.
//  6. StepClose: every fact ends, in every lane.
//  7. StepForget: the key is gone; nothing of the person can be read from here on.
//  8. StepRelease: the reservation no longer says who had the address.
//
// Until StepClose a fact says that the account is closing, between StepClose and StepForget the reservation does: Finish goes on
// from both.
//
// Invariants:
//   - Every call that touches a person's data is one audit event, written before anything else happens.
//   - An order stands in lane proof before it takes effect, so that a restore obeys it whatever the backup holds.
//   - One change of how an account stands at a time.
//   - Nothing here holds a name or an address when the key is gone.
package rights
