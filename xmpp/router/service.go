package router

import (
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// service returns what answers at a host of its own, nil for every other address. A service has no accounts and no resources:
// whatever stands before or behind its host is not looked at.
func (r *Router) service(to Address) *features.Registry {
	if len(r.Services) == 0 {
		return nil
	}
	return r.Services[string(to.Domain())]
}

// serveAt answers a request to a service. Its handlers are registered for features.Server and see the asker's account.
func (r *Router) serveAt(g *features.Registry, from *Resource, to Address, kind features.Kind, f *frame.Frame, t *stream.Turn) {
	r.answer(g, from, &features.Request{Kind: kind, Target: features.Server, From: from.full, To: string(to.Bytes()), Lang: string(f.Lang),
		Frame: f, Account: from.Account, Session: switches{from, t}}, t)
}
