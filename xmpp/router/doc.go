// Package router is the heart of the server: accounts, their resources, and what happens to a stanza that one of them sends.
//
// It does: hold an account while it is needed (roster, block list, resources, messages that wait); route messages, presence
// and IQs by RFC 6121; keep what must be remembered as facts in the log; hand messages over so that each is either with a
// client that acknowledged it or on disk (Duty); tell a sender's acknowledgement what to wait for (Pledge).
//
// It does not: read or write connections, count stanzas or resume streams (xmpp/session), answer IQs about features
// (xmpp/features), decide subscriptions (xmpp/roster), or open accounts.
//
// Terms: a Resource is one bound client; its Outlet is the way out to it. A snapshot is the immutable view of an account that
// routing reads without a lock. A letter is a message that waits on disk; the box holds an account's letters in the order of
// their rank. A Duty is the responsibility for one message towards one account.
//
// Locks, in the order in which they may be taken; none is held while a connection is flushed:
//
//	Account.mu → Account.pushMu → Outlet (the session's own lock) → Duty.mu
//
// Two accounts are never locked at once. A change that concerns two people is decided for one and then for the other; every
// prefix is a legal state and both are idempotent.
//
// Invariants:
//   - Every append for an owner is decided and enqueued under that account's lock, so the log has the order of decisions.
//   - What others see of a change of roster, block list or profile leaves after the receipt of its facts is settled.
//   - An account that is not in memory has all its facts in the projection; one is evicted only when the projection has
//     passed its last append.
//   - A message that would be stored for an absent recipient is, until it is settled, in the queue of at least one client,
//     or in the box, or on its way into the log.
//   - No error or log text holds an address, a name or content.
package router
