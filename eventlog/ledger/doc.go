// Package ledger makes the log tamper-evident: one Merkle tree per lane over its events, and signed checkpoints over all of
// them. DESIGN §8.
//
// It does: follow the lanes, keep the trees' hashes on disk, sign a checkpoint every minute when something changed and at
// stop, thin the list of them, compare itself with the log at start, prove inclusion and consistency, and forget the leaves of dropped segments
// without losing what later proofs need.
//
// It does not: know what an event means, open a payload, or judge whether an erasure was right. The verifier is the package
// verify, which shares only the leaf's hash with this one.
//
// Terms. Number n of a lane has its leaf at index n-1, so the size of a tree is the last number in it. A void number has a
// leaf of its own (leaf.Void). A tile is 256 hashes of one row; row r holds the hashes of the complete subtrees of 256^r
// leaves. Hashing is that of RFC 9162 §2.1.
//
// # Layout on disk
//
//	key                            Ed25519 signer, as golang.org/x/mod/sumdb/note writes it; mode 0600
//	key.pub                        its public half
//	tip                            text: epoch, then of each lane its size, root and folder; last line SHA-256 of the rest
//	checkpoints/<epoch>-<day>      signed notes of that day (UTC), one after the other; after 31 days the first of them and the sizes that all stated
//	<lane>.<epoch>/<row>/<number>  256 tiles of a row, 65,536 hashes of 32 bytes; <epoch> is the one in which the tree began
//	<lane>.<epoch>/kept/<first>-<last>  what is kept of forgotten numbers: level (1 byte), index (8 bytes, big endian), hash
//
// A checkpoint is a note with the lines "protokoll ledger", "epoch N", "time RFC3339", and for each lane "lane size root".
//
// # Invariants
//
//   - Nothing is added above a lane's durable mark. A number in a lane's order that followers are not given is void.
//   - Hashes are synced before the tip that counts them is written aside, synced and renamed; the tip stands before a
//     checkpoint of these sizes is signed; a checkpoint is in the list, synced, before anybody is given it. So no checkpoint
//     is ahead of the ledger or the log, and there are never two roots for one size of an epoch.
//   - What lies in files above the tip's sizes counts for nothing and is written again.
//   - A tip that is behind the log is filled from it. One that says something else than the log, or more, is refused.
//   - Before leaves are forgotten, the hashes of the largest complete subtrees between the borders of the range and all sizes
//     of checkpoints inside it, thinned or not, are kept: these are all that any proof between a checkpoint and a later size needs. Forgotten
//     leaves read as zero; rows above the leaves stay.
//   - An epoch after the first began with a proof.epoch event, which says up to where each lane's tree is that of before.
//
// # Locks
//
// Ledger.issuing → Ledger.saving → lane.mu. The followers take lane.mu only.
package ledger
