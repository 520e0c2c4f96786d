// Package frame cuts the bytes of an XMPP stream into top-level elements, checks them completely, and indexes what routing
// needs: addresses, type, language and the direct children. It copies nothing and, in the usual case, allocates nothing.
//
// What it does: a [Scanner] reads one direction of one stream and finds the stream header, each whole top-level element (a
// [Frame]) and the end of the stream. [Parse] does the same for one element that lies in a log or was made by the server.
// [Frame.AppendTo] writes a stanza again: its start tag in one canonical form of ours, its children as the bytes they were.
//
// What it does not do: read from a connection, keep the bytes, know who is signed in, check addresses or answer errors.
//
// What is accepted is namespace-well-formed XML 1.0 in UTF-8, less what RFC 6120 §11.1 forbids (comments, processing
// instructions, DTDs, entities other than the five predefined ones) and less three things no client needs: names beyond
// ASCII, names and references longer than [MaxTokenBytes], and, inside an element, prefixes that are not declared in it
// (`xml` excepted), so that every element stands alone and may be written into another stream.
//
// Invariants:
//   - Whatever is accepted, expat, libxml2 and encoding/xml accept, and see the same tree.
//   - The result depends on the bytes alone, never on how they were split over calls, and the first offending byte decides.
//   - Work is linear in the bytes however they arrive: a call resumes where the last one stopped, at most [MaxTokenBytes] back.
//   - Memory for one half-read element is bounded by [Limits], not by what the peer sends.
//   - No error text holds anything the peer sent.
package frame
