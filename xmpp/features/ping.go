package features

// XMPP Ping, XEP-0199 version 2.0.1: the server answers for itself and for the own account. A ping to another account is
// answered like any request that is not served, so that it tells nothing. Not here: pings that the server sends.
const NSPing = "urn:xmpp:ping"

func (r *Registry) registerPing() {
	pong := func(*Request) (Reply, error) { return Reply{}, nil } // XEP-0199 §4.2
	r.Handle(Get, Self, NSPing, "ping", pong)
	r.Handle(Get, Server, NSPing, "ping", pong)
}
