// Package uploads keeps the files that people upload: beside the log, each sealed under a key of its own that lies in the sealed
// event about it. Whoever forgets the owner's key, or takes the event out of the log, makes noise of the file, whatever remains of
// it on the disk; besides, the file is unlinked.
//
// It does: take files in pieces, seal them, put them in place whole and synced or not at all; read them at any place; unlink
// them; find what no event speaks of. It does not: know names, types, links, limits or who may read; those are the event's and the
// protocol's (xmpp/upload).
//
// Layout, in the folder that it is given:
//
//	new/NAME        a file that is being written; removed at start
//	OWNER/ENTITY    a whole file: owner id and entity of its event, in hex
//
// A file is a row of chunks: ChunkSize bytes of content (the last one what is left), AES-256-GCM under the file's key, with the number
// of the chunk as nonce and the size of the whole file as additional data, so that no chunk can change its place or its file and none
// can be missing. Nothing else stands in it: no header, no name, no time.
//
// Invariants:
//   - An event about a file is appended only after Writer.Commit: the file and the folders on its way are synced by then.
//   - A file without an event is unlinked by Prune, at the latest an hour after the next start.
//   - No key is used for two files, and no key is ever written by this package.
package uploads
