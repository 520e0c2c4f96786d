// Package jetstream is the log on an embedded NATS JetStream. It is the only package that imports NATS.
//
// It does: number events, encipher their records, write them in groups through JetStream, sync, settle receipts, feed
// followers, roll segments, and find out at start what an unclean stop or a damaged disk left.
//
// It does not: know what an event means, open a payload, sweep or choose what to drop.
//
// # Who writes and who reads
//
// JetStream writes; our own reader (package blocks) reads. The server starts on an empty store every time, and every lane goes
// on in a new stream, because JetStream opening what it wrote before may skip a record, cut a block or pass over a stream
// without an error. Its index.db, meta.inf and meta.sum are never read. A segment that is closed is moved out of its store at
// once. So nothing but this package ever decides what a stored byte means, and a start costs the same however long the log is.
//
// # Layout on disk
//
//	format                        one line; another one is refused
//	lock                          held by the process that has the log open
//	marks                         the durable mark of each lane, 16 bytes each, written after every sync, not synced itself
//	manifests/<lane>.json         a line with the SHA-256 of the rest, then JSON: the segments of the lane, oldest first,
//	                              its void numbers, its next number and its mark
//	segments/<lane>-<id>/msgs/    block files of closed segments
//	live/jetstream/$G/streams/    JetStream's store: the segments that this process writes
//
// A message of a stream is one record: a version byte (1), the durable mark known when it was written (8 bytes, big endian),
// and ciphertext under the segment's key: length of the envelope (uvarint), envelope, sealed payload. The additional data is
// the version, the lane (1 byte), the number and the mark (8 bytes each, big endian); the nonce is the number.
//
// # Invariants
//
//   - A segment is used after its key, its files and its folders are synced and the manifest names it.
//   - A receipt is settled after every block touched, and its folder if the block is new, is synced; then the mark moves; then
//     followers see it. A failed sync is never tried again: the lane stops with ErrUncertain.
//   - At most one group, or one command, lies above the mark. After an unclean stop the numbers go on 16,384 higher, so none
//     is used twice, also not with another key.
//   - An intact tail above the mark is kept, because its last group may have been acknowledged. It is written to new pages
//     first, because a failed sync may have left pages that look written. An incomplete command at its end is void.
//   - A write that JetStream refused is cut off the file before its receipts fail.
//   - Opening changes nothing before everything was checked. A record that is not right at or below any mark seen anywhere is
//     ErrDamaged; above all marks it is a crash tail. Closed segments are compared with the manifest by size and last checksum
//     at start; Verify reads them whole.
//   - Gaps between segments are void numbers of the manifest, and each is told in a proof.void event.
//   - A folder that no manifest names is removed, unless it has a key and holds events: then the manifest is too old, which
//     is damage.
//
// # Locks
//
// queue.mu and lane.chain are never held together. A writer takes chain only for moments; a lane's segments, live stream and
// numbers are changed by its writer alone (by Open and Close while it does not run).
package jetstream
