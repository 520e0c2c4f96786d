package sasl

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// nonceSize is how many random bytes the server adds to the client's nonce.
	nonceSize = 18
	// maxNonce is the most bytes a client's nonce may have.
	maxNonce = 256
)

// scram is the state between the two messages of a client. RFC 5802 §3.
type scram struct {
	server    *Server
	hash      Hash
	plus      bool
	localpart string
	keys      Verifier
	refusal   error  // what the peer learns after a right proof; nil: it is signed in
	binding   []byte // gs2-header and channel-binding data, as the last message must repeat them
	nonce     string // the client's and ours
	auth      []byte // client-first-bare , server-first
}

// first takes the client-first-message. RFC 5802 §7.
func (x *scram) first(ctx context.Context, message []byte) ([]byte, bool, error) {
	m, err := parseFirst(message)
	if err != nil {
		return nil, false, err
	}
	data, err := x.bound(m.flag)
	if err != nil {
		return nil, false, err
	}
	x.server.asserted = m.authzid != ""
	if x.localpart, err = account(x.server.cfg.Domain, m.authzid, m.name); err != nil {
		return nil, false, err
	}
	if err := x.load(ctx); err != nil {
		return nil, false, err
	}
	var ours [nonceSize]byte
	if _, err := rand.Read(ours[:]); err != nil {
		return nil, false, &Failure{Condition: TemporaryAuthFailure, cause: err}
	}
	x.nonce = m.nonce + base64.StdEncoding.EncodeToString(ours[:])
	x.binding = slices.Concat(m.header, data)
	challenge := x.challenge()
	x.auth = slices.Concat(m.bare, []byte{','}, challenge)
	x.server.step = x.last
	return challenge, false, nil
}

// challenge is the server-first-message, with the hash of what was announced (XEP-0474 §6.1) as optional extension.
func (x *scram) challenge() []byte {
	b := append([]byte("r="), x.nonce...)
	b = append(b, ",s="...)
	b = base64.StdEncoding.AppendEncode(b, x.keys.Salt)
	b = append(b, ",i="...)
	b = strconv.AppendUint(b, uint64(x.keys.Iterations), 10)
	b = append(b, ",h="...)
	return base64.StdEncoding.AppendEncode(b, announced(x.hash, x.server.cfg.Mechanisms, x.server.cfg.Binding.Types()))
}

// load fetches the keys of the name, or invents them. Only faults of ours are told before the proof.
func (x *scram) load(ctx context.Context) error {
	keys, err := x.server.cfg.Backend.Verifier(ctx, x.server.cfg.Domain, x.localpart, x.hash)
	switch {
	case err == nil:
	case errors.Is(err, ErrNoAccount), errors.Is(err, ErrNotAuthorized):
		keys, x.refusal = x.invented(), backendFailure(err)
	case errors.Is(err, ErrDisabled):
		x.refusal = backendFailure(err)
		if keys.Salt == nil {
			keys = x.invented()
		}
	default:
		return backendFailure(err)
	}
	if err := keys.check(); err != nil || keys.Hash != x.hash {
		return &Failure{Condition: TemporaryAuthFailure, cause: errors.Join(err, errors.New("sasl: verifier unusable"))}
	}
	x.keys = keys
	return nil
}

func (x *scram) invented() Verifier {
	cfg := &x.server.cfg
	return Invented(cfg.Secret, cfg.Domain, x.localpart, x.hash, cfg.Iterations)
}

// bound decides on the client's channel-binding flag and returns the data to compare. RFC 5802 §6.
func (x *scram) bound(flag string) ([]byte, error) {
	name, used := strings.CutPrefix(flag, "p=")
	switch {
	case used != x.plus:
		return nil, fail(NotAuthorized)
	case flag == "y" && OffersPlus(x.server.cfg.Mechanisms):
		// The client could bind and believes that we cannot: somebody took the mechanisms out. RFC 5802 §6
		return nil, &Failure{Condition: NotAuthorized, cause: ErrBinding}
	case !used:
		return nil, nil
	}
	data := x.server.cfg.Binding.data(name)
	if data == nil {
		return nil, &Failure{Condition: NotAuthorized, cause: ErrBinding}
	}
	return data, nil
}

// last takes the client-final-message and answers with the server's signature.
func (x *scram) last(_ context.Context, message []byte) ([]byte, bool, error) {
	m, err := parseLast(message)
	if err != nil {
		return nil, false, err
	}
	if len(m.proof) != x.hash.Size() {
		return nil, false, fail(MalformedRequest)
	}
	auth := slices.Concat(x.auth, []byte{','}, m.withoutProof)
	keys, right := x.keys.proven(auth, m.proof)
	// All three are looked at, whichever is wrong.
	right &= subtle.ConstantTimeCompare([]byte(m.nonce), []byte(x.nonce))
	right &= subtle.ConstantTimeCompare(m.binding, x.binding)
	if right != 1 {
		return nil, false, fail(NotAuthorized)
	}
	if x.refusal != nil {
		return nil, false, x.refusal
	}
	x.server.localpart, x.server.key = x.localpart, keys.ID
	out := append([]byte("v="), base64.StdEncoding.EncodeToString(mac(x.hash, keys.ServerKey, auth))...)
	return out, true, nil
}

// proven finds the keys that a client proved to know, with 1, or any keys with 0. All are looked at. RFC 5802 §3
func (v Verifier) proven(auth, proof []byte) (found Keys, right int) {
	for _, k := range append([]Keys{{StoredKey: v.StoredKey, ServerKey: v.ServerKey}}, v.Others...) {
		key := mac(v.Hash, k.StoredKey, auth)
		subtle.XORBytes(key, key, proof)
		if same := subtle.ConstantTimeCompare(digest(v.Hash, key), k.StoredKey); same == 1 {
			found, right = k, 1
		}
	}
	return found, right
}

// announced is the hash by which a client sees that nobody changed the lists of mechanisms and binding types. XEP-0474 §6.1.
func announced(h Hash, mechanisms, types []string) []byte {
	mechanisms, types = slices.Clone(mechanisms), slices.Clone(types)
	slices.Sort(mechanisms)
	slices.Sort(types)
	text := strings.Join(mechanisms, "\x1e")
	if len(types) > 0 {
		text += "\x1f" + strings.Join(types, "\x1e")
	}
	return digest(h, []byte(text))
}

// firstMessage is a client-first-message taken apart.
type firstMessage struct {
	flag    string // n, y or p=type
	authzid string
	name    string
	nonce   string
	header  []byte // gs2-header
	bare    []byte // client-first-message-bare
}

// parseFirst follows the grammar of RFC 5802 §7. Mandatory extensions (m=) are refused, optional ones ignored.
func parseFirst(message []byte) (firstMessage, error) {
	var m firstMessage
	fields := bytes.SplitN(message, []byte{','}, 3)
	if len(fields) != 3 || !utf8.Valid(message) || bytes.IndexByte(message, 0) >= 0 {
		return m, fail(MalformedRequest)
	}
	m.flag, m.bare = string(fields[0]), fields[2]
	m.header = message[:len(message)-len(m.bare)]
	if m.flag != "n" && m.flag != "y" && !bindingName(m.flag) {
		return m, fail(MalformedRequest)
	}
	var ok bool
	if len(fields[1]) > 0 {
		if m.authzid, ok = saslName(fields[1], "a="); !ok {
			return m, fail(MalformedRequest)
		}
	}
	attrs := bytes.Split(m.bare, []byte{','})
	if len(attrs) < 2 || !extensions(attrs[2:]) {
		return m, fail(MalformedRequest)
	}
	if m.name, ok = saslName(attrs[0], "n="); !ok {
		return m, fail(MalformedRequest)
	}
	if m.nonce, ok = strings.CutPrefix(string(attrs[1]), "r="); !ok || !printable(m.nonce) || len(m.nonce) > maxNonce {
		return m, fail(MalformedRequest)
	}
	return m, nil
}

// lastMessage is a client-final-message taken apart.
type lastMessage struct {
	binding      []byte
	nonce        string
	proof        []byte
	withoutProof []byte
}

// parseLast follows the grammar of RFC 5802 §7.
func parseLast(message []byte) (lastMessage, error) {
	var m lastMessage
	cut := bytes.LastIndex(message, []byte(",p="))
	if cut < 0 || !utf8.Valid(message) {
		return m, fail(MalformedRequest)
	}
	m.withoutProof = message[:cut]
	attrs := bytes.Split(m.withoutProof, []byte{','})
	if len(attrs) < 2 || !extensions(attrs[2:]) {
		return m, fail(MalformedRequest)
	}
	var ok bool
	if m.binding, ok = base64Attr(attrs[0], "c="); !ok {
		return m, fail(MalformedRequest)
	}
	if m.nonce, ok = strings.CutPrefix(string(attrs[1]), "r="); !ok {
		return m, fail(MalformedRequest)
	}
	if m.proof, ok = base64Attr(message[cut+1:], "p="); !ok {
		return m, fail(MalformedRequest)
	}
	return m, nil
}

// saslName decodes a saslname: no comma, `=` only as =2C and =3D. RFC 5802 §5.1.
func saslName(attr []byte, key string) (string, bool) {
	rest, ok := strings.CutPrefix(string(attr), key)
	if !ok || rest == "" {
		return "", false
	}
	var b strings.Builder
	for {
		text, escape, found := strings.Cut(rest, "=")
		b.WriteString(text)
		if !found {
			return b.String(), true
		}
		switch {
		case strings.HasPrefix(escape, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(escape, "3D"):
			b.WriteByte('=')
		default:
			return "", false
		}
		rest = escape[2:]
	}
}

func base64Attr(attr []byte, key string) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(attr, []byte(key))
	if !ok || len(rest) == 0 || bytes.ContainsAny(rest, "\r\n") {
		return nil, false
	}
	data, err := strict.AppendDecode(nil, rest)
	return data, err == nil
}

// bindingName says whether a flag is p= and a cb-name. RFC 5802 §7.
func bindingName(flag string) bool {
	name, ok := strings.CutPrefix(flag, "p=")
	return ok && name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-')
	}) < 0
}

// extensions says whether every field is letter=value, and none of them mandatory.
func extensions(fields [][]byte) bool {
	for _, f := range fields {
		letter := len(f) > 2 && f[1] == '=' && (f[0]|0x20 >= 'a' && f[0]|0x20 <= 'z')
		if !letter || f[0] == 'm' {
			return false
		}
	}
	return true
}

// printable is the grammar of a nonce: visible ASCII without comma, at least one. RFC 5802 §7.
func printable(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7e || r == ',' }) < 0
}
