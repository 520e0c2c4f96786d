package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"protokoll/accounts"
	"protokoll/config"
	"protokoll/directory"
	"protokoll/schemas"
	"protokoll/xmpp/roster"
)

// GroupSearch is where a directory has groups that are in the rosters of their members.
type GroupSearch struct {
	directory.GroupSearch
	Title     string   // what such groups are called; empty: as the directory calls each
	VisibleTo []string // names of groups whose members see these too
	Refresh   time.Duration
}

// GroupSearchOf takes it from the settings.
func GroupSearchOf(c config.Group) GroupSearch {
	return GroupSearch{Title: c.Title, VisibleTo: c.VisibleTo, Refresh: c.Refresh, GroupSearch: directory.GroupSearch{
		BaseDN: c.Base, Filter: c.Filter, MemberAttribute: c.Member, MemberKey: c.MemberKey, NameAttribute: c.Name,
	}}
}

const (
	// groupsTime bounds one reading of groups.
	groupsTime = 5 * time.Minute
	// groupsFloor is from how many members on a directory must say twice in a row that more than half of them left: an empty
	// answer is more often a mistake in the directory than the end of a faculty. DESIGN §10
	groupsFloor = 100
)

// sharedGroups keeps the rosters in step with the directories' groups.
type sharedGroups struct {
	node *Node
	stop context.CancelFunc
	run  sync.WaitGroup

	mu       sync.Mutex
	searches []groupsFound
}

// groupsFound is one search and what it found last.
type groupsFound struct {
	domain  string
	ldap    *directory.LDAP
	search  GroupSearch
	at      time.Time // when the directory said so; zero: never
	groups  []directory.Group
	doubted bool // the last answer was not believed
	failing bool // the last try failed, which was said
}

// newGroups prepares the groups of all domains; nil if there are none. Nothing is asked yet.
func (n *Node) newGroups() *sharedGroups {
	g := &sharedGroups{node: n}
	for _, d := range n.cfg.Domains {
		for _, search := range d.Groups {
			if d.Directory != nil {
				g.searches = append(g.searches, groupsFound{domain: d.Domain, ldap: d.Directory, search: search})
			}
		}
	}
	if len(g.searches) == 0 {
		return nil
	}
	return g
}

// start shows what was known last, and asks the directories from now on.
func (g *sharedGroups) start() {
	if g == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.stop = cancel
	g.mu.Lock()
	if err := g.restore(); err != nil {
		g.node.cfg.Logger.Warn("what was known of groups cannot be used; the directory is asked", slog.Any("error", err))
	}
	g.show()
	g.mu.Unlock()
	for i := range g.searches {
		g.run.Go(func() { g.follow(ctx, i) })
	}
}

func (g *sharedGroups) close() {
	if g == nil || g.stop == nil {
		return
	}
	g.stop()
	g.run.Wait()
}

// follow reads one search again and again.
func (g *sharedGroups) follow(ctx context.Context, i int) {
	tick := time.NewTicker(g.searches[i].search.Refresh)
	defer tick.Stop()
	for {
		g.refresh(ctx, i)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// refresh asks the directory once.
func (g *sharedGroups) refresh(ctx context.Context, i int) {
	s := &g.searches[i]
	bounded, cancel := context.WithTimeout(ctx, groupsTime)
	defer cancel()
	found, err := s.ldap.Groups(bounded, s.search.GroupSearch)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		for n := range found {
			if err == nil {
				found[n].Members, err = g.admitted(s.domain, found[n].Members)
			}
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		if !s.failing {
			g.node.cfg.Logger.Warn("groups were not read; what was known stays", slog.Any("error", err))
		}
		s.failing = true
		return
	}
	s.failing = false
	before, after := memberships(s.groups), memberships(found)
	if s.doubted = !s.doubted && before >= groupsFloor && after < before/2; s.doubted {
		g.node.cfg.Logger.Warn("more than half of the members left their groups; that must be so at the next reading too",
			slog.Int("before", before), slog.Int("after", after))
		return
	}
	s.groups, s.at = found, g.node.clock()
	g.show()
	g.keep()
}

func memberships(groups []directory.Group) (n int) {
	for _, g := range groups {
		n += len(g.Members)
	}
	return n
}

// show gives the router what is known. The caller holds the lock.
func (g *sharedGroups) show() {
	names := map[string][]string{} // ids of groups by domain and name
	var all []roster.Group
	for i, s := range g.searches {
		for _, found := range s.groups {
			r := roster.Group{ID: fmt.Sprintf("%s %d %s", s.domain, i, found.DN), Name: s.title(found)}
			if r.Name == "" || len(r.Name) > roster.MaxGroupBytes {
				continue
			}
			for _, m := range found.Members {
				r.Members = append(r.Members, roster.Member{Address: m.Localpart + "@" + s.domain, Name: m.Name})
			}
			names[s.domain+" "+r.Name] = append(names[s.domain+" "+r.Name], r.ID)
			r.VisibleTo = s.search.VisibleTo
			all = append(all, r)
		}
	}
	for i := range all {
		var ids []string
		domain := all[i].ID[:indexSpace(all[i].ID)]
		for _, name := range all[i].VisibleTo {
			ids = append(ids, names[domain+" "+name]...)
		}
		all[i].VisibleTo = ids
	}
	key := g.node.Keys.Secret("versions of shared groups")
	g.node.Router.SetShared(roster.NewShared(key[:], all))
}

func indexSpace(s string) int {
	for i, c := range []byte(s) {
		if c == ' ' {
			return i
		}
	}
	return len(s)
}

func (s *groupsFound) title(found directory.Group) string {
	if s.search.Title != "" {
		return s.search.Title
	}
	return found.Name
}

// admitted leaves out who must not be shown: who was erased here, and who has the address of somebody else's account. Of who objects
// the directory's name is not shown.
func (g *sharedGroups) admitted(domain string, members []directory.Entry) ([]directory.Entry, error) {
	kept := members[:0]
	for _, m := range members {
		ok, err := g.admit(domain, &m)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, m)
		}
	}
	return kept, nil
}

func (g *sharedGroups) admit(domain string, m *directory.Entry) (bool, error) {
	n := g.node
	a, err := n.Accounts.Find(domain, m.Localpart)
	switch {
	case errors.Is(err, accounts.ErrNoAccount):
		until, err := n.Accounts.Reserved(domain, m.Localpart)
		return err == nil && until.IsZero(), err
	case err != nil:
		return false, fmt.Errorf("look for a member's account: %w", err)
	case !a.Closing.IsZero() || a.DirectoryID != m.ID:
		return false, nil
	}
	objections, err := n.rights.Objections(a)
	for _, o := range objections {
		if o.Kind == schemas.ObjectionKind_DIRECTORY_PHOTO {
			m.Name = ""
		}
	}
	return err == nil, err
}

// recheck looks again whether somebody may be shown: they were erased, or they object.
func (g *sharedGroups) recheck(bare string) {
	if g == nil {
		return
	}
	domain, localpart := parts(bare)
	g.mu.Lock()
	defer g.mu.Unlock()
	changed := false
	for i := range g.searches {
		s := &g.searches[i]
		if s.domain != domain {
			continue
		}
		for n := range s.groups {
			changed = g.recheckGroup(domain, localpart, &s.groups[n]) || changed
		}
	}
	if changed {
		g.show()
	}
	g.keep()
}

func (g *sharedGroups) recheckGroup(domain, localpart string, group *directory.Group) (changed bool) {
	var kept []directory.Entry
	for _, m := range group.Members {
		if m.Localpart != localpart {
			kept = append(kept, m)
			continue
		}
		before := m.Name
		ok, err := g.admit(domain, &m)
		if err != nil {
			g.node.cfg.Logger.Error("a member was not looked at again and is left out", slog.Any("error", err))
		}
		changed = changed || !ok || m.Name != before
		if ok {
			kept = append(kept, m)
		}
	}
	group.Members = kept
	return changed
}
