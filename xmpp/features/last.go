package features

import (
	"strconv"
	"time"

	"protokoll/xmpp/frame"
)

// Last Activity, XEP-0012 version 2.0: how long the server runs, and when a person was last here, for those who may see
// their presence. Not here: the idle time of a resource, which its client answers.
const NSLast = "jabber:iq:last"

func (r *Registry) registerLast(clock func() time.Time, started time.Time) {
	r.Handle(Get, Server, NSLast, "query", func(*Request) (Reply, error) {
		return Reply{Payload: lastElement(clock().Sub(started), "")}, nil // XEP-0012 §5
	})
	person := func(req *Request) (Reply, error) { return lastOfPerson(req, clock()) }
	r.Handle(Get, Self, NSLast, "query", person)
	r.Handle(Get, Contact, NSLast, "query", person)
}

func lastOfPerson(req *Request, now time.Time) (Reply, error) {
	account := req.visible()
	if account == nil {
		return Reply{}, Forbidden() // XEP-0012 §3, and the same for who does not exist
	}
	seen, err := account.LastSeen()
	switch {
	case err != nil:
		return Reply{}, err
	case seen.Online:
		return Reply{Payload: lastElement(0, "")}, nil // XEP-0012 §3
	case seen.At.IsZero():
		return Reply{}, ItemNotFound()
	}
	return Reply{Payload: lastElement(now.Sub(seen.At), seen.Status)}, nil
}

// lastElement counts whole seconds, never below zero: a clock may have been set back.
func lastElement(d time.Duration, status string) []byte {
	b := append([]byte(nil), "<query xmlns='"+NSLast+"' seconds='"...)
	b = append(strconv.AppendInt(b, max(0, int64(d/time.Second)), 10), '\'')
	if status == "" {
		return append(b, "/>"...)
	}
	return append(frame.AppendEscaped(append(b, '>'), status), "</query>"...)
}
