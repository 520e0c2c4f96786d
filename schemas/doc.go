// Package schemas holds every event type as Protobuf, one file per family, and what every field says about a person.
//
// It does: name the types that a record may carry (Registry), give each field its data class, turn bytes of any version
// ever written into the newest message (Decode), and define the ids and the envelope that everybody shares.
//
// It does not: seal, store or fold anything, and it imports nothing of this project.
//
// Invariants:
//   - Type name and version are literals in the .proto file and in each record; a renamed message keeps its literal.
//   - A field is never renumbered or reused; a dead one is reserved. Golden files per type and version stay readable.
//   - Every field has a data class; every class has an entry in retention/.
//   - Payload and envelope bytes are hashed and sealed as they were written, never after re-encoding.
//   - No field holds an IP address or a password.
package schemas

//go:generate protoc --go_out=.. --go_opt=module=protokoll --plugin=protoc-gen-go=../.tools/protoc-gen-go -I . options.proto envelope.proto account.proto session.proto presence.proto roster.proto offline.proto archive.proto profile.proto private.proto block.proto pep.proto proof.proto audit.proto outbox.proto token.proto upload.proto push.proto notice.proto
