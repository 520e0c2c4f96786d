package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"

	"mellium.im/xmpp/jid"

	"protokoll/xmpp/stream"
)

// resourceName prepares the resource that a client asks for, or makes one. RFC 6120 §7.6, §7.7
func resourceName(st *stream.Stream, wanted string) (string, error) {
	if wanted == "" {
		return randomName(), nil
	}
	j, err := jid.New(st.Localpart(), st.Domain(), wanted)
	if err != nil {
		return "", err
	}
	return j.Resourcepart(), nil
}

func randomName() string {
	var b [10]byte
	rand.Read(b[:]) // never fails: crypto/rand crashes the program instead
	return base32.HexEncoding.EncodeToString(b[:])
}

// nameBytes is how many bytes tell the devices of one person apart: guessing another's is of no use.
const nameBytes = 9

// resourceOf makes a resource of a client's tag and of a part that stays the same for its device, so that a device that comes back
// takes the place of its earlier session. The part says nothing of the user agent's id, and is another one for another account.
// XEP-0386 §3.2.1
func (h *Sessions) resourceOf(st *stream.Stream, tag string) (string, error) {
	name := randomName()
	if device := st.Device(); device != "" && len(h.Secret) > 0 {
		m := hmac.New(sha256.New, h.Secret)
		m.Write([]byte(st.Localpart() + "@" + st.Domain() + "\x00" + device))
		name = base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:nameBytes])
	}
	if tag != "" {
		name = tag + "/" + name
	}
	return resourceName(st, name)
}
