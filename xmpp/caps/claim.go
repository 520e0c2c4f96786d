package caps

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"protokoll/xmpp/frame"
)

// NS is the namespace of <c/>.
const NS = "http://jabber.org/protocol/caps"

// maxAttribute is the longest attribute of a <c/> that is looked at, in bytes.
const maxAttribute = 512

// Claim is what a presence says of its client's capabilities.
type Claim struct {
	Hash string // of which function; empty in the old format. XEP-0115 §4
	Node string // URI of the software
	Ver  string
}

// hashes are the functions that are known. XEP-0300 §3
var hashes = map[string]func() hash.Hash{"sha-1": sha1.New, "sha-256": sha256.New, "sha-512": sha512.New}

// Of reads the claim of a presence. It returns false if there is none that makes sense.
func Of(f *frame.Frame) (Claim, bool) {
	c := f.Child(NS, "c")
	if c == nil {
		return Claim{}, false
	}
	node, ver, hash := c.Attr("node"), c.Attr("ver"), c.Attr("hash")
	if len(node) == 0 || len(ver) == 0 || len(node)+len(ver)+len(hash) > maxAttribute {
		return Claim{}, false
	}
	return Claim{Hash: string(hash), Node: string(node), Ver: string(ver)}, true
}

// Verifiable tells whether the claim can be checked: only then may its answer count for others. XEP-0115 §5.4
func (c Claim) Verifiable() bool { return hashes[c.Hash] != nil }

// Query is the node to ask disco#info of. XEP-0115 §6.2
func (c Claim) Query() string { return c.Node + "#" + c.Ver }
