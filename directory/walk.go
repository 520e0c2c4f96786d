package directory

import (
	"context"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// pageSize is how many people one search of Walk returns; pageTimeout is for one
// such search.
const (
	pageSize    = 1000
	pageTimeout = 30 * time.Second
	// maxPages ends a walk that a server never ends: ten million people.
	maxPages = 10_000
)

// Walk calls fn for every person, in the directory’s order: the primary address,
// "" where there is none or it is not clear; all addresses; and the id, "" where
// there is none. progress, where it is not nil, hears how many are done and how
// many there are in all. An error of fn ends the walk. Errors: ErrUnavailable,
// ErrSizeLimit, ErrClosed.
//
// It uses one connection of its own and holds up no sign-in.
func (l *LDAP) Walk(ctx context.Context, progress func(done, total int), fn func(mail string, all []string, id string) error) error {
	return l.walk(ctx, progress, func(p person) error {
		mail, _, err := p.primary(l.cfg.Mapping)
		if err != nil {
			mail = ""
		}
		return fn(mail, p.all, p.id)
	})
}

func (l *LDAP) walk(ctx context.Context, progress func(done, total int), fn func(person) error) error {
	if l.search.isClosed() {
		return ErrClosed
	}
	c, reason, err := l.search.fresh(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		l.health.down(reason)
		return unavailable(reason)
	}
	defer c.close()
	total := 0
	if progress != nil {
		if total, err = l.count(ctx, c); err != nil {
			return err
		}
		progress(0, total)
	}
	done := 0
	return l.pages(ctx, c, l.cfg.attributes(), func(es []*ldap.Entry) error {
		for _, e := range es {
			if err := fn(l.cfg.person(e)); err != nil {
				return err
			}
		}
		done += len(es)
		if progress != nil {
			progress(done, max(done, total))
		}
		return nil
	})
}

// count walks without attributes: LDAP has no other way to count.
func (l *LDAP) count(ctx context.Context, c *conn) (total int, err error) {
	none := []string{"1.1"} // RFC 4511 §4.5.1.8
	err = l.pages(ctx, c, none, func(es []*ldap.Entry) error { total += len(es); return nil })
	return total, err
}

// pages searches everybody page by page, on one connection, to which the cookie
// belongs (RFC 2696 §3).
func (l *LDAP) pages(ctx context.Context, c *conn, attributes []string, fn func([]*ldap.Entry) error) error {
	return l.pagesOf(ctx, c, l.searchRequest(l.cfg.Filter, 0), attributes, fn)
}

// pagesOf carries out a search page by page.
func (l *LDAP) pagesOf(ctx context.Context, c *conn, req *ldap.SearchRequest, attributes []string, fn func([]*ldap.Entry) error) error {
	paging := ldap.NewControlPaging(pageSize)
	req.Attributes = attributes
	req.Controls = []ldap.Control{paging}
	req.TimeLimit = int(pageTimeout / time.Second)
	for range maxPages {
		answer, err := l.page(ctx, c, req)
		if err != nil {
			return err
		}
		if err := fn(answer.Entries); err != nil {
			return err
		}
		next, _ := ldap.FindControl(answer.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if next == nil || len(next.Cookie) == 0 {
			return nil
		}
		paging.SetCookie(next.Cookie)
	}
	return unavailable(ldap.LDAPResultOther)
}

func (l *LDAP) page(ctx context.Context, c *conn, req *ldap.SearchRequest) (answer *ldap.SearchResult, err error) {
	began := time.Now()
	err = c.do(ctx, pageTimeout, pageBudget, func(lc *ldap.Conn) (err error) {
		answer, err = lc.Search(req)
		return err
	})
	switch last := code(err); {
	case ctx.Err() != nil:
		if c.trial {
			c.server.abandon()
		}
		return nil, gaveUp(ctx)
	case last == ldap.LDAPResultSizeLimitExceeded, last == ldap.LDAPResultAdminLimitExceeded:
		return nil, ErrSizeLimit
	case err != nil && broken(last):
		l.health.fails(c.server, began, last)
		l.health.down(last)
		return nil, unavailable(last)
	case last == ldap.LDAPResultNoSuchObject, last == ldap.LDAPResultInvalidDNSyntax:
		return nil, noObject{unavailable(last)}
	case err != nil:
		return nil, unavailable(last)
	}
	l.health.works(c.server)
	return answer, nil
}
