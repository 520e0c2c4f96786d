package router

import (
	"encoding/hex"
	"slices"

	"protokoll/xmpp/stream"
)

// Bound is one bound client of an account, connected or waiting to be resumed.
type Bound struct {
	ID     string // names it as long as it is bound
	Device string // as stream.Stream.Device says; empty: the client did not say which it is, or there was a restart since
}

// errRevoked ends a client whose access was taken away.
var errRevoked = &stream.Error{Condition: stream.NotAuthorized, Text: "the access of this device was taken away"}

// BoundTo lists the bound clients of an account. XEP-0494 §3.1
func (r *Router) BoundTo(bare string) (all []Bound) {
	for _, res := range r.resourcesOf(bare) {
		all = append(all, Bound{ID: hex.EncodeToString(res.ID[:]), Device: res.Device})
	}
	return all
}

// ExpelBound ends the clients of an account that choose is true for, and says how many. They cannot be resumed.
func (r *Router) ExpelBound(bare string, choose func(Bound) bool) (ended int) {
	t := stream.NewTurn()
	defer t.End()
	for _, res := range r.resourcesOf(bare) {
		if choose(Bound{ID: hex.EncodeToString(res.ID[:]), Device: res.Device}) {
			res.Outlet.Expelled(t, errRevoked)
			r.Leave(res, t)
			ended++
		}
	}
	return ended
}

func (r *Router) resourcesOf(bare string) []*Resource {
	a := r.peekString(bare)
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.resources)
}
