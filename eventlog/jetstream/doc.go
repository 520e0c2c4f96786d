// Package jetstream is the log on an embedded NATS JetStream. It is the only package that imports NATS.
//
// It does: number events, encipher their records, write them in groups through JetStream, sync, settle receipts, feed
// followers, roll segments, move events to the head of their lane, drop segments, and find out at start what an unclean stop or
// a damaged disk left.
//
// It does not: know what an event means, open a payload, or choose what is swept.
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
//	                              its void and its swept numbers, its next number and its mark
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
//   - Every number up to the mark lies in a segment or is listed as void or swept; anything else is damage. Each range of void
//     numbers is told in a proof.void event; what became of swept ones is told by who had them swept.
//   - A folder that no manifest names is removed, unless it has a key and holds events: then the manifest is too old, which
//     is damage.
//
// # Sweeping
//
// Roll, Move and Hold are errands of the lane's writer: it runs one after each group of commands, so neither keeps the other
// waiting. A move is at most maxMoveFacts events, each a command of its own with the number it first had as origin, and while
// others append the writer is left alone for movePause times as long after it.
//
// A sweep notes what its lane gets: owner and entity of each event, and the owners that closed the lane. The writer notes a
// group under the lock under which the mark passes it. So whoever begins a sweep, then reads the mark, and then lets the state
// pass that mark, has of every event either the state or the note; and because copies go through the same writer, none lands
// behind an event that it does not know. What is left out uses no number.
//
// A drop goes key, folder, name, each on disk before the next, and may stop anywhere:
//
//	the manifest says "dropping" and lists the numbers as swept   from here on nobody reads it, and a start finishes the drop
//	the keybook has forgotten the key                             copies of it anywhere are noise
//	the folder is gone and its parent synced
//	the manifest does not name it
//
// It runs on its caller's goroutine. Events of the segment that were kept in memory for followers go too. A reader that has
// one of its files open goes on with the first event behind it.
//
// # Locks
//
// lane.manifests is taken before lane.chain; queue.mu and chain are never held together. A writer takes chain only for
// moments; a lane's live stream and numbers are changed by its writer alone (by Open and Close while it does not run), its
// segments also by Drop. manifests is held from a change of the chain to the manifest that states it, so that no manifest names
// a segment whose folder is not in place. Log.open keeps Close waiting while something is dropped.
package jetstream
