package router

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"protokoll/eventlog"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
	"protokoll/xmpp/stream"
)

// Notifications to sleeping clients, XEP-0357 version 0.4.1. The client that registered a service is not notified while it is
// connected and takes what it is sent; its session says when it does not (Wake). When the session is over, each message that
// has come to be stored or archived notifies. While a service has not answered, the next notification waits, and is one however
// many messages it is for.

// maxPushFailures is how many notifications in a row may fail for a reason that may pass. XEP-0357 §7.1
const maxPushFailures = 16

// target is one registration.
type target struct {
	account *Account
	fact    *schemas.PushEnabled

	mu       sync.Mutex
	flying   bool // a notification is not answered
	again    bool // one more follows it
	failures int  // in a row
}

// loadPush reads the registrations. The caller holds the lock, and publishes.
func (a *Account) loadPush() error {
	if a.pushLoaded {
		return nil
	}
	facts, err := a.all(schemas.Family_PUSH_FACTS)
	if err != nil {
		return err
	}
	var all []*target
	for _, m := range facts {
		fact := m.(*schemas.PushEnabled)
		i := slices.IndexFunc(a.targets, func(p *target) bool { return p.is(fact) })
		if i >= 0 {
			all = append(all, a.targets[i]) // what is on its way stays so
		} else {
			all = append(all, &target{account: a, fact: fact})
		}
	}
	a.targets, a.pushLoaded = all, true
	return nil
}

// is tells whether a fact is that of the registration.
func (p *target) is(fact *schemas.PushEnabled) bool {
	return p.fact.GetService() == fact.GetService() && p.fact.GetNode() == fact.GetNode() && p.fact.GetEnabled() == fact.GetEnabled()
}

func (p *target) of(res *Resource) bool { return bytes.Equal(p.fact.GetSessionId(), res.ID[:]) }

// Notified tells whether a registration belongs to the client.
func (res *Resource) Notified() bool {
	return slices.ContainsFunc(res.Account.snap.Load().targets, func(p *target) bool { return p.of(res) })
}

// Wake notifies the services that a client registered, because it does not take what it is sent. It may be called with the
// session's lock held.
func (r *Router) Wake(res *Resource) {
	for _, p := range res.Account.snap.Load().targets {
		if p.of(res) {
			p.wake()
		}
	}
}

// wakeAbsent notifies for clients whose sessions are over.
func (s *snapshot) wakeAbsent() {
	for _, p := range s.targets {
		if !slices.ContainsFunc(s.views, func(v view) bool { return p.of(v.Resource) }) {
			p.wake()
		}
	}
}

// wake sends a notification in a turn of its own, or one more after the one that is on its way.
func (p *target) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.flying {
		p.again = true
		return
	}
	p.flying = true
	p.account.r.Later(p.send)
}

// send publishes to the service in the name of the account's domain. XEP-0357 §7
func (p *target) send(t *stream.Turn) {
	_, domain, _ := cutAt(p.account.bare)
	p.account.r.Ask("set", domain, split([]byte(p.fact.GetService())), features.Notification(p.fact), p.answered, t)
}

// answered goes on after a notification.
func (p *target) answered(_ *frame.Frame, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying = false
	switch {
	case err == nil:
		p.failures = 0
	case errors.Is(err, ErrNotOurs), errors.Is(err, ErrBusy): // no fault of the service
	default:
		p.failures++
		if !mayPass(err) || p.failures >= maxPushFailures {
			p.account.r.work(p.end)
			return
		}
	}
	if p.again {
		p.again, p.flying = false, true
		p.account.r.Later(p.send)
	}
}

// mayPass tells whether the service may take the next notification although it did not take this one. XEP-0357 §7.1
func mayPass(err error) bool {
	var e *features.Error
	if !errors.As(err, &e) || e.Type == "wait" {
		return true
	}
	switch e.Condition {
	case "service-unavailable", "recipient-unavailable", "remote-server-timeout", "internal-server-error":
		return true
	}
	return false
}

// end ends a registration whose service refuses, unless it was renewed meanwhile.
func (p *target) end() {
	a, err := p.account.r.Find(split([]byte(p.account.bare))) // it may have been out of memory meanwhile
	if err != nil {
		return // it is being erased
	}
	entity := features.PushEntity(p.fact.GetService(), p.fact.GetNode())
	rc, err := a.Change(schemas.Cause_SERVER, func(f features.Facts) ([]eventlog.Fact, error) {
		m, err := f.Get(schemas.Family_PUSH_FACTS, entity)
		if now, ok := m.(*schemas.PushEnabled); err != nil || !ok || !p.is(now) {
			return nil, err
		}
		return []eventlog.Fact{eventlog.End(schemas.Family_PUSH_FACTS, entity)}, nil
	})
	if err != nil {
		a.r.Logger.Warn("registration for notifications not ended", slog.Any("error", err))
	} else if rc != nil {
		a.r.Logger.Info("registration for notifications ended: its service refuses")
	}
}
