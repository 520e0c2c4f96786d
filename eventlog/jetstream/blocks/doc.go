// Package blocks reads the block files of a nats-server file store without nats-server.
//
// It does: walk the records of one stream in order, check every record's checksum, form, subject and number, and name the
// exact file and offset of the first one that is not right; find sound records behind damage.
//
// It does not: write, repair, decipher, or believe index.db, meta.inf or anything else beside the blocks. It imports nothing
// of the writer, so that a verifier can rest on it alone.
//
// Layout, as nats-server 2.15 writes it, little endian, in msgs/<index>.blk:
//
//	4 length of the record, highest bit: has headers
//	8 number, highest bit: erased, next bit: tombstone
//	8 time, nanoseconds since 1970 UTC
//	2 length of the subject
//	  subject
//	  message
//	8 HighwayHash-64 of number, time, subject and message, keyed with SHA-256 of "<stream>-<index>"
//
// Segments never hold headers or erased records, so both are damage. A stream that does not begin at 1 starts with a tombstone
// of the number before it.
package blocks
