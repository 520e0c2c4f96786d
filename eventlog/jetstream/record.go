package jetstream

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"protokoll/eventlog"
	"protokoll/eventlog/seal"
	"protokoll/schemas"
)

const (
	recordVersion = 1
	recordHead    = 1 + 8 // version, mark
	additionalLen = 1 + 1 + 8 + 8
)

// errRecord is returned when a record of a segment does not have the form that doc.go gives it.
var errRecord = errors.New("malformed record")

// additional is what a record's cipher covers besides its content: version, lane, number and mark.
func additional(lane eventlog.Lane, number, mark uint64) (a [additionalLen]byte) {
	a[0], a[1] = recordVersion, byte(lane)
	binary.BigEndian.PutUint64(a[2:], number)
	binary.BigEndian.PutUint64(a[10:], mark)
	return a
}

// appendRecord appends the record of one event. plain is scratch that is handed back for the next call.
func appendRecord(dst, plain []byte, key *seal.Segment, p eventlog.Position, mark uint64, f *fact) (rec, scratch []byte) {
	plain = binary.AppendUvarint(plain[:0], uint64(len(f.bytes)))
	plain = append(plain, f.bytes...)
	plain = append(plain, f.sealed...)
	dst = append(dst, recordVersion)
	dst = binary.BigEndian.AppendUint64(dst, mark)
	a := additional(p.Lane, p.Number, mark)
	return key.Encipher(dst, p.Number, a[:], plain), plain
}

// recordSize is the largest size a record of that envelope and payload has, in bytes.
func recordSize(envelope, sealed int) int {
	return recordHead + binary.MaxVarintLen32 + envelope + sealed + seal.SegmentOverhead
}

// recordMark reads the durable mark known when the record was written. It needs no key.
func recordMark(rec []byte) (uint64, error) {
	if len(rec) < recordHead+seal.SegmentOverhead || rec[0] != recordVersion {
		return 0, errRecord
	}
	return binary.BigEndian.Uint64(rec[1:]), nil
}

// decodeRecord deciphers a record into dst and returns the event, whose slices lie in the dst that is handed back.
func decodeRecord(dst []byte, key *seal.Segment, p eventlog.Position, rec []byte) (eventlog.Record, []byte, error) {
	mark, err := recordMark(rec)
	if err != nil {
		return eventlog.Record{}, dst, err
	}
	a := additional(p.Lane, p.Number, mark)
	start := len(dst)
	dst, err = key.Decipher(dst, p.Number, a[:], rec[recordHead:])
	if err != nil {
		return eventlog.Record{}, dst[:start], err
	}
	r, err := parsePlain(p, dst[start:len(dst):len(dst)])
	return r, dst, err
}

// parsePlain takes a deciphered record apart.
func parsePlain(p eventlog.Position, plain []byte) (eventlog.Record, error) {
	n, w := binary.Uvarint(plain)
	if w <= 0 || n > uint64(len(plain)-w) {
		return eventlog.Record{}, errRecord
	}
	r := eventlog.Record{Position: p, Envelope: new(schemas.Envelope), Bytes: plain[w : w+int(n)], Sealed: plain[w+int(n):]}
	if err := proto.Unmarshal(r.Bytes, r.Envelope); err != nil {
		return eventlog.Record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	return r, nil
}
