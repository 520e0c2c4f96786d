package features

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
)

// Entity Capabilities, XEP-0115 version 1.6.0: the server says in its stream features what disco would answer, so that
// clients need not ask. The <c/> in the presence of clients passes through untouched and is never cached here, so that a
// wrong hash, an old format or a million hashes cost the server nothing. Not here: optimisation of presence (XEP-0115 §8.4).
const (
	NSCaps = "http://jabber.org/protocol/caps"
	// CapsNode names this software, and never changes: clients may keep a list of the programs they know. XEP-0115 §4 wants a URI that
	// is this program's alone, and recommends a page that people can look up. There is no page that is sure to outlive every
	// installation, and the server's own address would tell nobody which software it is; a name that somebody else can take over one
	// day is worse than none. So it is a random UUID, which needs no owner. It is not tied to a version or an installation. RFC 9562
	CapsNode = "urn:uuid:fb97a05d-9f7d-40b6-b245-fa2b0db2f6fb"
)

// Caps returns the <c/> for the features of a stream. XEP-0115 §6.3
func (r *Registry) Caps() []byte {
	c := appendAttr([]byte("<c xmlns='"+NSCaps+"' hash='sha-1'"), "node", CapsNode)
	return append(appendAttr(c, "ver", r.said(Server).ver), "/>"...)
}

// verification returns the verification string. It is no secret and guards nothing here; SHA-1 is what all clients know.
// XEP-0115 §5.1
func (d *description) verification() string {
	var s strings.Builder
	for _, i := range slices.SortedFunc(slices.Values(d.identities), byType) {
		s.WriteString(i.Category + "/" + i.Type + "//" + i.Name + "<")
	}
	for _, ns := range d.features { // kept sorted
		s.WriteString(ns + "<")
	}
	forms := slices.SortedFunc(slices.Values(d.forms), func(a, b Form) int { return strings.Compare(a.Type, b.Type) })
	for _, f := range forms {
		f.writeTo(&s)
	}
	sum := sha1.Sum([]byte(s.String()))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (f Form) writeTo(s *strings.Builder) {
	s.WriteString(f.Type + "<")
	byVar := func(a, b Field) int { return strings.Compare(a.Var, b.Var) }
	for _, field := range slices.SortedFunc(slices.Values(f.Fields), byVar) {
		s.WriteString(field.Var + "<")
		for _, v := range slices.Sorted(slices.Values(field.Values)) {
			s.WriteString(v + "<")
		}
	}
}
