package roster

// set follows RFC 6121 §2.3.2 and §2.4.2: name and groups are the client's, everything else is the server's.
func set(r *Result, ev Event) {
	r.Item.Name, r.Item.Groups, r.Item.Listed = ev.Name, ev.Groups, true
}

// remove follows RFC 6121 §2.5.2: what binds the two is cancelled in both directions, a waiting request is denied.
func remove(r *Result) {
	if r.Item.SubscribedTo() || r.Item.Ask {
		r.Send = append(r.Send, Unsubscribe)
	}
	if r.Item.SubscribedFrom() || r.Item.PendingIn() {
		r.Send = append(r.Send, Unsubscribed)
	}
	r.SendUnavailable = r.Item.SubscribedFrom()
	r.Item = Item{Contact: r.Item.Contact}
}
