// Package seal holds the keys: it seals and opens payloads under their owner's key, enciphers records under their segment's
// key, and keeps both kinds of keys in the keybook, where forgetting one makes everything under it noise.
//
// It does: derive an owner's keys, hash entities and handles, keep the keybook whole under kill -9, torn writes and damage of
// one copy, and forget keys for good.
//
// It does not: know what a payload means, append to the log, or decide what is forgotten.
//
// Terms: a key lies in a page (pageSlots keys of one kind), a page is enciphered under its page key, page keys lie in the
// table, and the table is enciphered under the root key, which a Root holds. A generation is one table with its pages.
//
// On disk, in the keybook's folder, everything twice:
//
//	a/table-<generation>              header, table under the root key, checksum
//	a/page-<kind><number>-<generation> header, page under its page key, checksum; <generation> is the one that wrote it
//	b/…                               the same
//
// Invariants:
//   - Files are written once under a new name, synced, and only then referred to; a generation counts when one copy is whole.
//   - Copy a is whole and synced before copy b is begun; the generation before is removed after both, so one of two
//     neighbours is always whole.
//   - A page out of which a key was forgotten gets a new page key and the table a new root key. The root is replaced after
//     both copies are synced: until then the old generation opens, from then on only the new one.
//   - A lost or damaged keybook is refused. It is never replaced by a fresh one.
//   - A key is on disk before Add or AddSegment returns, so before anything is sealed with it.
package seal
