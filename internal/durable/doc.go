// Package durable puts files in their place so that a crash at any moment leaves what was there before or what is there now.
//
// It does: replace a file as a whole (Replace), make the names in a folder survive a power cut (SyncFolder), and name files that
// are not whole yet (Aside).
//
// It does not: append to files, copy, know what is in them, or let tests put a disk of their own under it: eventlog/jetstream and
// eventlog/seal, which do, have their own.
//
// Invariants: when Replace returns without an error, the new content is on disk under its name; when it fails, the old content is
// untouched, or the new one stands there whole and only the sync of its name failed. A file that ends with Aside means nothing.
package durable
