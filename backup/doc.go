// Package backup copies a store so that a lost machine can be replaced, and makes a store out of such a copy.
//
// It does: copy closed segments once, with their manifests, the ledger and the policy; copy the keybook after that, into a
// folder of its own under a root key of its own; write down every file with its SHA-256, last; read a backup again and open every record;
// remove what is older than the policy allows; unpack a backup beside where it shall stand; keep the orders that a restore
// must obey (erasures, restrictions, objections) in one small file; remember in which folders backups were made, and say what there is too old.
//
// It does not: copy state, which is folded from the log; copy lane now, whose presences and sessions mean nothing after a
// restore; read a payload; decide what an order does to an account.
//
// # Layout
//
//	DIR/lock                     held by the process that writes a backup or removes some
//	DIR/orders                   the orders as they were at the newest backup; a newer file lies with the checkpoints
//	DIR/backup-<time>/           one backup; <time> is UTC, so that names sort
//	    log/format, log/manifests/<lane>.json, log/segments/<lane>-<id>/msgs/<n>.blk
//	    ledger/…                 as it lies in the data folder
//	    config/protokoll.toml, config/policy.toml, if they are known; not put anywhere by a restore
//	    manifest                 a line with the SHA-256 of the rest, then JSON: every file with size and SHA-256
//	DIR/keys-<time>/             the keybook as it was after the log was copied; may lie elsewhere (Options.KeysTo)
//	    keys/, root.key          a keybook and the root key that opens it, and no other
//	    secrets/ledger/key       the ledger's signer
//	    manifest                 as above
//
// A block file that an earlier backup in DIR holds is linked to it if the backup is an incremental one: every backup is whole by
// itself, and removing one takes nothing from the others.
//
// # Invariants
//
//   - Nothing of a backup counts before its manifest, which is written when all else is synced. A folder without one is partial: Verify says
//     so, Unpack refuses it, Prune removes it.
//   - Segments stay pinned until the keybook is copied, so that it has the key of every segment of the backup.
//   - Unpack reads every byte and compares it before the folder that it makes gets its name.
//   - Without its keys a backup is noise. Whoever keeps keys for a shorter time than backups makes erasures reach copies that
//     cannot be rewritten.
package backup
