package features

import "protokoll/xmpp/frame"

// Software Version, XEP-0092 version 1.1: name and version of the server. The operating system is not told (it is optional
// and helps nobody but an attacker), and the software of people is not told for them.
const NSVersion = "jabber:iq:version"

// Software names this program.
type Software struct{ Name, Version string }

func (r *Registry) registerVersion(s Software) {
	b := append([]byte(nil), "<query xmlns='"+NSVersion+"'><name>"...)
	b = append(frame.AppendEscaped(b, s.Name), "</name><version>"...)
	b = append(frame.AppendEscaped(b, s.Version), "</version></query>"...)
	r.Handle(Get, Server, NSVersion, "query", func(*Request) (Reply, error) {
		return Reply{Payload: b}, nil // XEP-0092 §2
	})
}
