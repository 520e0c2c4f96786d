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

// Letter is a message that had been sent to a session before the restart.
type Letter struct {
	Stanza []byte // as it is delivered again
	Entity schemas.EntityID
	Duty   *Duty // held by the session already
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
	res := make(fact)
	if res.Outlet.Acks() { // it gets what others send: not those whom the owner blocks
		if err := errorsOf(a.loadBlocks, a.loadPush); err != nil {
			return err
		}
	}
	a.readmit(res, fact)
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
		carbons: fact.GetCarbons(), interested: fact.GetRosterInterest(), blockList: fact.GetBlocklistInterest(), list: fact.GetActiveList()}
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
	res.Account, res.Name, res.full, res.pending = a, name, a.bare+"/"+name, &pending{most: maxPending}
	res.fromHead = append(appendEscaped([]byte("<presence from='"), res.full), '\'')
	res.toFull = append(appendEscaped([]byte(" to='"), res.full), '\'')
}

// Claim returns those of the letters named that still wait, in their order; they are the session's again.
func (r *Router) Claim(res *Resource, entities map[schemas.EntityID]bool) ([]Letter, error) {
	a := res.Account
	a.mu.Lock()
	defer a.mu.Unlock()
	found, err := a.find(entities)
	if err != nil {
		return nil, err
	}
	var claimed []Letter
	for _, l := range found {
		d := &Duty{account: a, stanza: l.message.GetStanza(), received: l.message.GetReceived(), state: stored, letter: l, relieved: true}
		d.Hold(res.Outlet)
		l.duty = d
		claimed = append(claimed, Letter{a.delayed(d.stanza, d.received), l.entity, d})
	}
	return claimed, nil
}

// find returns those of the letters named that wait and that no client has. The caller holds the lock.
func (a *Account) find(entities map[schemas.EntityID]bool) (found []*letter, err error) {
	if err := errorsOf(a.loadBox, a.openLetters); err != nil {
		return nil, err
	}
	for _, l := range a.box.letters {
		if entities[l.entity] && l.duty == nil && l.message != nil {
			found = append(found, l)
		}
	}
	return found, nil
}

// End ends letters that a client had taken over before the restart, and calls ended when that is on disk.
func (r *Router) End(owner schemas.OwnerID, entities map[schemas.EntityID]bool, ended func()) error {
	who, err := r.Accounts.ByOwner(owner)
	if errors.Is(err, accounts.ErrNoAccount) {
		ended()
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the owner of a message: %w", err)
	}
	a := r.peekString(who.Address())
	if a == nil {
		a = r.keep(who)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	found, err := a.find(entities)
	if err != nil {
		return err
	}
	if rc := a.endLetters(found); rc != nil {
		a.r.known(rc, func(error) { ended() })
	} else {
		ended()
	}
	return nil
}
