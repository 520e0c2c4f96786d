package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"protokoll/eventlog"
	"protokoll/projections/state"
	"protokoll/schemas"
)

// ErrReserved is returned when an address belonged to an account that was erased, and is kept free for a while: whoever gets
// it next must not be taken for who had it. The directory entry that had it may come back at once.
var ErrReserved = errors.New("the address is kept free after an erasure")

// Reserved returns until when an address is kept free; the zero time for one that is not.
func (r *Registry) Reserved(domain, localpart string) (until time.Time, err error) {
	h := r.keys.Handle(handleAddress, domain, localpart)
	owner, ok, err := r.state.OwnerByHandle(h)
	if err != nil {
		return time.Time{}, fmt.Errorf("look for a reserved address: %w", err)
	}
	if !ok || owner != r.keys.Server().ID() {
		return time.Time{}, nil
	}
	m, err := r.reservation(h)
	if err != nil || !r.keeps(m) {
		return time.Time{}, err
	}
	return time.UnixMilli(m.GetUntil()), nil
}

// keeps tells whether a reservation holds now.
func (r *Registry) keeps(m *schemas.AddressReserved) bool {
	return m != nil && (len(m.GetErasing()) > 0 || r.Clock().UnixMilli() < m.GetUntil())
}

// mayTake returns ErrReserved if the address of a handle is kept free for somebody else.
func (r *Registry) mayTake(h schemas.Handle, n NewAccount) error {
	m, err := r.reservation(h)
	switch {
	case err != nil:
		return err
	case !r.keeps(m):
		return nil
	case len(m.GetErasing()) == 0 && n.DirectoryID != "":
		if entry := r.keys.Handle(handleDirectory, n.Domain, n.DirectoryID); string(entry[:]) == string(m.GetDirectoryHandle()) {
			return nil
		}
	}
	return fmt.Errorf("%w until %s", ErrReserved, time.UnixMilli(m.GetUntil()).UTC().Format(time.DateOnly))
}

// reservation returns what is said of a handle; nil if nothing is.
func (r *Registry) reservation(h schemas.Handle) (*schemas.AddressReserved, error) {
	server := r.keys.Server()
	f, ok, err := r.state.Get(server.ID(), schemas.Family_ACCOUNT_FACTS, server.Entity(schemas.Family_ACCOUNT_FACTS, reservedEntity(h)))
	if err != nil || !ok {
		return nil, err
	}
	return r.openReservation(f)
}

func (r *Registry) openReservation(f state.Fact) (*schemas.AddressReserved, error) {
	m, err := eventlog.Open(r.keys.Server(), f.About, f.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open a reserved address: %w", err)
	}
	v, ok := m.(*schemas.AddressReserved)
	if !ok {
		return nil, fmt.Errorf("open a reserved address: %w", schemas.ErrUnknownType)
	}
	return v, nil
}

func reservedEntity(h schemas.Handle) string { return fmt.Sprintf("%s%x", entityReserved, h[:]) }

func reserve(h schemas.Handle, m *schemas.AddressReserved) eventlog.Fact {
	f := eventlog.Set(reservedEntity(h), m)
	f.Handles = []schemas.Handle{h}
	return f
}

// reservations lists what the server keeps free.
func (r *Registry) reservations() (all []*schemas.AddressReserved, err error) {
	facts, err := r.state.Facts(r.keys.Server().ID(), schemas.Family_ACCOUNT_FACTS)
	if err != nil {
		return nil, fmt.Errorf("list reserved addresses: %w", err)
	}
	for _, f := range facts {
		if f.Type != typeReserved {
			continue
		}
		m, err := r.openReservation(f)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// Lapsed returns what ends the reservations that are over, as facts of the server's own.
func (r *Registry) Lapsed() (ends []eventlog.Fact, err error) {
	all, err := r.reservations()
	for _, m := range all {
		if h := m.GetHandle(); !r.keeps(m) && len(h) == len(schemas.Handle{}) {
			ends = append(ends, eventlog.End(schemas.Family_ACCOUNT_FACTS, reservedEntity(schemas.Handle(h))))
		}
	}
	return ends, err
}

// appendOwn appends a fact of the server's own and returns when it is on disk and folded.
func (r *Registry) appendOwn(ctx context.Context, cause schemas.Cause, f eventlog.Fact) error {
	return r.settled(ctx, r.log.Append(eventlog.Command{Owner: r.keys.Server(), Cause: cause, Facts: []eventlog.Fact{f}}))
}
