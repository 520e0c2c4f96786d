package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// maxFound bounds the entries that a search for one person returns. More than one
// is a fault of the directory already, unless all others only have the address as
// one that does not count.
const maxFound = 16

// LDAP is a directory behind LDAP. Its methods may be called at once by any number
// of goroutines; as many as Config.PoolSize are served, the others wait.
type LDAP struct {
	cfg     Config
	health  *health
	servers []*server
	search  *pool // as the service account
	binds   *pool // as the people who sign in
}

// Open checks the configuration and reads the CA file. It connects to nothing:
// the server starts while the directory is away.
func Open(cfg Config) (*LDAP, error) {
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("directory configuration: %w", err)
	}
	roots, err := cfg.roots()
	if err != nil {
		return nil, fmt.Errorf("directory configuration: %w", err)
	}
	servers, err := cfg.servers(roots)
	if err != nil {
		return nil, fmt.Errorf("directory configuration: %w", err)
	}
	l := &LDAP{cfg: cfg, servers: servers}
	l.health = newHealth(&l.cfg)
	l.search = newPool(&l.cfg, servers, l.health, true)
	l.binds = newPool(&l.cfg, servers, l.health, false)
	return l, nil
}

// Close hangs up. Calls under way finish; later ones get ErrClosed.
func (l *LDAP) Close() error {
	l.search.close()
	l.binds.close()
	return nil
}

// Lookup finds the person whose JID has a localpart. Errors: ErrNoSuchEntry,
// ErrAmbiguous, ErrNoPrimary, ErrNoID, ErrUnavailable, ErrClosed.
func (l *LDAP) Lookup(ctx context.Context, localpart string) (Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SignInTimeout)
	defer cancel()
	return l.find(ctx, localpart)
}

// find searches all addresses that map to the localpart and wants one claimant.
func (l *LDAP) find(ctx context.Context, localpart string) (Entry, error) {
	local, err := canonical(localpart)
	if err != nil {
		return Entry{}, ErrNoSuchEntry
	}
	mails := l.cfg.Mapping.Mails(local)
	if len(mails) == 0 {
		return Entry{}, ErrNoSuchEntry
	}
	people, complete, err := l.people(ctx, mails)
	if err != nil {
		return Entry{}, err
	}
	people = slices.DeleteFunc(people, func(p person) bool {
		return !slices.Contains(p.claims(l.cfg.Mapping), local)
	})
	switch {
	case len(people) > 1, !complete:
		return Entry{}, ErrAmbiguous
	case len(people) == 0:
		return Entry{}, ErrNoSuchEntry
	}
	return people[0].entry(l.cfg.Mapping)
}

// people searches those who have one of some addresses. It is not complete when
// there were more than maxFound.
func (l *LDAP) people(ctx context.Context, mails []string) (found []person, complete bool, err error) {
	req := l.searchRequest(l.filter(mails), maxFound)
	var answer *ldap.SearchResult
	err = l.search.run(ctx, l.cfg.OpTimeout, signInBudget, func(c *ldap.Conn) (err error) {
		answer, err = c.Search(req)
		return err
	})
	cut := code(err) == ldap.LDAPResultSizeLimitExceeded && answer != nil
	if err != nil && !cut {
		return nil, false, searchError(err)
	}
	for _, e := range answer.Entries {
		found = append(found, l.cfg.person(e))
	}
	return found, !cut, nil
}

// searchError keeps our own errors and reduces the others to their code. A missing
// base or a forbidden search (codes 32, 50) is a fault of the set-up, not of the
// person: later may be better.
func searchError(err error) error {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClosed) {
		return err
	}
	return unavailable(code(err))
}

func (l *LDAP) searchRequest(filter string, limit int) *ldap.SearchRequest {
	seconds := int((l.cfg.OpTimeout + time.Second - 1) / time.Second)
	req := ldap.NewSearchRequest(l.cfg.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases,
		limit, seconds, false, filter, l.cfg.attributes(), nil)
	req.EnforceSizeLimit = limit > 0
	return req
}

// filter matches those who have one of the addresses. RFC 4515 §3: what comes from
// a name is escaped, the rest is configuration checked at Open.
func (l *LDAP) filter(mails []string) string {
	var b strings.Builder
	b.WriteString("(&" + l.cfg.Filter + "(|")
	for _, mail := range mails {
		b.WriteString("(" + l.cfg.searched() + "=" + ldap.EscapeFilter(mail) + ")")
	}
	b.WriteString("))")
	return b.String()
}
