package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"protokoll/accounts"
	"protokoll/directory"
	"protokoll/eventlog"
	"protokoll/projections/state"
	"protokoll/schemas"
	"protokoll/xmpp/profile"
	"protokoll/xmpp/router"
)

// Who may be found by the search in a domain.
const (
	SearchOff    = "off"
	SearchOptIn  = "opt-in"  // who allowed it
	SearchOptOut = "opt-out" // who did not object
)

// people finds those who may be found: of local accounts by their vCards, of whom an index is held in memory (about 200 bytes each),
// of directory accounts by asking the directory. Whether somebody may be found is looked up for each answer anew.
type people struct {
	node    *Node
	domains map[string]Domain

	mu    sync.Mutex
	built bool
	index map[string]profile.Person // of local accounts by bare JID
	dirty map[string]bool           // whose vCard changed since
}

// search returns what answers searches; nil if they are off everywhere.
func (n *Node) newPeople() *people {
	p := &people{node: n, domains: map[string]Domain{}, index: map[string]profile.Person{}, dirty: map[string]bool{}}
	for _, d := range n.cfg.Domains {
		if d.Search != "" && d.Search != SearchOff {
			p.domains[d.Domain] = d
		}
	}
	if len(p.domains) == 0 {
		return nil
	}
	return p
}

// changed notes that a vCard is another one.
func (p *people) changed(bare string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.built {
		p.dirty[bare] = true
	}
}

// Find implements profile.People.
func (p *people) Find(ctx context.Context, q profile.Query, limit int) (found []profile.Person, err error) {
	local, err := p.local(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, person := range local {
		if found, err = p.admit(found, person, ""); err != nil || len(found) >= limit {
			return found, err
		}
	}
	for _, name := range sortedDomains(p.domains) {
		d := p.domains[name]
		if d.Directory == nil {
			continue
		}
		entries, err := d.Directory.Find(ctx, q.Words, q.Mail)
		if errors.Is(err, directory.ErrUnavailable) {
			continue // the others are found
		}
		if err != nil {
			return nil, fmt.Errorf("search the directory: %w", err)
		}
		for _, e := range entries {
			person := profile.Person{Address: e.Localpart + "@" + name, Name: e.Name, Mail: e.Mail}
			if !q.Matches(person) {
				continue
			}
			if found, err = p.admit(found, person, e.ID); err != nil || len(found) >= limit {
				return found, err
			}
		}
	}
	return found, nil
}

func sortedDomains(m map[string]Domain) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// admit adds a person who has an account and may be found.
func (p *people) admit(found []profile.Person, person profile.Person, id string) ([]profile.Person, error) {
	local, domain, _ := strings.Cut(person.Address, "@")
	a, err := p.node.Accounts.Find(domain, local)
	if errors.Is(err, accounts.ErrNoAccount) || err == nil && a.DirectoryID != id {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find an account: %w", err)
	}
	ok, err := p.node.rights.MayBeFound(a, p.domains[domain].Search == SearchOptOut)
	if err != nil || !ok {
		return found, err
	}
	return append(found, person), nil
}

// local lists the local accounts that match.
func (p *people) local(ctx context.Context, q profile.Query) (found []profile.Person, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.built {
		if err := p.build(ctx); err != nil {
			return nil, err
		}
		p.built = true
	}
	for bare := range p.dirty {
		p.refresh(bare)
	}
	clear(p.dirty)
	for _, person := range p.index {
		if q.Matches(person) {
			found = append(found, person)
		}
	}
	slices.SortFunc(found, func(a, b profile.Person) int { return strings.Compare(a.Address, b.Address) })
	return found, nil
}

// build reads the vCards of all local accounts once: who has one is asked of the state when it has folded what was acknowledged. The
// caller holds the lock.
func (p *people) build(ctx context.Context) error {
	if err := p.node.State.Wait(ctx, eventlog.Position{Lane: eventlog.Lasting, Number: p.node.Log.Mark(eventlog.Lasting)}); err != nil {
		return err
	}
	var owners []schemas.OwnerID
	err := p.node.State.Each(schemas.Family_PROFILE_FACTS, func(f state.Fact) error {
		if f.Type == "profile.vcard" {
			owners = append(owners, f.Owner)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read vCards: %w", err)
	}
	for _, owner := range owners {
		a, err := p.node.Accounts.ByOwner(owner)
		if errors.Is(err, accounts.ErrNoAccount) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read vCards: %w", err)
		}
		if a.Local() {
			p.refresh(a.Address())
		}
	}
	return nil
}

// refresh reads one vCard, through the router: what was acknowledged is seen. The caller holds the lock.
func (p *people) refresh(bare string) {
	delete(p.index, bare)
	_, domain, _ := strings.Cut(bare, "@")
	if _, searched := p.domains[domain]; !searched {
		return
	}
	address, err := router.ParseAddress([]byte(bare))
	if err != nil {
		return
	}
	a, err := p.node.Router.Find(address)
	if err != nil {
		return
	}
	m, err := a.Get(schemas.Family_PROFILE_FACTS, "vcard")
	card, ok := m.(*schemas.VCard)
	if err != nil || !ok {
		if err != nil {
			p.node.cfg.Logger.Error("a vCard was not read for the search", slog.Any("error", err))
		}
		return
	}
	if name, mail := profile.NameIn(card.GetVcard()); name != "" || mail != "" {
		p.index[bare] = profile.Person{Address: bare, Name: name, Mail: mail}
	}
}
