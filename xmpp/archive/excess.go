package archive

import (
	"protokoll/eventlog/seal"
	index "protokoll/projections/archive"
	"protokoll/schemas"
)

// Hoard says how much there is in archives. *projections/archive.Index has it.
type Hoard interface {
	Store
	Total(owner schemas.OwnerID) (index.Total, error)
	Excess(owner schemas.OwnerID, room index.Total) (rank uint64, err error)
}

// Excess returns the ids of the oldest of the messages for which there is no room: a few hundred of them, none if all fit.
func Excess(h Hoard, o *seal.Owner, room index.Total) (ids []string, err error) {
	newest, err := h.Excess(o.ID(), room)
	if err != nil || newest == 0 {
		return nil, err
	}
	rows, _, err := h.Rows(o.ID(), index.Range{Before: newest + 1, Max: readRows, Bytes: MaxPageBytes})
	for i := range rows {
		m, err := open(o, &rows[i])
		if err != nil {
			return nil, err
		}
		ids = append(ids, m.GetStanzaId())
	}
	return ids, err
}
