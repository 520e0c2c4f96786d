// Package verify reads a data folder by itself and says whether every number of the log either holds its event, as the
// ledger's signed checkpoint has it, or is covered by a record that says why it does not. DESIGN §1, promise 3, and §8.
//
// It does: read segments with the block reader, decipher records with the keybook, hash them, hold them against the stored
// hashes and every tree it makes of these against every checkpoint; read what proof.erased, proof.void and proof.epoch events
// say; look for what was moved. It names the exact position of everything that is not right.
//
// It does not: open JetStream, write, lock, or share code with the writer of log or ledger, other than the hash of a leaf, the
// block reader and the keybook. What it needs to know of their files it reads itself.
//
// It runs beside a server: it verifies up to the newest checkpoint, and reads a lane again when the server changed its
// segments meanwhile. A sweep that is not finished is pending: its records stand beside the events.
//
// # What it cannot know
//
// Whoever holds the keys of the machine and rewrites log, ledger and checkpoints consistently is found out only by a checkpoint
// that was kept elsewhere. An erased number that was itself moved there does not say where from; for such a one the verifier
// only checks that there are enough copies, or later erasures, for all that is said to have moved.
package verify
