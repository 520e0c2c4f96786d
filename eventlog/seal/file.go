package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"strings"
)

// fileMagic begins every file of the keybook; its last character is the version of the layout.
const fileMagic = "PKB1"

// headerSize is the size of a header in bytes: magic, kind, page number, generation, id of the root key.
const headerSize = 4 + 1 + 4 + 8 + 8

// kind is what a file holds: the table, or a page of keys of owners or of segments.
type kind byte

const (
	kindTable   kind = 't'
	kindOwner   kind = 'o'
	kindSegment kind = 's'
)

// header stands in the clear in front of each file and is the additional data of its cipher.
type header struct {
	kind       kind
	number     uint32  // of the page; 0 for the table
	generation uint64  // that wrote the file
	root       [8]byte // which root key opens it; zero for pages
}

func (h header) appendTo(b []byte) []byte {
	b = append(b, fileMagic...)
	b = append(b, byte(h.kind))
	b = binary.BigEndian.AppendUint32(b, h.number)
	b = binary.BigEndian.AppendUint64(b, h.generation)
	return append(b, h.root[:]...)
}

// name is the file's name in a copy's folder.
func (h header) name() string {
	if h.kind == kindTable {
		return fmt.Sprintf("table-%016x", h.generation)
	}
	return fmt.Sprintf("page-%c%08x-%016x", h.kind, h.number, h.generation)
}

// parseName reads a file name back; root stays zero. It tells whether the name is one of the keybook's.
func parseName(name string) (h header, ok bool) {
	if strings.HasPrefix(name, "table-") {
		h.kind = kindTable
		_, err := fmt.Sscanf(name, "table-%016x", &h.generation)
		return h, err == nil && h.name() == name
	}
	_, err := fmt.Sscanf(name, "page-%c%08x-%016x", &h.kind, &h.number, &h.generation)
	return h, err == nil && (h.kind == kindOwner || h.kind == kindSegment) && h.name() == name
}

// encodeFile enciphers plaintext under key and frames it with header and checksum.
func encodeFile(h header, key *[32]byte, plaintext []byte) ([]byte, error) {
	aead, err := fileCipher(key)
	if err != nil {
		return nil, err
	}
	file := make([]byte, 0, headerSize+Overhead+len(plaintext)+4)
	file = h.appendTo(file)
	file = aead.Seal(file, nil, plaintext, file[:headerSize:headerSize])
	return binary.BigEndian.AppendUint32(file, crc(file)), nil
}

// checkFile reads the header of a file that should be want, and tells by the checksum whether it is as it was written.
// It returns ErrDamaged otherwise. want.root is not compared.
func checkFile(want header, file []byte) (header, error) {
	if len(file) < headerSize+Overhead+4 || string(file[:4]) != fileMagic {
		return header{}, fmt.Errorf("%d bytes without the right beginning: %w", len(file), ErrDamaged)
	}
	if end := len(file) - 4; crc(file[:end]) != binary.BigEndian.Uint32(file[end:]) {
		return header{}, fmt.Errorf("wrong checksum: %w", ErrDamaged)
	}
	h := header{kind: kind(file[4]), number: binary.BigEndian.Uint32(file[5:]), generation: binary.BigEndian.Uint64(file[9:])}
	copy(h.root[:], file[17:])
	if h.kind != want.kind || h.number != want.number || h.generation != want.generation {
		return header{}, fmt.Errorf("another file under this name: %w", ErrDamaged)
	}
	return h, nil
}

// decodeFile deciphers a file that checkFile accepted.
func decodeFile(file []byte, key *[32]byte) ([]byte, error) {
	aead, err := fileCipher(key)
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, file[headerSize:len(file)-4], file[:headerSize])
	if err != nil {
		return nil, fmt.Errorf("does not open under its key: %w", ErrDamaged)
	}
	return plaintext, nil
}

func fileCipher(key *[32]byte) (cipher.AEAD, error) {
	derived := derive(key, "keybook")
	block, err := aes.NewCipher(derived[:])
	if err != nil {
		return nil, fmt.Errorf("key of the keybook: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// rootName is the public id of a root key.
func rootName(root *[32]byte) (id [8]byte) {
	sum := derive(root, "root name")
	copy(id[:], sum[:])
	return id
}
