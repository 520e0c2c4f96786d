package uploads

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

const (
	// ChunkSize is how many bytes of content are sealed at once.
	ChunkSize = 64 << 10
	// overhead is what sealing adds to a chunk.
	overhead = 16
	// sealedSize is how long a full chunk is on the disk.
	sealedSize = ChunkSize + overhead
)

// Key seals one file.
type Key [32]byte

// sealer seals and opens the chunks of one file.
type sealer struct {
	aead cipher.AEAD
	size int64
	at   [8]byte // additional data: the size
}

func newSealer(k Key, size int64) (*sealer, error) {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		return nil, fmt.Errorf("seal a file: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal a file: %w", err)
	}
	s := &sealer{aead: aead, size: size}
	binary.BigEndian.PutUint64(s.at[:], uint64(size))
	return s, nil
}

// nonce is the number of the chunk: a key belongs to one file.
func nonce(chunk int64) (n [12]byte) {
	binary.BigEndian.PutUint64(n[4:], uint64(chunk))
	return n
}

func (s *sealer) seal(dst []byte, chunk int64, content []byte) []byte {
	n := nonce(chunk)
	return s.aead.Seal(dst, n[:], content, s.at[:])
}

func (s *sealer) open(dst []byte, chunk int64, sealed []byte) ([]byte, error) {
	n := nonce(chunk)
	out, err := s.aead.Open(dst, n[:], sealed, s.at[:])
	if err != nil {
		return nil, fmt.Errorf("chunk %d: %w", chunk, ErrDamaged)
	}
	return out, nil
}

// SizeOnDisk is how many bytes a file of this size takes.
func SizeOnDisk(size int64) int64 { return size + (size+ChunkSize-1)/ChunkSize*overhead }
