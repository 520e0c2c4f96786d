// Package state holds current facts: for every owner, family and entity the newest sealed value, folded from the log.
//
// It does: fold SET, END and CLOSE by rank, keep the result in one file per lane (lane now in memory, and in a file only while
// nothing runs), answer reads that see everything folded, wait until a position is folded, throw itself away and fold anew,
// and compare itself with such a second fold.
//
// It does not: open a payload, append to the log, or keep anything that the log does not hold.
//
// Terms: a layer is what was folded and is not in the file yet. Reads look through the layers into the file, so that nothing
// waits for a commit. A group is the facts of one family of one owner.
//
// Invariants:
//   - What is stored is a function of the lane's events up to one number; file content and that number change in one synced
//     transaction, so that a crash loses only a tail, which the log fills.
//   - A fact of lower rank never replaces one of higher rank. Of an ended fact nothing is kept: that no older copy of it
//     comes later is the duty of whoever moves events.
//   - A damaged or missing file is made anew from the log. A file ahead of the log's mark means that the log lost events: it
//     is refused, and nothing is touched.
//   - A handle is carried by one fact of its owner at most; among owners the highest rank is found.
//   - While a state is open there is no file of lane now, because its values are overwritten all day and a file would keep what
//     was replaced. A clean Close writes one, Open takes it over and removes it; after a kill the lane is folded again.
//   - No lock is held and no transaction open while a caller's function runs.
//
// On disk, in the state's folder: <lane>.db, a bbolt file with bucket "facts" (family, owner, entity → checksum, rank,
// number, time, version, cause, type, handles, sealed payload) and bucket "meta" with one entry that holds the number folded,
// how many events that took, and count and sum of the checksums of all facts, which are compared at start. <lane>.db.new is a
// file that is being folded beside the one in use; Open removes it.
package state
