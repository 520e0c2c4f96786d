// Package roster decides what a change of a roster does, as pure functions: RFC 6121 §2, §3 and appendix A.
//
// It does: apply one event (a stanza of the owner, a stanza of the contact, a roster set or removal) to one item and say
// what follows (Apply); read roster sets that may be hostile (ParseSet); write items, queries and removals; keep the roster
// version as a keyed digest that costs the same for any size of roster (Hasher, Version).
//
// It does not: hold a roster, route, lock, append or know who is online. The router asks and carries out.
//
// Invariants:
//   - An item exists if it is listed or holds a pending request; nothing else is worth keeping (Item.Exists).
//   - A request and a subscription "from" exclude each other, so do ask and a subscription "to".
//   - An unlisted item has no name, groups, subscription, ask or approval: it is a request that the owner has not answered,
//     and no client sees it in the roster.
//   - Applying the same event twice changes nothing the second time, so that a resend after a crash is harmless.
package roster
