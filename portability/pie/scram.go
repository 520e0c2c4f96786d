package pie

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"protokoll/schemas"
	"protokoll/xmpp/sasl"
)

var scramHashes = map[string]schemas.Hash{
	"SCRAM-SHA-1": schemas.Hash_SHA1, "SCRAM-SHA-256": schemas.Hash_SHA256, "SCRAM-SHA-512": schemas.Hash_SHA512,
}

var scramSizes = map[schemas.Hash]int{
	schemas.Hash_SHA1: sasl.SHA1.Size(), schemas.Hash_SHA256: sasl.SHA256.Size(), schemas.Hash_SHA512: sasl.SHA512.Size(),
}

// scram reads stored keys. XEP-0227 §4.3
func (p *userReader) scram(n *Node) {
	hash, known := scramHashes[n.Attr("mechanism")]
	if !known {
		p.ignore(n)
		return
	}
	v := &schemas.Verifier{Hash: hash}
	iterations, err := strconv.ParseUint(child(n, "iter-count"), 10, 32)
	v.Iterations = uint32(iterations)
	ok := err == nil && iterations > 0 && iterations <= sasl.MaxIterations
	var twice [2]bool
	v.StoredKey, twice[0] = key(child(n, "stored-key"), scramSizes[hash])
	v.ServerKey, twice[1] = key(child(n, "server-key"), scramSizes[hash])
	v.Salt = salt(child(n, "salt"), twice[0] && twice[1])
	if !ok || len(v.StoredKey) != scramSizes[hash] || len(v.ServerKey) != scramSizes[hash] || len(v.Salt) == 0 || len(v.Salt) > maxSalt {
		p.fault(n.Place, "keys of a password that cannot be used")
		return
	}
	if p.Credentials == nil {
		p.Credentials = &schemas.AccountCredentials{}
	}
	if slices.ContainsFunc(p.Credentials.Verifiers, func(other *schemas.Verifier) bool { return other.GetHash() == hash }) {
		p.fault(n.Place, "keys of one mechanism twice")
		return
	}
	p.Credentials.Verifiers = append(p.Credentials.Verifiers, v)
}

// maxSalt bounds a salt, in bytes.
const maxSalt = 1024

// child is the text of the element with a local name, whatever of the two namespaces it is in.
func child(n *Node, local string) string {
	for _, c := range n.Elements() {
		if c.Local == local {
			return c.Text()
		}
	}
	return ""
}

// key decodes a key. ejabberd 23.01 encodes keys twice, which the size tells.
func key(text string, size int) (b []byte, twice bool) {
	b = decode(text)
	if len(b) == size {
		return b, false
	}
	if inner := decode(string(b)); len(inner) == size {
		return inner, true
	}
	return nil, false
}

func salt(text string, twice bool) []byte {
	b := decode(text)
	if twice {
		return decode(string(b))
	}
	return b
}

func decode(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil
	}
	return b
}
