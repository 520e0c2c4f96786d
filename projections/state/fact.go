package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections"
	"protokoll/schemas"
)

// Fact is the current value of one entity, as sealed by its owner.
type Fact struct {
	seal.About
	Rank     uint64            // orders the facts of a lane: the newest has the highest
	Position eventlog.Position // where the event stands that states it
	Sealed   []byte            // opens with the owner's key and About; not to be changed
}

// errDamaged is returned when stored bytes are not what was stored. It never leaves the package: the file is made anew.
var errDamaged = errors.New("damaged state file")

// group names the facts of one family of one owner. Handles are kept like facts, under familyHandle, with the handle in place
// of the owner and the owner in place of the entity.
type group struct {
	family uint16
	id     [16]byte
}

// familyHandle is no family of schemas/: those begin with 1.
const familyHandle = 0

// keySize is the size of a stored key in bytes: family, owner, entity.
const keySize = 2 + 16 + 16

func (g group) key(entity [16]byte) (k [keySize]byte) {
	binary.BigEndian.PutUint16(k[:], g.family)
	copy(k[2:], g.id[:])
	copy(k[18:], entity[:])
	return k
}

func splitKey(k []byte) (g group, entity [16]byte) {
	g.family = binary.BigEndian.Uint16(k)
	copy(g.id[:], k[2:])
	copy(entity[:], k[18:])
	return g, entity
}

// valueHead is the size of a stored value before type, handles and payload, in bytes: CRC-32C of all that follows and the
// key, rank, number, time, version, cause, number of handles, length of the type.
const valueHead = 4 + 8 + 8 + 8 + 4 + 1 + 1 + 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// encodeValue is what is stored of a SET.
func encodeValue(key *[keySize]byte, e *projections.Event) ([]byte, error) {
	if len(e.Handles) > 255 || len(e.Type) > 255 || e.Cause < 0 || e.Cause > 255 {
		return nil, fmt.Errorf("event %s does not fit into the state: %w", e.Position, projections.ErrRecord)
	}
	v := make([]byte, valueHead, valueHead+len(e.Type)+16*len(e.Handles)+len(e.Sealed))
	binary.BigEndian.PutUint64(v[4:], e.Rank)
	binary.BigEndian.PutUint64(v[12:], e.Position.Number)
	binary.BigEndian.PutUint64(v[20:], uint64(e.Time))
	binary.BigEndian.PutUint32(v[28:], e.Version)
	v[32], v[33], v[34] = byte(e.Cause), byte(len(e.Handles)), byte(len(e.Type))
	v = append(v, e.Type...)
	for _, h := range e.Handles {
		v = append(v, h[:]...)
	}
	v = append(v, e.Sealed...)
	binary.BigEndian.PutUint32(v, checksum(key, v))
	return v, nil
}

func checksum(key *[keySize]byte, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key[:], castagnoli), castagnoli, value[4:])
}

// checkValue returns errDamaged for what encodeValue would not have written under this key.
func checkValue(key *[keySize]byte, v []byte) error {
	if len(v) < valueHead || len(v) < sealedAt(v) || binary.BigEndian.Uint32(v) != checksum(key, v) {
		return errDamaged
	}
	return nil
}

// understood refuses a fact of a type or version that this program does not know: its fold would not be run again, so this is
// where an older program on a newer folder notices.
func understood(l eventlog.Lane, k, v []byte) error {
	if g, _ := splitKey(k); g.family == familyHandle {
		return nil
	}
	name, version := typeName(v[valueHead:valueHead+int(v[34])]), binary.BigEndian.Uint32(v[28:])
	if schemas.Known(name, version) {
		return nil
	}
	at := eventlog.Position{Lane: l, Number: binary.BigEndian.Uint64(v[12:])}
	return fmt.Errorf("event %s is %q version %d: %w", at, name, version, schemas.ErrUnknownType)
}

// sealedAt is where the payload begins in a stored value.
func sealedAt(v []byte) int { return valueHead + int(v[34]) + 16*int(v[33]) }

func rankOf(v []byte) uint64 { return binary.BigEndian.Uint64(v[4:]) }

func handlesOf(v []byte) (handles []schemas.Handle) {
	at := valueHead + int(v[34])
	for range v[33] {
		handles = append(handles, schemas.Handle(v[at:at+16]))
		at += 16
	}
	return handles
}

// decodeValue reads a checked value. Sealed shares v's memory.
func decodeValue(l eventlog.Lane, g group, entity [16]byte, v []byte) (f Fact) {
	f.Owner, f.Family, f.Entity, f.Op = g.id, schemas.Family(g.family), entity, schemas.Op_SET
	f.Rank = rankOf(v)
	f.Position = eventlog.Position{Lane: l, Number: binary.BigEndian.Uint64(v[12:])}
	f.Time = int64(binary.BigEndian.Uint64(v[20:]))
	f.Version = binary.BigEndian.Uint32(v[28:])
	f.Cause = schemas.Cause(v[32])
	f.Type = typeName(v[valueHead : valueHead+int(v[34])])
	f.Sealed = v[sealedAt(v):len(v):len(v)]
	return f
}

// typeName gives the literal of a known type without making a new string.
func typeName(b []byte) string {
	if t, ok := typeNames()[string(b)]; ok {
		return t
	}
	return string(b)
}
