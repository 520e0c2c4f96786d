// Package pubsub is publish and subscribe (XEP-0060): one core with two faces. On the bare JID of an account it is PEP
// (XEP-0163); on a host of its own it is a service, whose nodes belong to whoever created them.
//
// It does: parse requests and node configurations, decide who may read, publish and configure, keep nodes, items and
// subscriptions as facts of the node's owner, say who is notified of what, and answer disco about nodes.
//
// It does not: know who is online or what a resource asks for (xmpp/router, by features.Notice), verify capabilities
// (xmpp/caps), or lock: an Owner is used under the lock of the account only.
//
// Terms: an Owner is the account whose facts a node is. A Ref names a node: host and name, the host empty for PEP. A Catalogue is
// what is known of all nodes of an owner without their payloads. A Draft is a change of nodes: the facts of one command, and
// what is said of it afterwards.
//
// Not here: collections, subscription ids and options, leases, approval of subscriptions, items for who is offline.
//
// Invariants:
//   - A Catalogue is a fold over the owner's facts: loaded anew it says the same.
//   - Whoever may not see the owner's presence learns no more of PEP nodes that are not open than of an account that does not
//     exist.
//   - What was accepted can be said again: a payload declares every prefix and namespace that it uses.
package pubsub
