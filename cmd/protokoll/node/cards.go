package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"protokoll/accounts"
	"protokoll/config"
	"protokoll/directory"
	"protokoll/xmpp/profile"
	"protokoll/xmpp/router"
)

// VCard says what of a directory is shown of people who have no vCard.
type VCard struct {
	Attributes directory.Attributes
	Life       time.Duration // how long it is shown before the directory is asked again
}

// VCardOf takes it from the settings; nil for none.
func VCardOf(c *config.VCard) *VCard {
	if c == nil {
		return nil
	}
	return &VCard{Life: c.Refresh, Attributes: directory.Attributes{
		Name: c.Name, Mail: c.Mail, Given: c.GivenName, Family: c.FamilyName, Phone: c.Phone, Organisation: c.Organisation, Unit: c.Unit,
		Title: c.Title, Photo: c.Photo,
	}}
}

// directoryCards asks the directories of the domains. It implements profile.Source.
type directoryCards struct {
	accounts *accounts.Registry
	domains  map[string]Domain // those that show something
}

// newCards returns what remembers the directories' answers; nil if nothing of any is shown.
func (n *Node) newCards() *profile.Cards {
	s := directoryCards{accounts: n.Accounts, domains: map[string]Domain{}}
	for _, d := range n.cfg.Domains {
		if d.Directory != nil && d.VCard != nil {
			s.domains[d.Domain] = d
		}
	}
	if len(s.domains) == 0 {
		return nil
	}
	cards := profile.NewCards(s, n.clock, n.cfg.Logger)
	cards.Changed = func(bare string) { n.Router.ShownAnew(bare) }
	return cards
}

// elsewhere is nil, and no interface around nil, if nothing is shown.
func (n *Node) elsewhere() router.Elsewhere {
	if n.cards == nil {
		return nil
	}
	return n.cards
}

// Life implements profile.Source.
func (s directoryCards) Life(bare string) time.Duration {
	domain, _ := parts(bare)
	if d, ok := s.domains[domain]; ok {
		return d.VCard.Life
	}
	return 0
}

// Card implements profile.Source. The entry must be the one whose account it is: a namesake's card is not shown. DESIGN §10
func (s directoryCards) Card(ctx context.Context, bare string) (*profile.Card, error) {
	domain, localpart := parts(bare)
	d, ok := s.domains[domain]
	if !ok {
		return nil, nil
	}
	a, err := s.accounts.Find(domain, localpart)
	switch {
	case errors.Is(err, accounts.ErrNoAccount) || err == nil && (a.Local() || !a.Closing.IsZero()):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find an account: %w", err)
	}
	p, err := d.Directory.Profile(ctx, localpart, d.VCard.Attributes)
	switch {
	case errors.Is(err, directory.ErrUnavailable), errors.Is(err, directory.ErrClosed):
		return nil, err
	case err != nil || p.ID != a.DirectoryID:
		return nil, nil //nolint:nilerror // nobody, or not clearly one: nothing is shown
	}
	return &profile.Card{
		Name: p.Name, Given: p.Given, Family: p.Family, Mail: p.Mail, Phone: p.Phone, Organisation: p.Organisation, Unit: p.Unit,
		Title: p.Title, Photo: p.Photo,
	}, nil
}

// shownAnew lets what is shown of somebody follow their objections and their erasure.
func (s *Store) shownAnew(bare string) {
	if s.shown != nil {
		s.shown(bare)
	}
}

// followRights says what follows in a server that runs.
func (n *Node) followRights() {
	n.shown = func(bare string) {
		n.cards.Forget(bare)
		n.Router.ShownAnew(bare)
		n.groups.recheck(bare)
	}
}
