package projections

import (
	"errors"
	"fmt"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

// ErrRecord is returned when a record has no place where it stands: it comes out of order, its family belongs to another
// lane, or its command has no end.
var ErrRecord = errors.New("record out of place")

// Event is a record as folds take it: checked, but still sealed.
type Event struct {
	seal.About
	Position eventlog.Position
	Rank     uint64
	Handles  []schemas.Handle
	Sealed   []byte // not to be changed, nor kept without copying: it shares its memory with other records
}

// Check reads a record's envelope. It returns schemas.ErrUnknownType for a type or version that this program does not know,
// seal.ErrEnvelope for a malformed envelope and ErrRecord for a family of another lane; each names the position.
func Check(r eventlog.Record) (Event, error) {
	about, err := seal.AboutOf(r.Envelope)
	if err != nil {
		return Event{}, fmt.Errorf("event %s: %w", r.Position, err)
	}
	if about.Op == schemas.Op_SET && !schemas.Known(about.Type, about.Version) {
		return Event{}, fmt.Errorf("event %s is %q version %d: %w", r.Position, about.Type, about.Version, schemas.ErrUnknownType)
	}
	if about.Op != schemas.Op_CLOSE && eventlog.LaneOf(about.Family) != r.Position.Lane {
		return Event{}, fmt.Errorf("event %s of family %s: %w", r.Position, about.Family, ErrRecord)
	}
	e := Event{About: about, Position: r.Position, Rank: r.Rank(), Sealed: r.Sealed}
	for _, h := range r.Envelope.GetHandles() {
		if len(h) != len(schemas.Handle{}) {
			return Event{}, fmt.Errorf("event %s has a handle of %d bytes: %w", r.Position, len(h), seal.ErrEnvelope)
		}
		e.Handles = append(e.Handles, schemas.Handle(h))
	}
	return e, nil
}
