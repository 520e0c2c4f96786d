package roster

// inSubscribe follows RFC 6121 §3.1.3 and §A.3.1. A request that is already waiting is neither delivered nor stored again.
func inSubscribe(r *Result, request []byte) {
	switch {
	case r.Item.SubscribedFrom():
		// The contact's side does not know, perhaps after a crash: tell it again, presence included.
		r.Send, r.SendPresence = []Type{Subscribed}, true
	case r.Item.Approved:
		r.Item = r.Item.withFrom(true)
		r.Send, r.SendPresence = []Type{Subscribed}, true
	case !r.Item.PendingIn():
		r.Item.Request = request
		r.Route = true
	}
}

// inSubscribed follows RFC 6121 §3.1.6 and §A.3.3: ignored unless the owner asked.
func inSubscribed(r *Result) {
	if !r.Item.Ask {
		return
	}
	r.Route = true
	r.Item.Ask = false
	r.Item = r.Item.withTo(true)
}

// inUnsubscribe follows RFC 6121 §3.3.3 and §A.3.2.
func inUnsubscribe(r *Result) {
	r.Route = r.Item.PendingIn() || r.Item.SubscribedFrom()
	r.SendUnavailable = r.Item.SubscribedFrom()
	r.Item.Request = nil
	r.Item = r.Item.withFrom(false)
}

// inUnsubscribed follows RFC 6121 §3.2.3 and §A.3.4.
func inUnsubscribed(r *Result) {
	r.Route = r.Item.Ask || r.Item.SubscribedTo()
	r.Item.Ask = false
	r.Item = r.Item.withTo(false)
}
