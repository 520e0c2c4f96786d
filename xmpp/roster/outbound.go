package roster

// outSubscribe follows RFC 6121 §3.1.2 and §A.2.1: always routed, since the contact's server may have lost what ours knows.
func outSubscribe(r *Result) {
	r.Route = true
	if !r.Item.SubscribedTo() {
		r.Item.Ask, r.Item.Listed = true, true
	}
}

// outUnsubscribe follows RFC 6121 §3.3.2 and §A.2.2.
func outUnsubscribe(r *Result) {
	r.Route = true
	r.Item.Ask = false
	r.Item = r.Item.withTo(false)
}

// outSubscribed follows RFC 6121 §3.1.5 and §A.2.3; without a request it is a pre-approval, RFC 6121 §3.4.2, which the
// contact must not learn of.
func outSubscribed(r *Result) {
	switch {
	case r.Item.SubscribedFrom():
	case r.Item.PendingIn():
		r.Item.Request, r.Item.Listed = nil, true
		r.Item = r.Item.withFrom(true)
		r.Route, r.SendPresence = true, true
	default:
		r.Item.Approved, r.Item.Listed = true, true
	}
}

// outUnsubscribed follows RFC 6121 §3.2.2 and §A.2.4. It also takes a pre-approval back, RFC 6121 §3.4.2.
func outUnsubscribed(r *Result) {
	r.Item.Approved = false
	r.Route = r.Item.PendingIn() || r.Item.SubscribedFrom()
	r.SendUnavailable = r.Item.SubscribedFrom()
	r.Item.Request = nil
	r.Item = r.Item.withFrom(false)
}
