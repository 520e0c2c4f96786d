package features

// NSSession is the namespace of the session request that RFC 3921 §3 had and RFC 6121 dropped. It does nothing and is kept
// for old clients; SessionFeature says that new ones need not send it.
const (
	NSSession      = "urn:ietf:params:xml:ns:xmpp-session"
	SessionFeature = "<session xmlns='" + NSSession + "'><optional/></session>"
)

// registerSession does not advertise: the stream features do.
func (r *Registry) registerSession() {
	nothing := func(*Request) (Reply, error) { return Reply{}, nil }
	r.handlers[route{Set, Self, NSSession, "session"}] = nothing
	r.handlers[route{Set, Server, NSSession, "session"}] = nothing
}
