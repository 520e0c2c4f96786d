package router

import (
	"protokoll/accounts"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Announcement is what the server tells people by itself. It is not stored for who is away.
type Announcement struct{ Subject, Body string }

// announceTurn is how many resources get an announcement before they are flushed.
const announceTurn = 64

// Announce sends an announcement to every available resource of a priority that is not negative, and returns how many that
// were. XEP-0133 §4.23
func (r *Router) Announce(domain string, n Announcement) (resources int) {
	t := stream.NewTurn()
	defer func() { t.End() }()
	for _, a := range r.inMemory() {
		s := a.snap.Load()
		for i := range s.views {
			v := &s.views[i]
			if !v.available || v.priority < 0 || !v.Outlet.Deliver(t, n.parcel(domain, v.full)) {
				continue
			}
			if resources++; resources%announceTurn == 0 {
				t.End()
				t = stream.NewTurn()
			}
		}
	}
	return resources
}

// Daily sets what every client is told when it comes online; nil: nothing. XEP-0133 §4.24
func (r *Router) Daily(domain string, n *Announcement) { r.daily.Store(&daily{domain, n}) }

type daily struct {
	domain string
	*Announcement
}

// greet tells a client that has come online what all are told.
func (r *Router) greet(res *Resource, t *stream.Turn) {
	if d := r.daily.Load(); d != nil && d.Announcement != nil {
		res.Outlet.Deliver(t, d.parcel(d.domain, res.full))
	}
}

// parcel is the message to one resource. RFC 6121 §5.2.2: headline
func (n *Announcement) parcel(domain, full string) Parcel {
	var inner []byte
	for _, e := range [][2]string{{"subject", n.Subject}, {"body", n.Body}} {
		if e[1] != "" {
			inner = frame.AppendEscaped(append(append(append(inner, '<'), e[0]...), '>'), e[1])
			inner = append(append(append(inner, "</"...), e[0]...), '>')
		}
	}
	tag := frame.Tag{Name: "message", From: domain, To: full, Type: "headline"}
	return Parcel{Head: tag.AppendTo(nil, inner), Kept: true}
}

// Online counts the accounts with an available resource, and their bound resources.
func (r *Router) Online() (people, resources int) {
	for _, a := range r.inMemory() {
		s := a.snap.Load()
		resources += len(s.views)
		if s.presenceOf() != Away {
			people++
		}
	}
	return people, resources
}

// inMemory are the accounts that are in memory now.
func (r *Router) inMemory() (all []*Account) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.RLock()
		for _, a := range s.accounts {
			all = append(all, a)
		}
		s.mu.RUnlock()
	}
	return all
}

// Expel ends the sessions of an account and returns how many there were. They cannot be resumed.
func (r *Router) Expel(who accounts.Account) (sessions int) {
	a := r.hold(who)
	sessions = len(a.resources)
	a.mu.Unlock()
	a.expel(errReset)
	return sessions
}
