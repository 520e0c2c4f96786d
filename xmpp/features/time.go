package features

import "time"

// Entity Time, XEP-0202 version 2.0: the time at the server.
const NSTime = "urn:xmpp:time"

func (r *Registry) registerTime(clock func() time.Time) {
	r.Handle(Get, Server, NSTime, "time", func(*Request) (Reply, error) {
		now := clock()
		b := append([]byte(nil), "<time xmlns='"+NSTime+"'><tzo>"...)
		b = append(now.AppendFormat(b, "-07:00"), "</tzo><utc>"...) // XEP-0202 §2
		b = append(now.UTC().AppendFormat(b, stampFormat), "</utc></time>"...)
		return Reply{Payload: b}, nil
	})
}
