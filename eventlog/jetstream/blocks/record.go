package blocks

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/minio/highwayhash"
)

const (
	headerSize   = 22
	checksumSize = 8
	// MaxRecord is the largest record that is believed, in bytes; a longer one is damage.
	MaxRecord = 32 << 20

	headersBit   = 1 << 31
	erasedBit    = 1 << 63
	tombstoneBit = 1 << 62
)

// Record is one message of a stream.
type Record struct {
	Number   uint64
	Payload  []byte // valid until the next call of Next
	Block    int    // index of the block file
	Offset   int64  // where the record begins in it
	Size     int64  // bytes of the whole record
	Checksum [checksumSize]byte
}

// Damage is the error for the first record that is not right. Number is the one that should have stood there.
type Damage struct {
	File   string
	Offset int64
	Number uint64
	Reason string
}

func (d *Damage) Error() string {
	return fmt.Sprintf("%s at byte %d, where number %d belongs: %s", d.File, d.Offset, d.Number, d.Reason)
}

// checker checks records of one block.
type checker struct {
	subject []byte
	hash    *highwayhash.Digest64
	sum     [checksumSize]byte
}

func newChecker(stream, subject string, index int) (*checker, error) {
	key := sha256.Sum256([]byte(stream + "-" + strconv.Itoa(index)))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return nil, fmt.Errorf("key the checksum: %w", err)
	}
	return &checker{subject: []byte(subject), hash: h}, nil
}

// size reads a record's length out of its header and says what is wrong with it, if anything.
func size(header []byte) (n int, reason string) {
	raw := binary.LittleEndian.Uint32(header)
	if raw&headersBit != 0 {
		return 0, "has headers"
	}
	least := headerSize + int(binary.LittleEndian.Uint16(header[20:])) + checksumSize
	if int64(raw) > MaxRecord || int(raw) < least {
		return 0, "impossible length"
	}
	return int(raw), ""
}

// check tells what is wrong with a whole record, and whether it is a tombstone, which holds nothing.
func (c *checker) check(rec []byte) (number uint64, payload []byte, tombstone bool, reason string) {
	subjectEnd := headerSize + int(binary.LittleEndian.Uint16(rec[20:]))
	end := len(rec) - checksumSize
	c.hash.Reset()
	c.hash.Write(rec[4:20])
	c.hash.Write(rec[headerSize:end])
	if !bytes.Equal(c.hash.Sum(c.sum[:0]), rec[end:]) {
		return 0, nil, false, "wrong checksum"
	}
	number = binary.LittleEndian.Uint64(rec[4:])
	switch {
	case number&erasedBit != 0 || number == 0:
		return 0, nil, false, "erased record"
	case number&tombstoneBit != 0:
		return number &^ tombstoneBit, nil, true, ""
	case !bytes.Equal(rec[headerSize:subjectEnd], c.subject):
		return 0, nil, false, "foreign subject"
	}
	return number, rec[subjectEnd:end], false, ""
}
