// Package transfers tries, from outside, every way in which a file gets from one person to another: uploads (XEP-0363) with what becomes
// of them on the disk, in exports and after erasures, and the relay for bytestreams (XEP-0065). That in-band bytestreams (XEP-0047)
// pass is a conversation: test/conversations/ibb.txt.
package transfers
