package archive

import (
	"encoding/binary"
	"hash/crc32"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/projections"
	"protokoll/schemas"
)

// Row is one archived fact, as sealed by its owner.
type Row struct {
	seal.About
	Rank     uint64 // orders an owner's facts
	Position eventlog.Position
	Sealed   []byte // opens with the owner's key and About; not to be changed
}

// rowKeySize is the size of a stored key in bytes: owner, rank.
const rowKeySize = 16 + 8

func rowKey(owner schemas.OwnerID, rank uint64) (k [rowKeySize]byte) {
	copy(k[:], owner[:])
	binary.BigEndian.PutUint64(k[16:], rank)
	return k
}

// rowHead is the size of a stored row before its payload, in bytes: checksum, number, time, version, cause, family, entity.
const rowHead = 4 + 8 + 8 + 4 + 1 + 2 + 16

func encodeRow(key *[rowKeySize]byte, e *projections.Event) []byte {
	v := make([]byte, rowHead, rowHead+len(e.Sealed))
	binary.BigEndian.PutUint64(v[4:], e.Position.Number)
	binary.BigEndian.PutUint64(v[12:], uint64(e.Time))
	binary.BigEndian.PutUint32(v[20:], e.Version)
	v[24] = byte(e.Cause)
	binary.BigEndian.PutUint16(v[25:], uint16(e.Family))
	copy(v[27:], e.Entity[:])
	v = append(v, e.Sealed...)
	binary.BigEndian.PutUint32(v, rowSum(key[:], v))
	return v
}

func rowSum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[4:])
}

// typeOf names the one type of each family that is archived.
var typeOf = map[schemas.Family]string{schemas.Family_ARCHIVE_FACTS: "archive.message"}

// decodeRow reads a stored row. The result shares no memory with it.
func decodeRow(key, v []byte) (r Row, err error) {
	if len(key) != rowKeySize || len(v) < rowHead || binary.BigEndian.Uint32(v) != rowSum(key, v) {
		return r, errDamaged
	}
	copy(r.Owner[:], key)
	r.Rank = binary.BigEndian.Uint64(key[16:])
	r.Position = eventlog.Position{Lane: eventlog.Archive, Number: numberOf(v)}
	r.Op = schemas.Op_SET
	r.Time = timeOf(v)
	r.Version = binary.BigEndian.Uint32(v[20:])
	r.Cause = schemas.Cause(v[24])
	r.Family = schemas.Family(binary.BigEndian.Uint16(v[25:]))
	r.Type = typeOf[r.Family]
	copy(r.Entity[:], v[27:])
	r.Sealed = append([]byte(nil), v[rowHead:]...)
	return r, nil
}

func numberOf(v []byte) uint64 { return binary.BigEndian.Uint64(v[4:]) }
func timeOf(v []byte) int64    { return int64(binary.BigEndian.Uint64(v[12:])) }
