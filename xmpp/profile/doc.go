// Package profile keeps what clients see of one thing in several places in step: the photo of the vCard and the avatar
// (XEP-0153, XEP-0084, XEP-0398), vcard-temp and vCard4 (XEP-0054, XEP-0292), bookmarks in private XML, in one item and in
// items of their own (XEP-0048, XEP-0411, XEP-0402). It also answers for people of the directory who said nothing of
// themselves (Directory), and finds people (XEP-0055).
//
// It does: convert in the same command in which a client changes one form, so that every prefix of the log has all forms or
// none; keep what one form has and another has no place for.
//
// It does not: store anything of the directory, know LDAP, or decide who may read a node.
//
// Invariants:
//   - A conversion never makes something readable to more people than its source: nodes that it makes are for the owner
//     (bookmarks) or for who may see the owner's presence (profile), and it does not write to nodes that are open to others.
//   - A conversion that is impossible (too large, no image) leaves the client's own form as it is and takes the other away.
//   - A conversion of a conversion changes nothing.
package profile
