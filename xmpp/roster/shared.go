package roster

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"protokoll/schemas"
)

// Member is somebody in a shared group.
type Member struct {
	Address string // bare JID
	Name    string // to be shown; empty: clients show the address
}

// Group is a group of people who have each other in their rosters without having asked: the directory says so.
type Group struct {
	ID      string   // stands for the group in VisibleTo; not shown
	Name    string   // as rosters show it
	Members []Member // in any order, each once
	// VisibleTo names groups whose members see those of this group, and are not seen by them because of it.
	VisibleTo []string
}

// Shared is what all rosters have in common: items that nobody made and nobody can take out. It is immutable and holds each group
// once, whoever sees it: an owner's items are made when they are asked for. nil has no groups.
type Shared struct {
	groups []sharedGroup
	people map[string]*sharedPerson
}

type sharedGroup struct {
	name     string
	label    []string // name alone, shared by all items
	members  []*sharedPerson
	shows    []int // the groups whose members this group's members see
	audience []int // the groups whose members see this group's
	seen     Version
	watched  Version // what the version of somebody holds who is in the group and seen by others
}

type sharedPerson struct {
	Member
	groups []int // in order
}

// NewShared makes it of groups. The key keeps versions from being made up, and stays the same over restarts. Of two names of a
// person the least counts, so that the order of the groups says nothing.
func NewShared(key []byte, groups []Group) *Shared {
	s := &Shared{people: map[string]*sharedPerson{}}
	at := map[string]int{}
	for i, g := range groups {
		at[g.ID] = i
		s.groups = append(s.groups, sharedGroup{name: g.Name, label: []string{g.Name}, shows: []int{i}, audience: []int{i}})
		s.join(i, g.Members)
	}
	for i, g := range groups {
		for _, id := range g.VisibleTo {
			if to, ok := at[id]; ok && !slices.Contains(s.groups[i].audience, to) {
				s.groups[i].audience = append(s.groups[i].audience, to)
				s.groups[to].shows = append(s.groups[to].shows, i)
			}
		}
	}
	for i := range s.groups {
		s.groups[i].digest(key)
	}
	return s
}

func (s *Shared) join(group int, members []Member) {
	g := &s.groups[group]
	for _, m := range members {
		p := s.people[m.Address]
		if p == nil {
			p = &sharedPerson{Member: m}
			s.people[m.Address] = p
		}
		if slices.Contains(p.groups, group) {
			continue
		}
		if p.Name == "" || m.Name != "" && m.Name < p.Name {
			p.Name = m.Name
		}
		p.groups = append(p.groups, group)
		g.members = append(g.members, p)
	}
}

// digest sums up what members of the group show. It does not depend on their order.
func (g *sharedGroup) digest(key []byte) {
	one := func(use string, parts ...string) Version {
		mac := hmac.New(sha256.New, key)
		for _, part := range append([]string{use, g.name}, parts...) {
			mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
			mac.Write([]byte(part))
		}
		sum := mac.Sum(nil)
		return Version{binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])}
	}
	for _, p := range g.members {
		g.seen = g.seen.add(one("seen", p.Address, p.Name))
		g.watched = g.watched.add(one("watched", p.Address))
	}
}

// Empty tells that there are no groups.
func (s *Shared) Empty() bool { return s == nil || len(s.groups) == 0 }

// Has tells whether somebody is in a group.
func (s *Shared) Has(bare string) bool { return s != nil && s.people[bare] != nil }

// Item returns what an owner has of a contact because of groups; not listed and without a subscription if nothing.
func (s *Shared) Item(owner, contact string) Item {
	i := Item{Contact: contact}
	if s == nil || owner == contact {
		return i
	}
	o, c := s.people[owner], s.people[contact]
	if o == nil || c == nil {
		return i
	}
	return s.item(o, c)
}

func (s *Shared) item(o, c *sharedPerson) Item {
	i := Item{Contact: c.Address}
	to, from := false, false
	for _, g := range c.groups {
		if s.sees(o, g) {
			to = true
			i.Groups = addLabel(i.Groups, s.groups[g].label)
		}
	}
	for _, g := range o.groups {
		from = from || s.sees(c, g)
	}
	i.Listed, i.Subscription = to, subscription(to, from)
	if to {
		i.Name = c.Name
	}
	return i
}

// sees tells whether somebody is in the audience of a group.
func (s *Shared) sees(p *sharedPerson, group int) bool {
	for _, g := range s.groups[group].audience {
		if slices.Contains(p.groups, g) {
			return true
		}
	}
	return false
}

// addLabel adds the name of a group; the first is not copied.
func addLabel(groups, label []string) []string {
	if len(groups) == 0 {
		return label
	}
	at, found := slices.BinarySearch(groups, label[0])
	if found {
		return groups
	}
	return slices.Insert(slices.Clone(groups), at, label[0])
}

// Each calls fn with every item that an owner has because of groups, each contact once: those who are seen, and unlisted ones for
// those who only see the owner.
func (s *Shared) Each(owner string, fn func(Item)) {
	if s == nil {
		return
	}
	o := s.people[owner]
	if o == nil {
		return
	}
	groups := s.around(o)
	var done map[*sharedPerson]bool
	if len(groups) > 1 {
		done = map[*sharedPerson]bool{}
	}
	for _, g := range groups {
		for _, c := range s.groups[g].members {
			if c == o || done[c] {
				continue
			}
			if done != nil {
				done[c] = true
			}
			fn(s.item(o, c))
		}
	}
}

// around lists the groups whose members somebody sees or is seen by.
func (s *Shared) around(o *sharedPerson) (groups []int) {
	for _, g := range o.groups {
		for _, all := range [][]int{s.groups[g].shows, s.groups[g].audience} {
			for _, other := range all {
				if !slices.Contains(groups, other) {
					groups = append(groups, other)
				}
			}
		}
	}
	return groups
}

// Version is what the version of an owner's roster holds because of groups. RFC 6121 §2.6.1
func (s *Shared) Version(owner string) (v Version) {
	if s == nil || s.people[owner] == nil {
		return v
	}
	var shown, watching []int
	for _, g := range s.people[owner].groups {
		shown, watching = union(shown, s.groups[g].shows), union(watching, s.groups[g].audience)
	}
	for _, g := range shown {
		v = v.add(s.groups[g].seen)
	}
	for _, g := range watching {
		v = v.add(s.groups[g].watched)
	}
	return v
}

func union(a, b []int) []int {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// Plus is the version of both together.
func (v Version) Plus(w Version) Version { return v.add(w) }

// Merge returns what an owner's clients see of a contact: what the owner has made, and what groups make of it. The owner's name for
// the contact counts; the groups of both do; and what either lets see is seen.
func Merge(own, shared Item) Item {
	if !shared.Listed && shared.Subscription == schemas.Subscription_NONE {
		return own
	}
	m := own
	m.Contact = shared.Contact
	m.Subscription = subscription(own.SubscribedTo() || shared.SubscribedTo(), own.SubscribedFrom() || shared.SubscribedFrom())
	m.Ask = own.Ask && !m.SubscribedTo()
	m.Approved = own.Approved && !m.SubscribedFrom()
	if m.SubscribedFrom() {
		m.Request = nil
	}
	if !shared.Listed {
		return m
	}
	m.Listed = true
	if m.Name == "" {
		m.Name = shared.Name
	}
	m.Groups = shared.Groups
	for _, g := range own.Groups {
		m.Groups = addLabel(m.Groups, []string{g})
	}
	return m
}

// Own takes out of what a client says of a contact what groups say already. It returns false if nothing is left to be stored: a
// client that did not know better says it again.
func Own(ev Event, shared Item) (Event, bool) {
	groups := slices.DeleteFunc(slices.Clone(ev.Groups), func(g string) bool { return slices.Contains(shared.Groups, g) })
	said := ev.Name != "" && ev.Name != shared.Name || len(groups) > 0
	if ev.Name == shared.Name {
		ev.Name = ""
	}
	if len(groups) == 0 {
		groups = nil
	}
	ev.Groups = groups
	return ev, said
}
