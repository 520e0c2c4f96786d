package archive

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	index "protokoll/projections/archive"
	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// Store finds archived facts. *projections/archive.Index has it.
type Store interface {
	Wait(ctx context.Context, positions ...eventlog.Position) error
	Rows(owner schemas.OwnerID, r index.Range) (rows []index.Row, more bool, err error)
	Find(owner schemas.OwnerID, entity schemas.EntityID) (rank uint64, ok bool, err error)
}

// Item is one message of a page.
type Item struct {
	Rank    uint64
	Message *schemas.ArchivedMessage
}

// Page is a piece of an archive, oldest message first.
type Page struct {
	Items    []Item
	Complete bool // nothing was left out because of the page's size. XEP-0313 §4.4
}

// clockSlack is how far a message's time may lie from that of its fact, unless it was imported.
const clockSlack = time.Hour

// readRows is how many rows are read at once where most of them may not match.
const readRows = 200

// Read returns the page that a query asks for. It returns features.ItemNotFound for an id that is not in the archive.
func Read(ctx context.Context, s Store, o *seal.Owner, q *Query) (*Page, error) {
	after, before, err := q.bounds(s, o)
	if err != nil {
		return nil, err
	}
	r := reader{store: s, owner: o, query: q, page: &Page{}}
	if q.IDs != nil {
		err = r.single(after, before)
	} else {
		err = r.through(ctx, index.Range{After: after, Before: before, Newest: q.Last, Max: r.batch(), Bytes: MaxPageBytes})
	}
	if q.Last {
		slices.Reverse(r.page.Items)
	}
	return r.page, err
}

// bounds are the ranks between which messages are asked for. XEP-0313 §4.1.3, §4.3
func (q *Query) bounds(s Store, o *seal.Owner) (after, before uint64, err error) {
	before = 1<<64 - 1
	for _, id := range []string{q.AfterID, q.After} {
		if id != "" {
			rank, err := find(s, o, id)
			if err != nil {
				return 0, 0, err
			}
			after = max(after, rank)
		}
	}
	for _, id := range []string{q.BeforeID, q.Before} {
		if id != "" {
			rank, err := find(s, o, id)
			if err != nil {
				return 0, 0, err
			}
			before = min(before, rank)
		}
	}
	return after, before, nil
}

func find(s Store, o *seal.Owner, id string) (uint64, error) {
	rank, ok, err := s.Find(o.ID(), o.Entity(schemas.Family_ARCHIVE_FACTS, id))
	if err == nil && !ok {
		err = features.ItemNotFound() // XEP-0313 §4.3.2
	}
	return rank, err
}

// reader fills a page in the order of the range.
type reader struct {
	store Store
	owner *seal.Owner
	query *Query
	page  *Page
	bytes int
}

// batch is how many rows are read at once: one more than the page, unless many may not match.
func (r *reader) batch() int {
	if r.query.With != "" || !r.query.Start.IsZero() || !r.query.End.IsZero() {
		return readRows
	}
	return r.query.Max + 1
}

// through goes through a range until the page is full or the range is over.
func (r *reader) through(ctx context.Context, all index.Range) error {
	for all.After < all.Before {
		rows, more, err := r.store.Rows(r.owner.ID(), all)
		if err != nil {
			return err
		}
		for i := range rows {
			full, over, err := r.take(&rows[i])
			if err != nil || full {
				return err
			}
			if over {
				more = false
				break
			}
		}
		if !more || len(rows) == 0 {
			r.page.Complete = true
			return nil
		}
		if last := rows[len(rows)-1].Rank; all.Newest {
			all.Before = last
		} else {
			all.After = last
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read an archive: %w", err)
		}
	}
	r.page.Complete = true
	return nil
}

// single reads messages by their ids. XEP-0313 §4.1.4
func (r *reader) single(after, before uint64) error {
	var ranks []uint64
	for _, id := range r.query.IDs {
		rank, err := find(r.store, r.owner, id)
		if err != nil {
			return err
		}
		if rank > after && rank < before {
			ranks = append(ranks, rank)
		}
	}
	ranks = sorted(ranks)
	if r.query.Last {
		slices.Reverse(ranks)
	}
	for _, rank := range ranks {
		rows, _, err := r.store.Rows(r.owner.ID(), index.Range{After: rank - 1, Before: rank + 1, Max: 1})
		if err != nil {
			return err
		}
		for i := range rows {
			if full, _, err := r.take(&rows[i]); err != nil || full {
				return err
			}
		}
	}
	r.page.Complete = true
	return nil
}

// take adds a row if it matches. full says that the page had no room for it, over that none behind it can match.
func (r *reader) take(row *index.Row) (full, over bool, err error) {
	q := r.query
	if row.Cause != schemas.Cause_IMPORT {
		at := time.UnixMilli(row.Time)
		early, late := !q.Start.IsZero() && at.Before(q.Start), !q.End.IsZero() && at.After(q.End.Add(clockSlack))
		if early || late {
			return false, early && q.Last && at.Before(q.Start.Add(-clockSlack)) || late && !q.Last && at.After(q.End.Add(2*clockSlack)), nil
		}
	}
	m, err := open(r.owner, row)
	if err != nil {
		return false, false, err
	}
	if !q.matches(m) {
		return false, false, nil
	}
	r.bytes += len(m.GetStanza())
	if len(r.page.Items) >= q.Max || r.bytes > MaxPageBytes && len(r.page.Items) > 0 {
		return true, false, nil
	}
	r.page.Items = append(r.page.Items, Item{row.Rank, m})
	return false, false, nil
}

func open(o *seal.Owner, row *index.Row) (*schemas.ArchivedMessage, error) {
	v, err := eventlog.Open(o, row.About, row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open an archived message: %w", err)
	}
	m, ok := v.(*schemas.ArchivedMessage)
	if !ok {
		return nil, fmt.Errorf("open an archived message: %w", schemas.ErrUnknownType)
	}
	return m, nil
}

// matches tells whether a message passes the filters. XEP-0313 §4.1.1, §4.1.2
func (q *Query) matches(m *schemas.ArchivedMessage) bool {
	at := time.UnixMilli(m.GetReceived())
	if !q.Start.IsZero() && at.Before(q.Start.Truncate(time.Millisecond)) || !q.End.IsZero() && at.After(q.End) {
		return false
	}
	if q.With == "" {
		return true
	}
	if strings.Contains(q.With, "/") {
		return m.GetWith() == q.With
	}
	bare, _, _ := strings.Cut(m.GetWith(), "/")
	return bare == q.With
}
