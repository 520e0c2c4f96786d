package archive

import (
	"context"
	"slices"
	"time"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	index "protokoll/projections/archive"
	"protokoll/schemas"
	"protokoll/xmpp/features"
	"protokoll/xmpp/frame"
)

// Account is what is needed of an account beside its facts. Implemented by the router.
type Account interface {
	Owner() *seal.Owner
	// Archived returns the receipt of the newest change of the archive, nil if there was none lately.
	Archived() *eventlog.Receipt
	// Purge ends everything that is archived. It stays on or off as it was.
	Purge() *eventlog.Receipt
}

// NSPurge is the namespace of the request that empties an archive: no XEP has one.
const NSPurge = "urn:protokoll:archive:0"

// nsRetract says that retractions are archived like what they retract, so that devices learn of them later. XEP-0424 §2
const nsRetract = "urn:xmpp:message-retract:1"

// atOnce is how many archives are read at once; others wait.
const atOnce = 4

type handlers struct {
	store Store
	turn  chan struct{}
}

// Register adds archives to a registry: everybody reads the own one only, at the own bare JID. XEP-0313 §3.3
func Register(r *features.Registry, s Store) {
	h := &handlers{store: s, turn: make(chan struct{}, atOnce)}
	r.Handle(features.Get, features.Self, NS, "query", func(*features.Request) (features.Reply, error) { return features.Reply{Payload: form}, nil })
	r.Handle(features.Set, features.Self, NS, "query", h.query)
	r.Handle(features.Get, features.Self, NS, "metadata", h.metadata)
	r.Handle(features.Get, features.Self, NS, "prefs", h.getPrefs)
	r.Handle(features.Set, features.Self, NS, "prefs", h.setPrefs)
	r.Handle(features.Set, features.Self, NSPurge, "purge", h.purge)
	r.Feature(features.Self, NSExtended, nsRetract)
	r.Feature(features.Server, nsRetract)
}

// later finds a reply off the reading goroutine, when the index has everything that was archived before the request.
func (h *handlers) later(req *features.Request, find func(context.Context, *seal.Owner) (features.Reply, error)) (features.Reply, error) {
	a, ok := req.Account.(Account)
	if !ok {
		return features.Reply{}, features.ServiceUnavailable()
	}
	owner, newest := a.Owner(), a.Archived()
	return features.Reply{Later: func(ctx context.Context) (features.Reply, error) {
		select {
		case h.turn <- struct{}{}:
			defer func() { <-h.turn }()
		case <-ctx.Done():
			return features.Reply{}, ctx.Err()
		}
		if newest != nil && newest.Wait(ctx) == nil {
			if err := h.store.Wait(ctx, newest.Positions()...); err != nil {
				return features.Reply{}, err
			}
		}
		return find(ctx, owner)
	}}, nil
}

func (h *handlers) query(req *features.Request) (features.Reply, error) {
	q, err := ParseQuery(req.Payload.Raw)
	if err != nil {
		return features.Reply{}, err
	}
	bare, full := req.To, req.From
	return h.later(req, func(ctx context.Context, o *seal.Owner) (features.Reply, error) {
		p, err := Read(ctx, h.store, o, q)
		if err != nil {
			return features.Reply{}, err
		}
		return features.Reply{Before: p.results(q, bare, full), Payload: p.fin()}, nil
	})
}

// results writes the messages of a page, oldest first unless it is flipped. XEP-0313 §4.2, §4.3.4
func (p *Page) results(q *Query, bare, full string) [][]byte {
	all := make([][]byte, 0, len(p.Items))
	for _, item := range p.Items {
		all = append(all, appendResult(make([]byte, 0, len(item.Message.GetStanza())+300), item.Message, q.ID, bare, full))
	}
	if q.Flip {
		slices.Reverse(all)
	}
	return all
}

func appendResult(b []byte, m *schemas.ArchivedMessage, query, bare, full string) []byte {
	b = attr(attr(append(b, "<message"...), "from", bare), "to", full)
	b = append(b, "><result xmlns='"+NS+"'"...)
	if query != "" {
		b = attr(b, "queryid", query)
	}
	b = attr(b, "id", m.GetStanzaId())
	b = attr(append(b, "><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay'"...), "stamp", stamp(m.GetReceived()))
	b = append(append(b, "/>"...), m.GetStanza()...)
	return append(b, "</forwarded></result></message>"...)
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func attr(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), "='"...)
	return append(frame.AppendEscaped(b, value), '\'')
}

// fin says where a page begins and ends. XEP-0313 §4.4, XEP-0059 §2.2
func (p *Page) fin() []byte {
	b := []byte("<fin xmlns='" + NS + "'")
	if p.Complete {
		b = append(b, " complete='true'"...)
	}
	b = append(b, "><set xmlns='"+nsRSM+"'>"...)
	if n := len(p.Items); n > 0 {
		b = append(frame.AppendEscaped(append(b, "<first>"...), p.Items[0].Message.GetStanzaId()), "</first><last>"...)
		b = append(frame.AppendEscaped(b, p.Items[n-1].Message.GetStanzaId()), "</last>"...)
	}
	return append(b, "</set></fin>"...)
}

// metadata says which message is the first and which the last. XEP-0313 §5
func (h *handlers) metadata(req *features.Request) (features.Reply, error) {
	return h.later(req, func(_ context.Context, o *seal.Owner) (features.Reply, error) {
		b := []byte("<metadata xmlns='" + NS + "'>")
		for _, end := range []struct {
			name   string
			newest bool
		}{{"start", false}, {"end", true}} {
			rows, _, err := h.store.Rows(o.ID(), index.Range{Newest: end.newest, Max: 1})
			if err != nil {
				return features.Reply{}, err
			}
			for i := range rows {
				m, err := open(o, &rows[i])
				if err != nil {
					return features.Reply{}, err
				}
				b = attr(append(append(b, '<'), end.name...), "id", m.GetStanzaId())
				b = append(attr(b, "timestamp", stamp(m.GetReceived())), "/>"...)
			}
		}
		return features.Reply{Payload: append(b, "</metadata>"...)}, nil
	})
}

func (h *handlers) purge(req *features.Request) (features.Reply, error) {
	a, ok := req.Account.(Account)
	if !ok {
		return features.Reply{}, features.ServiceUnavailable()
	}
	return features.Reply{After: a.Purge()}, nil
}
