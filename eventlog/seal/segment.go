package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// SegmentID names a segment of a lane: 128 random bits, so that a segment made again has another key.
type SegmentID [16]byte

// String is the id in hex, fit for logs: it is random.
func (id SegmentID) String() string { return hex.EncodeToString(id[:]) }

// SegmentOverhead is how many bytes longer an enciphered record is: a tag of 128 bits. The nonce is the record's number.
const SegmentOverhead = 16

// Segment is one segment's key, expanded. It may be used by many goroutines.
type Segment struct {
	id   SegmentID
	aead cipher.AEAD
}

func newSegment(id SegmentID, key *[32]byte) (*Segment, error) {
	record := derive(key, "record")
	block, err := aes.NewCipher(record[:])
	if err != nil {
		return nil, fmt.Errorf("expand the key of a segment: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("expand the key of a segment: %w", err)
	}
	return &Segment{id: id, aead: aead}, nil
}

// ID is the segment's random id.
func (s *Segment) ID() SegmentID { return s.id }

// Encipher appends the enciphered record to dst. The nonce is made of number: the caller must never use a number twice in
// one segment, not even for a record that failed to reach the disk.
func (s *Segment) Encipher(dst []byte, number uint64, additional, plaintext []byte) []byte {
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], number)
	return s.aead.Seal(dst, nonce[:], plaintext, additional)
}

// Decipher appends the record to dst. It returns ErrSealed if it was changed, or has another number, additional data or segment.
func (s *Segment) Decipher(dst []byte, number uint64, additional, sealed []byte) ([]byte, error) {
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], number)
	plaintext, err := s.aead.Open(dst, nonce[:], sealed, additional)
	if err != nil {
		return nil, fmt.Errorf("record %d of segment %s: %w", number, s.id, ErrSealed)
	}
	return plaintext, nil
}
