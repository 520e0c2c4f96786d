package upload

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"protokoll/schemas"
)

// fileID is the random part of a link.
type fileID [16]byte

func newFileID() (id fileID) {
	rand.Read(id[:]) // never fails
	return id
}

// links makes and reads the part of a link that cannot be guessed: the file's id, the owner's id enciphered with it, and a tag over
// both; 48 bytes.
type links struct{ secret [32]byte }

const linkBytes = 48

func (l links) mac(label string, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, l.secret[:])
	m.Write([]byte(label))
	for _, p := range parts {
		m.Write(p)
	}
	return m.Sum(nil)[:16]
}

func (l links) make(o schemas.OwnerID, id fileID) string {
	hidden := l.mac("whose", id[:])
	subtle.XORBytes(hidden, hidden, o[:])
	b := append(append(make([]byte, 0, linkBytes), id[:]...), hidden...)
	return base64.RawURLEncoding.EncodeToString(append(b, l.mac("tag", b)...))
}

// read returns whose file a link is for; ok is false for a link that was not made here.
func (l links) read(text string) (o schemas.OwnerID, id fileID, ok bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(linkBytes) {
		return o, id, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || !hmac.Equal(b[32:], l.mac("tag", b[:32])) {
		return o, id, false
	}
	copy(id[:], b)
	subtle.XORBytes(o[:], b[16:32], l.mac("whose", id[:]))
	return o, id, true
}
