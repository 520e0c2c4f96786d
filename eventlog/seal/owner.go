package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"protokoll/schemas"
)

// ErrSealed is returned when a payload or record does not open: it was changed, or it belongs to another fact or key.
var ErrSealed = errors.New("does not open")

// Overhead is how many bytes longer a sealed payload is than its plaintext: a nonce of 96 bits in front, a tag of 128 behind.
const Overhead = 12 + 16

// Owner is one owner's key, expanded. It may be used by many goroutines and takes about 1 KB.
type Owner struct {
	id     schemas.OwnerID
	aead   cipher.AEAD
	entity [32]byte
	mac    [32]byte
}

func newOwner(id schemas.OwnerID, key *[32]byte) (*Owner, error) {
	o := &Owner{id: id, entity: derive(key, "entity"), mac: derive(key, "mac")}
	sealing := derive(key, "seal")
	block, err := aes.NewCipher(sealing[:])
	if err != nil {
		return nil, fmt.Errorf("expand the key of an owner: %w", err)
	}
	if o.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("expand the key of an owner: %w", err)
	}
	return o, nil
}

// derive is HKDF-Expand for one block, with the label as info. RFC 5869 §2.3. Extracting is left out because keys are
// uniformly random (RFC 5869 §3.3).
func derive(key *[32]byte, label string) [32]byte {
	return mac(key, []byte("protokoll "+label+"\x01"))
}

// ID is the owner's random id.
func (o *Owner) ID() schemas.OwnerID { return o.id }

// Entity hashes the natural key of a fact, such as a contact's bare JID, under this owner's key.
func (o *Owner) Entity(f schemas.Family, natural string) (id schemas.EntityID) {
	var space [macShort]byte
	msg := binary.BigEndian.AppendUint32(space[:0], uint32(f))
	sum := mac(&o.entity, append(msg, natural...))
	copy(id[:], sum[:])
	return id
}

// Seal appends the sealed plaintext to dst: AES-256-GCM under a random nonce, which stands in front. It is Overhead longer.
func (o *Owner) Seal(dst []byte, a About, plaintext []byte) []byte {
	var space [aboutSize + 64]byte
	return o.aead.Seal(dst, nil, plaintext, a.appendTo(space[:0]))
}

// Open appends what was sealed to dst. It returns ErrSealed if it was sealed by another owner, about another fact, or changed.
func (o *Owner) Open(dst []byte, a About, sealed []byte) ([]byte, error) {
	var space [aboutSize + 64]byte
	plaintext, err := o.aead.Open(dst, nil, sealed, a.appendTo(space[:0]))
	if err != nil {
		return nil, fmt.Errorf("payload of %q: %w", a.Type, ErrSealed)
	}
	return plaintext, nil
}

// MAC hashes parts under this owner's key, for roster versions and for noticing a message sent again. Other labels give
// unrelated hashes.
func (o *Owner) MAC(label string, parts ...[]byte) [32]byte {
	var space [macShort]byte
	msg := appendPart(space[:0], label)
	for _, p := range parts {
		msg = appendPart(msg, p)
	}
	return mac(&o.mac, msg)
}
