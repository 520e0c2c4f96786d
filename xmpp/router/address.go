package router

import (
	"bytes"
	"errors"
	"strings"

	"mellium.im/xmpp/jid"
)

// ErrMalformed is returned for an address that RFC 7622 does not allow: jid-malformed.
var ErrMalformed = errors.New("malformed address")

// maxPart is the longest part of an address in bytes. RFC 7622 §3.1
const maxPart = 1023

// Address is a prepared JID. Its parts are views of one stretch of bytes, often of the stanza it was read from: it is valid
// as long as that is, and must not be written to.
type Address struct {
	full       []byte
	local, end int // length of the localpart, and of the bare JID
}

// ParseAddress prepares b by RFC 7622. Addresses in plain lower-case ASCII, which is nearly all, cost nothing.
func ParseAddress(b []byte) (Address, error) {
	if a, ok := plainAddress(b); ok {
		return a, nil
	}
	j, err := jid.Parse(string(b))
	if err != nil {
		return Address{}, ErrMalformed
	}
	return split([]byte(j.String())), nil
}

// plainAddress reads what preparation would leave as it is.
func plainAddress(b []byte) (Address, bool) {
	slash := bytes.IndexByte(b, '/')
	if slash < 0 {
		slash = len(b)
	}
	at := bytes.IndexByte(b[:slash], '@')
	if at == 0 || at > maxPart || slash-at-1 > maxPart || len(b)-slash-1 > maxPart || slash == len(b)-1 {
		return Address{}, false
	}
	if at > 0 && !all(b[:at], plainLocal) || !plainDomain(b[at+1:slash]) {
		return Address{}, false
	}
	if slash < len(b) && !all(b[slash+1:], plainResource) {
		return Address{}, false
	}
	return Address{full: b, local: max(at, 0), end: slash}, true
}

// plainDomain leaves labels that begin or end with a hyphen, and those that say they are encoded, to preparation.
func plainDomain(b []byte) bool {
	before := byte('.')
	for _, c := range b {
		if plain[c]&plainHost == 0 || (c == '.' || c == '-') && (before == '.' || before == '-') {
			return false
		}
		if before == '-' && c == '.' {
			return false
		}
		before = c
	}
	return len(b) > 0 && before != '.' && before != '-'
}

const (
	plainLocal = 1 << iota
	plainHost
	plainResource
)

// plain says in which parts a byte stands for itself. Resources may hold spaces, but not at their ends: left to jid.
var plain = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.':
			t[c] = plainLocal | plainHost | plainResource
		case c == '_', c == '+', c == '~', c == '=':
			t[c] = plainLocal | plainResource
		case c > ' ' && c < 0x7F:
			t[c] = plainResource
		}
	}
	return t
}()

func all(b []byte, class uint8) bool {
	for _, c := range b {
		if plain[c]&class == 0 {
			return false
		}
	}
	return true
}

// split finds the parts of a prepared JID.
func split(b []byte) Address {
	slash := bytes.IndexByte(b, '/')
	if slash < 0 {
		slash = len(b)
	}
	return Address{full: b, local: max(bytes.IndexByte(b[:slash], '@'), 0), end: slash}
}

// Bytes is the whole address.
func (a Address) Bytes() []byte { return a.full }

// String is the whole address.
func (a Address) String() string { return string(a.full) }

// Bare is the address without its resource.
func (a Address) Bare() []byte { return a.full[:a.end] }

// Localpart is the part before the '@'; empty for a server.
func (a Address) Localpart() []byte { return a.full[:a.local] }

// Domain is the domainpart.
func (a Address) Domain() []byte {
	if a.local == 0 {
		return a.full[:a.end]
	}
	return a.full[a.local+1 : a.end]
}

// IsBare tells whether there is no resource.
func (a Address) IsBare() bool { return a.end == len(a.full) }

// IsServer tells whether there is neither localpart nor resource.
func (a Address) IsServer() bool { return a.local == 0 && a.IsBare() }

// cutAt splits a bare JID.
func cutAt(bare string) (local, domain string, ok bool) { return strings.Cut(bare, "@") }
