// Package archive finds a person's archived messages: for every owner the facts of lane archive in the order of their ranks.
//
// It does: fold SET, END and CLOSE of lane archive into files that live and die with the log's segments, read a page of an
// owner's messages forwards or backwards from any rank, find the rank of an entity, say how much there is of an owner and which rows
// are beyond a limit, tell the retention engine what of a segment is still true, and forget a segment.
//
// It does not: open a payload, append to the log, know what a message is, or hold anything in memory but numbers of files.
//
// Why not projections/state: its one file per lane is read wholly at the start and written anew after every sweep, which is right for
// what people change and wrong for what only grows. Here a sweep that drops a segment unlinks one file.
//
// Invariants:
//   - What is stored is a function of the lane's events up to one number. The file of the newest number says which; it is
//     committed last, and what is folded again after a crash changes nothing.
//   - Reads see what is committed. Wait has what is folded committed at once, so who waits for a position sees it.
//   - A row is where its event stands. While a sweep runs, a moved event has two rows of one rank: they are read as one.
//   - Rows of ended facts are deleted at once; their bytes go with the file, when the segment is swept.
//   - A damaged or missing file has all of them folded anew from the log at the next start.
//   - No lock is held and no transaction open while a caller's function runs.
//
// On disk, in the index's folder: <first>.db for each segment, named by its first number, a bbolt file with bucket "rows" (owner, rank →
// CRC-32C of key and value, number, time, version, cause, family, entity, sealed payload), bucket "ids" (entity → owner,
// rank), bucket "totals" (owner → rows, bytes, CRC-32C) and bucket "meta" with one entry. A file "refold" says that something was found damaged.
package archive
