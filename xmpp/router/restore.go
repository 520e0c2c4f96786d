package router

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"protokoll/accounts"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// After a restart: every session fact is a resource that somebody saw and that may come back. DESIGN §9

// Letter is a message that had been sent to a session before the restart, and under which number.
type Letter struct {
	Stanza   []byte // as it is delivered again
	Outbound uint32
	Duty     *Duty // held by the session already
}

// Restore calls make for every session fact; the resource that it returns, with an Outlet, becomes one of the account again,
// without a word to anybody. It is called once, before the first client is let in.
func (r *Router) Restore(make func(fact *schemas.SessionOpened) *Resource) error {
	for _, family := range []schemas.Family{schemas.Family_SESSION_FACTS, schemas.Family_PRESENCE_FACTS} {
		var facts []state.Fact
		err := r.State.Each(family, func(f state.Fact) error {
			facts = append(facts, f)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read sessions: %w", err)
		}
		for _, f := range facts {
			if err := r.restore(f, make); err != nil {
				return err
			}
		}
	}
	return nil
}

// restore makes a resource of a session, or of a presence that nobody has taken back.
func (r *Router) restore(f state.Fact, make func(*schemas.SessionOpened) *Resource) error {
	who, err := r.Accounts.ByOwner(f.Owner)
	if errors.Is(err, accounts.ErrNoAccount) {
		r.Logger.Warn("session of an unknown owner", slog.String("owner", f.Owner.String()))
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the owner of a session: %w", err)
	}
	a := r.peekString(who.Address())
	if a == nil {
		a = r.keep(who)
	}
	m, err := a.open(f)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var fact *schemas.SessionOpened
	switch m := m.(type) {
	case *schemas.SessionOpened:
		fact = m
	case *schemas.PresenceUpdated:
		if !m.GetAvailable() || a.named(m.GetResource()) != nil {
			return nil
		}
		fact = a.sessionShowing(m)
	default:
		return nil // when the owner was last here
	}
	a.readmit(make(fact), fact)
	return nil
}

// sessionShowing is a session of which nothing but its presence is known.
func (a *Account) sessionShowing(p *schemas.PresenceUpdated) *schemas.SessionOpened {
	b := append(appendEscaped([]byte("<presence from='"), a.bare+"/"+p.GetResource()), "'>"...)
	for _, e := range [][2]string{{"show", p.GetShow()}, {"status", p.GetStatus()}, {"priority", strconv.Itoa(int(p.GetPriority()))}} {
		if e[1] != "" {
			b = append(appendEscaped(append(b, "<"+e[0]+">"...), e[1]), "</"+e[0]+">"...)
		}
	}
	return &schemas.SessionOpened{Resource: p.GetResource(), Available: true, Priority: p.GetPriority(), Presence: append(b, "</presence>"...)}
}

// readmit makes a resource what its fact says. The caller holds the lock.
func (a *Account) readmit(res *Resource, fact *schemas.SessionOpened) {
	res.name(a, fact.GetResource())
	copy(res.ID[:], fact.GetSessionId())
	res.resumeHash, res.resumeFor, res.remembered = fact.GetResumeHash(), fact.GetResumeSeconds(), len(fact.GetSessionId()) > 0
	res.view = view{Resource: res, available: fact.GetAvailable(), priority: int8(fact.GetPriority()),
		carbons: fact.GetCarbons(), interested: fact.GetRosterInterest(), blockList: fact.GetBlocklistInterest()}
	if p := fact.GetPresence(); len(p) >= len(res.fromHead) {
		res.view.presence = Parcel{Head: p[:len(res.fromHead)], Tail: p[len(res.fromHead):], Kept: true, Lazy: true}
	} else {
		res.view.available = false
	}
	for _, to := range fact.GetDirected() {
		if res.directed == nil {
			res.directed = map[string]bool{}
		}
		res.directed[to] = true
	}
	a.resources = append(a.resources, res)
	a.publish()
}

// name gives a resource its addresses.
func (res *Resource) name(a *Account, name string) {
	res.Account, res.Name, res.full = a, name, a.bare+"/"+name
	res.fromHead = append(appendEscaped([]byte("<presence from='"), res.full), '\'')
}

// Claim returns the letters that a session had been sent before the restart, in their order; they are the session's again.
func (r *Router) Claim(res *Resource) ([]Letter, error) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.loadBox(); err != nil {
		return nil, err
	}
	if len(a.box.letters) == 0 {
		return nil, nil
	}
	if err := a.openLetters(); err != nil {
		return nil, err
	}
	var claimed []Letter
	for _, l := range a.box.letters {
		if l.message == nil || l.duty != nil || string(l.message.GetSessionId()) != string(res.ID[:]) {
			continue
		}
		d := &Duty{account: a, stanza: l.message.GetStanza(), received: l.message.GetReceived(), state: stored, letter: l, relieved: true}
		d.Hold(res.Outlet, res.ID, l.message.GetOutbound())
		l.duty = d
		claimed = append(claimed, Letter{a.delayed(d.stanza, d.received), l.message.GetOutbound(), d})
	}
	return claimed, nil
}
