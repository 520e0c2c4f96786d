// Package portability hands out everything that is held about one person, and takes over what people had on other servers.
//
// It does: gather an account's facts, what was put aside because of a restriction, and what staff did with them (Gather); write
// that as one ZIP file with XEP-0227, JSON and a page to read (Holding.WriteZip); decide, fact by fact, what an import changes
// (Merge). It does not: parse or write XEP-0227 (package pie), open accounts, hold locks or append; cmd does that, through the
// router where accounts live.
//
// Layout of an export:
//
//	data.xml    XEP-0227: what another server can take over, with own elements for what XEP-0227 has no place for
//	facts.json  every fact with when and why it came about; facts put aside; what staff did; orders
//	index.html  the same to read and to print, in German and English, without anything from outside
//	uploads/    the files that the person uploaded; whoever has them puts them in (Holding.Files)
//	MANIFEST    SHA-256 of the other files, as sha256sum writes it
//
// Invariants:
//   - Every type of fact that an owner can have appears in facts.json and on the page; those that other servers know, in data.xml.
//   - data.xml of an account, imported and exported again, is the same, byte for byte, but for who is online at the time.
//   - What was published on services of this server is in facts.json and on the page only: XEP-0227 has no place for it.
//   - An import never shows anything to people who could not see it before: items come with their node's readers, or not at all.
//   - An import never takes away: it adds what is missing, and replaces what differs only when told to.
package portability
