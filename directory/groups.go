package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Defaults of GroupSearch, and what one search for groups may bring. Beyond the limits it fails: half a group would look as if
// people had left it.
const (
	DefaultGroupFilter     = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=group)(objectClass=posixGroup))"
	DefaultMemberAttribute = "member"
	DefaultGroupName       = "cn"

	MaxGroups       = 500    // of one search
	MaxGroupMembers = 20_000 // of one group
	maxMemberships  = 100_000
	maxRanges       = 1_000 // pieces of one ranged attribute
	// walkFrom is from how many people on the whole directory is read instead of asking for each.
	walkFrom = 200
	// askedAtOnce is how many people one search names who are known by a value instead of a DN.
	askedAtOnce = 100
)

// ErrGroupTooLarge is returned when a search for groups finds more groups or members than are taken.
var ErrGroupTooLarge = errors.New("more groups or members than are taken")

// GroupSearch says where groups are and who is in them.
type GroupSearch struct {
	BaseDN string
	Filter string // empty: DefaultGroupFilter
	// MemberAttribute holds the members: DNs, or values of the attribute MemberKey of people.
	MemberAttribute, MemberKey string
	NameAttribute              string // what the group is called
}

// Group is a group of people who have addresses here.
type Group struct {
	DN, Name string
	Members  []Entry // in no order, each once; who is locked or has no clear address is left out
}

// Format prints nothing of a group.
func (Group) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[group]") }

// LogValue prints nothing of a group.
func (Group) LogValue() slog.Value { return slog.StringValue("[group]") }

func (g *GroupSearch) setDefaults() {
	orString(&g.Filter, DefaultGroupFilter)
	orString(&g.MemberAttribute, DefaultMemberAttribute)
	orString(&g.NameAttribute, DefaultGroupName)
}

// Check returns what is wrong with a search, every fault at once.
func (g GroupSearch) Check() error {
	g.setDefaults()
	var faults []error
	if badDN(g.BaseDN) || g.BaseDN == "" {
		faults = append(faults, errors.New("the base is no valid DN"))
	}
	if _, err := ldap.CompileFilter(g.Filter); err != nil {
		faults = append(faults, errors.New("the filter is no valid LDAP filter"))
	}
	for _, a := range []string{g.MemberAttribute, g.NameAttribute} {
		if !attributeName(a) {
			faults = append(faults, fmt.Errorf("%q is no attribute name", a))
		}
	}
	if g.MemberKey != "" && !attributeName(g.MemberKey) {
		faults = append(faults, fmt.Errorf("%q is no attribute name", g.MemberKey))
	}
	return errors.Join(faults...)
}

// Groups finds groups and who is in them. Members that are not people of this directory, groups in groups among them, are left
// out. It uses one connection of its own. Errors: ErrUnavailable, ErrSizeLimit, ErrGroupTooLarge, ErrClosed.
func (l *LDAP) Groups(ctx context.Context, g GroupSearch) ([]Group, error) {
	g.setDefaults()
	if l.search.isClosed() {
		return nil, ErrClosed
	}
	c, reason, err := l.search.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil {
		l.health.down(reason)
		return nil, unavailable(reason)
	}
	defer c.close()
	found, err := l.groupEntries(ctx, c, g)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	total := 0
	for _, f := range found {
		total += len(f.members)
		if len(f.members) > MaxGroupMembers || total > maxMemberships {
			return nil, ErrGroupTooLarge
		}
		for _, m := range f.members {
			wanted[m] = true
		}
	}
	people, err := l.membersOf(ctx, c, g, wanted)
	if err != nil {
		return nil, err
	}
	groups := make([]Group, 0, len(found))
	for _, f := range found {
		groups = append(groups, f.group(people))
	}
	return groups, nil
}

// groupEntry is a group as the directory has it.
type groupEntry struct {
	dn, name string
	members  []string // keys of people
}

func (f groupEntry) group(people map[string]Entry) Group {
	g := Group{DN: f.dn, Name: f.name}
	seen := map[string]bool{}
	for _, m := range f.members {
		if p, ok := people[m]; ok && !seen[p.ID] {
			seen[p.ID] = true
			g.Members = append(g.Members, p)
		}
	}
	return g
}

// groupEntries reads the groups page by page, and the rest of members that come in pieces.
func (l *LDAP) groupEntries(ctx context.Context, c *conn, g GroupSearch) (found []groupEntry, err error) {
	req := l.searchRequest(g.Filter, 0)
	req.BaseDN = g.BaseDN
	err = l.pagesOf(ctx, c, req, []string{g.NameAttribute, g.MemberAttribute}, func(es []*ldap.Entry) error {
		for _, e := range es {
			if len(found) >= MaxGroups {
				return ErrGroupTooLarge
			}
			values, next := g.members(e)
			if next > 0 {
				found = append(found, groupEntry{dn: e.DN, name: textOf(e, g.NameAttribute), members: append([]string{rangeMark(next)}, values...)})
				continue
			}
			found = append(found, groupEntry{dn: e.DN, name: textOf(e, g.NameAttribute), members: values})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range found {
		if err := l.readRest(ctx, c, g, &found[i]); err != nil {
			return nil, err
		}
	}
	for i := range found {
		for n, m := range found[i].members {
			found[i].members[n] = g.key(m)
		}
	}
	return found, nil
}

// rangeMark stands before members of whom there are more. No DN and no value begins so.
func rangeMark(next int) string { return "\x00" + strconv.Itoa(next) }

func marked(members []string) (next int, rest []string) {
	if len(members) > 0 && strings.HasPrefix(members[0], "\x00") {
		next, _ = strconv.Atoi(members[0][1:])
		return next, members[1:]
	}
	return 0, members
}

// readRest reads members piece by piece: Active Directory gives 1,500 values at once. MS-ADTS §3.1.1.3.1.3.3
func (l *LDAP) readRest(ctx context.Context, c *conn, g GroupSearch, f *groupEntry) error {
	next, members := marked(f.members)
	f.members = members
	for range maxRanges {
		if next == 0 {
			return nil
		}
		if len(f.members) > MaxGroupMembers {
			return ErrGroupTooLarge
		}
		req := l.searchRequest("(objectClass=*)", 1)
		req.BaseDN, req.Scope = f.dn, ldap.ScopeBaseObject
		req.Attributes = []string{g.MemberAttribute + ";range=" + strconv.Itoa(next) + "-*"}
		answer, err := l.page(ctx, c, req)
		if err != nil {
			return err
		}
		if len(answer.Entries) != 1 {
			return unavailable(ldap.LDAPResultNoSuchObject) // deleted meanwhile: the next time tells
		}
		values, after := g.members(answer.Entries[0])
		if after != 0 && after <= next {
			return unavailable(ldap.LDAPResultOther) // a server that goes round in circles
		}
		f.members = append(f.members, values...)
		next = after
	}
	return ErrGroupTooLarge
}

// members are the values of the member attribute, and at which number the next piece begins; 0: there is none.
func (g *GroupSearch) members(e *ldap.Entry) (values []string, next int) {
	for _, a := range e.Attributes {
		name, options, _ := strings.Cut(a.Name, ";")
		if !strings.EqualFold(name, g.MemberAttribute) {
			continue
		}
		values = append(values, a.Values...)
		bounds, ranged := strings.CutPrefix(strings.ToLower(options), "range=")
		if _, last, ok := strings.Cut(bounds, "-"); ranged && ok && last != "*" {
			if n, err := strconv.Atoi(last); err == nil && n >= 0 && n < MaxGroupMembers*2 {
				next = n + 1
			}
		}
	}
	return values, next
}

// key makes what a member is compared by: DNs are spelt in more than one way.
func (g *GroupSearch) key(member string) string {
	if g.MemberKey != "" {
		return strings.ToLower(member)
	}
	return dnKey(member)
}

func dnKey(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return "\x00" // of nobody
	}
	return strings.ToLower(parsed.String())
}

// membersOf finds people by their keys: a few one by one, many by reading everybody.
func (l *LDAP) membersOf(ctx context.Context, c *conn, g GroupSearch, wanted map[string]bool) (map[string]Entry, error) {
	people := &memberPeople{l: l, g: g, wanted: wanted, found: map[string]Entry{}, holders: map[string]string{}}
	var err error
	switch {
	case len(wanted) == 0:
	case len(wanted) > walkFrom:
		req := l.searchRequest(l.cfg.Filter, 0)
		err = l.pagesOf(ctx, c, req, people.attributes(), people.take)
	case g.MemberKey != "":
		err = people.byValue(ctx, c)
	default:
		err = people.byDN(ctx, c)
	}
	return people.found, err
}

// memberPeople gathers people.
type memberPeople struct {
	l       *LDAP
	g       GroupSearch
	wanted  map[string]bool
	found   map[string]Entry
	holders map[string]string // by localpart: the key of who has it
}

func (p *memberPeople) attributes() []string {
	names := p.l.cfg.attributes()
	if p.g.MemberKey != "" {
		names = append(names, p.g.MemberKey)
	}
	return names
}

// take keeps those who are wanted and have a clear address. Of two with one address neither is shown: nobody can tell who is meant.
func (p *memberPeople) take(es []*ldap.Entry) error {
	for _, e := range es {
		keys := []string{dnKey(e.DN)}
		if p.g.MemberKey != "" {
			keys = e.GetEqualFoldAttributeValues(p.g.MemberKey)
		}
		one := p.l.cfg.person(e)
		entry, err := one.entry(p.l.cfg.Mapping)
		if err != nil || entry.Locked {
			continue
		}
		entry.Name = textOf(e, p.l.cfg.NameAttribute)
		for _, key := range keys {
			if key = p.g.key(key); !p.wanted[key] {
				continue
			}
			if other, taken := p.holders[entry.Localpart]; taken && p.found[other].ID != entry.ID {
				delete(p.found, other)
				continue
			}
			p.holders[entry.Localpart], p.found[key] = key, entry
		}
	}
	return nil
}

func (p *memberPeople) byDN(ctx context.Context, c *conn) error {
	for dn := range p.wanted {
		if dn == "\x00" {
			continue
		}
		req := p.l.searchRequest(p.l.cfg.Filter, 1)
		req.BaseDN, req.Scope, req.Attributes = dn, ldap.ScopeBaseObject, p.attributes()
		answer, err := p.l.page(ctx, c, req)
		if gone := (noObject{}); errors.As(err, &gone) {
			continue
		}
		if err != nil {
			return err
		}
		if err := p.take(answer.Entries); err != nil {
			return err
		}
	}
	return nil
}

func (p *memberPeople) byValue(ctx context.Context, c *conn) error {
	var values []string
	for v := range p.wanted {
		values = append(values, v)
	}
	for some := range slices.Chunk(values, askedAtOnce) {
		var b strings.Builder
		b.WriteString("(&" + p.l.cfg.Filter + "(|")
		for _, v := range some {
			b.WriteString("(" + p.g.MemberKey + "=" + ldap.EscapeFilter(v) + ")")
		}
		b.WriteString("))")
		if err := p.l.pagesOf(ctx, c, p.l.searchRequest(b.String(), 0), p.attributes(), p.take); err != nil {
			return err
		}
	}
	return nil
}
