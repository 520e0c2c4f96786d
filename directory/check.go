package directory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
)

// Report is what Check found. Everything in it is about people: it is for the
// operator’s screen and goes into no log.
type Report struct {
	People  int // entries that the filter selects
	Able    int // those who can sign in
	Locked  int // by an administrator
	Several int // people with more than one address, whether clear or not

	Collisions  []Collision
	Invalid     []BadAddress // inside the rules, but no valid localpart
	Foreign     []BadAddress // outside the rules
	NoPrimary   []Unclear    // several addresses that map differently
	WithoutMail []string     // ids of people without an address
	WithoutID   []string     // addresses of people without an id
	TwiceID     []string     // ids that several entries have
}

// Collision is one localpart that several people’s addresses map to. None of them
// can sign in with it.
type Collision struct {
	Localpart string
	Claims    []Claim
}

// Claim is one person’s address in a collision.
type Claim struct{ Mail, ID string }

// BadAddress is an address that gives no JID, and why.
type BadAddress struct{ Mail, Reason, ID string }

// Unclear is a person of whom it is not clear which address is the primary one.
type Unclear struct {
	Mails []string
	ID    string
}

// OK tells whether everybody who has an address, and is not locked, can sign in.
func (r Report) OK() bool {
	return len(r.Collisions)+len(r.Invalid)+len(r.NoPrimary)+len(r.WithoutID)+len(r.TwiceID) == 0
}

// Check walks over the whole directory and reports what does not fit a mapping,
// which may be another than the one in use: each collision, each address that
// gives no valid localpart, addresses outside the rules, people without a (clear)
// address. Errors as of Walk.
func Check(ctx context.Context, l *LDAP, m *Mapping, progress func(done, total int)) (Report, error) {
	c := newChecker(m)
	if err := l.walk(ctx, progress, func(p person) error { c.add(p); return nil }); err != nil {
		return Report{}, err
	}
	return c.report(), nil
}

// checker collects people; a collision shows only when all are there.
type checker struct {
	mapping *Mapping
	r       Report
	claims  map[string][]Claim // by localpart
	able    map[string]string  // localpart by id, of those who could sign in but for collisions
	ids     map[string]int
}

func newChecker(m *Mapping) *checker {
	return &checker{mapping: m, claims: map[string][]Claim{}, able: map[string]string{}, ids: map[string]int{}}
}

func (c *checker) add(p person) {
	c.r.People++
	if p.locked {
		c.r.Locked++
	}
	if len(p.all) > 1 {
		c.r.Several++
	}
	if p.id != "" {
		c.ids[p.id]++
	} else {
		c.r.WithoutID = append(c.r.WithoutID, cmp.Or(append(slices.Clone(p.mails), "(no address)")...))
	}
	c.addresses(p)
	_, local, err := p.primary(c.mapping)
	switch {
	case len(p.mails) == 0:
		c.r.WithoutMail = append(c.r.WithoutMail, p.id)
	case err != nil && c.several(p):
		c.r.NoPrimary = append(c.r.NoPrimary, Unclear{Mails: slices.Sorted(slices.Values(p.mails)), ID: p.id})
	case err == nil && p.id != "" && !p.locked:
		c.able[p.id] = local
	}
}

// addresses files each address of a person: a claim, or why it is none.
func (c *checker) addresses(p person) {
	claimed := map[string]bool{}
	for _, mail := range p.mails {
		local, err := c.mapping.Localpart(mail)
		switch {
		case errors.Is(err, ErrInvalidLocalpart), errors.Is(err, ErrNotMail):
			c.r.Invalid = append(c.r.Invalid, BadAddress{mail, err.Error(), p.id})
		case err != nil:
			c.r.Foreign = append(c.r.Foreign, BadAddress{mail, err.Error(), p.id})
		case !claimed[local]:
			claimed[local] = true
			c.claims[local] = append(c.claims[local], Claim{mail, p.id})
		}
	}
}

// several tells whether more than one address is inside the rules.
func (c *checker) several(p person) bool {
	inside := 0
	for _, mail := range p.mails {
		if _, err := c.mapping.Localpart(mail); !errors.Is(err, ErrForeignDomain) && !errors.Is(err, ErrNotMail) {
			inside++
		}
	}
	return inside > 1
}

func (c *checker) report() Report {
	for local, claims := range c.claims {
		if len(claims) > 1 {
			slices.SortFunc(claims, func(a, b Claim) int { return cmp.Or(cmp.Compare(a.Mail, b.Mail), cmp.Compare(a.ID, b.ID)) })
			c.r.Collisions = append(c.r.Collisions, Collision{local, claims})
		}
	}
	slices.SortFunc(c.r.Collisions, func(a, b Collision) int { return cmp.Compare(a.Localpart, b.Localpart) })
	for _, local := range c.able {
		if len(c.claims[local]) == 1 {
			c.r.Able++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.ids)) {
		if c.ids[id] > 1 {
			c.r.TwiceID = append(c.r.TwiceID, id)
		}
	}
	c.r.sort()
	return c.r
}

func (r *Report) sort() {
	byMail := func(a, b BadAddress) int { return cmp.Or(cmp.Compare(a.Mail, b.Mail), cmp.Compare(a.ID, b.ID)) }
	slices.SortFunc(r.Invalid, byMail)
	slices.SortFunc(r.Foreign, byMail)
	slices.SortFunc(r.NoPrimary, func(a, b Unclear) int {
		return cmp.Or(slices.Compare(a.Mails, b.Mails), cmp.Compare(a.ID, b.ID))
	})
	slices.Sort(r.WithoutMail)
	slices.Sort(r.WithoutID)
}
