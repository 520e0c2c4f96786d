package seal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"protokoll/schemas"
)

// ErrEnvelope is returned when an envelope does not have the form that DESIGN §4 gives it.
var ErrEnvelope = errors.New("malformed envelope")

// About is what never changes in an envelope, also when its event is moved. It is the additional data of the payload's cipher,
// so that a payload opens only as the value of the fact it was sealed for.
type About struct {
	Owner   schemas.OwnerID
	Family  schemas.Family
	Entity  schemas.EntityID // zero for CLOSE
	Op      schemas.Op
	Type    string // empty for END and CLOSE
	Version uint32
	Time    int64 // milliseconds since 1970 UTC
	Cause   schemas.Cause
}

// AboutOf reads the unchanging part of an envelope. It returns ErrEnvelope if ids have a wrong length, or the type does not
// go with the op.
func AboutOf(e *schemas.Envelope) (About, error) {
	a := About{
		Family: e.GetFamily(), Op: e.GetOp(), Type: e.GetType(), Version: e.GetVersion(), Time: e.GetTime(), Cause: e.GetCause(),
	}
	if copy(a.Owner[:], e.GetOwner()) != len(a.Owner) || len(e.GetOwner()) != len(a.Owner) {
		return About{}, fmt.Errorf("owner of %d bytes: %w", len(e.GetOwner()), ErrEnvelope)
	}
	entity := len(a.Entity)
	if a.Op == schemas.Op_CLOSE {
		entity = 0
	}
	if copy(a.Entity[:], e.GetEntity()) != entity || len(e.GetEntity()) != entity {
		return About{}, fmt.Errorf("entity of %d bytes: %w", len(e.GetEntity()), ErrEnvelope)
	}
	switch a.Op {
	case schemas.Op_SET:
		if a.Type == "" {
			return About{}, fmt.Errorf("SET without a type: %w", ErrEnvelope)
		}
	case schemas.Op_END, schemas.Op_CLOSE:
		if a.Type != "" || a.Version != 0 {
			return About{}, fmt.Errorf("%s with a type: %w", a.Op, ErrEnvelope)
		}
	default:
		return About{}, fmt.Errorf("op %d: %w", a.Op, ErrEnvelope)
	}
	return a, nil
}

// aboutSize is the size of additional data without the type, in bytes.
const aboutSize = 16 + 4 + 16 + 4 + 4 + 8 + 4

// appendTo appends the additional data: fields of fixed size, the type last, so that no two Abouts share one form.
func (a *About) appendTo(b []byte) []byte {
	b = append(b, a.Owner[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(a.Family))
	b = append(b, a.Entity[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(a.Op))
	b = binary.BigEndian.AppendUint32(b, a.Version)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Time))
	b = binary.BigEndian.AppendUint32(b, uint32(a.Cause))
	return append(b, a.Type...)
}
