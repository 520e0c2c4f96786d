package router

import (
	"protokoll/accounts"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Say has a server, or a service, send a message to one of our accounts: it goes to the clients there, or waits. inner is what
// stands in the message. Whoever is blocked does not get through: a person may block the server's address too. It returns
// accounts.ErrNoAccount for who has no account. It takes account locks.
func (r *Router) Say(from, to string, inner []byte) error {
	tag := frame.Tag{Name: "message", From: from, To: to, ID: pushID(), Type: "normal"}
	f, err := frame.Parse(tag.AppendTo(nil, inner), frame.NSClient, storedLimits)
	if err != nil {
		return err
	}
	m := mail{from: &Resource{Outlet: voice{}, full: from}, to: split([]byte(to)), kind: Normal}
	a, err := r.Find(m.to)
	if isUnopened(err) {
		return accounts.ErrNoAccount
	}
	if err != nil {
		return err
	}
	t := stream.NewTurn()
	defer t.End()
	r.deliver(a, &m, &f, t)
	return nil
}

// voice is the way out to who is no client: nothing is sent back, and nothing waits for an acknowledgement.
type voice struct{ Outlet }

// Deliver implements Outlet.
func (voice) Deliver(*stream.Turn, Parcel) bool { return false }

// Pledge implements Outlet.
func (voice) Pledge() *Pledge { return nil }
