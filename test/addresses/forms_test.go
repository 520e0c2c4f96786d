package addresses

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf16"
)

// form is one way in which an address may have been written.
type form struct {
	name  string
	bytes []byte
}

// short tells whether a form is found by chance in megabytes of ciphertext: one such hit says nothing.
func (f form) short() bool { return len(f.bytes) <= 4 }

// formsOf lists the forms of an address.
func formsOf(a netip.Addr) []form {
	full := a.As16()
	fs := binaryForms("16 bytes", full[:])
	if a.Is4() {
		four := a.As4()
		fs = append(fs, binaryForms("4 bytes", four[:])...)
		fs = append(fs, textForms("dotted", a.String())...)
		fs = append(fs, form{"in-addr.arpa", []byte(reversed(a))})
		fs = append(fs, form{"dotted, in hex", fmt.Appendf(nil, "0x%x.0x%x.0x%x.0x%x", four[0], four[1], four[2], four[3])})
		six := fmt.Sprintf("::ffff:%x:%x", binary.BigEndian.Uint16(four[:2]), binary.BigEndian.Uint16(four[2:]))
		fs = append(fs, textForms("mapped, compressed", six)...)
		fs = append(fs, textForms("mapped, as printed", "::ffff:"+a.String())...)
		return append(fs, textForms("mapped, in full", netip.AddrFrom16(full).StringExpanded())...)
	}
	fs = append(fs, binaryForms("network of 64 bits", full[:8])...)
	fs = append(fs, textForms("compressed", a.String())...)
	fs = append(fs, textForms("in full", a.StringExpanded())...)
	fs = append(fs, textForms("network", strings.Join(strings.Split(a.StringExpanded(), ":")[:4], ":"))...)
	return append(fs, form{"ip6.arpa", []byte(nibbles(full))})
}

// binaryForms are the forms of bytes: themselves, in either order, as numbers and encoded.
func binaryForms(name string, b []byte) (fs []form) {
	back := slices.Clone(b)
	slices.Reverse(back)
	for _, order := range []struct {
		name  string
		bytes []byte
	}{{name, b}, {name + " backwards", back}} {
		h := hex.EncodeToString(order.bytes)
		fs = append(fs, form{order.name, order.bytes}, form{order.name + ", decimal", []byte(new(big.Int).SetBytes(order.bytes).String())},
			form{order.name + ", hex", []byte(h)}, form{order.name + ", HEX", []byte(strings.ToUpper(h))})
		fs = append(fs, base64Forms(order.name, order.bytes)...)
	}
	return fs
}

// base64Forms are what base64 makes of bytes at each of the three places where they may begin, without the characters that
// also depend on the neighbours.
func base64Forms(name string, b []byte) (fs []form) {
	for _, e := range []struct {
		name     string
		encoding *base64.Encoding
	}{{"base64", base64.RawStdEncoding}, {"base64url", base64.RawURLEncoding}} {
		for skip := range 3 {
			text := e.encoding.EncodeToString(append(make([]byte, skip), b...))
			text = text[(skip*8+5)/6 : (skip+len(b))*8/6]
			fs = append(fs, form{fmt.Sprintf("%s, %s at %d", name, e.name, skip), []byte(text)})
		}
	}
	return fs
}

// textForms are the forms of a text.
func textForms(name, text string) []form {
	escape := func(pattern string) []byte {
		var b strings.Builder
		for _, c := range []byte(text) {
			if c == '.' || c == ':' {
				fmt.Fprintf(&b, pattern, c)
			} else {
				b.WriteByte(c)
			}
		}
		return []byte(b.String())
	}
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		little, big = binary.LittleEndian.AppendUint16(little, unit), binary.BigEndian.AppendUint16(big, unit)
	}
	fs := []form{
		{name, []byte(text)}, {name + ", upper case", []byte(strings.ToUpper(text))},
		{name + ", %XX", escape("%%%02X")}, {name + ", %xx", escape("%%%02x")},
		{name + `, \u`, escape(`\u%04x`)}, {name + ", character references", escape("&#%d;")},
		{name + ", UTF-16LE", little}, {name + ", UTF-16BE", big}, {name + ", hex", []byte(hex.EncodeToString([]byte(text)))},
	}
	return append(fs, base64Forms(name, []byte(text))...)
}

// reversed is the address as it stands in the DNS. RFC 1035 §3.5
func reversed(a netip.Addr) string {
	parts := strings.Split(a.String(), ".")
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}

// nibbles is the address as it stands in the DNS. RFC 3596 §2.5
func nibbles(b [16]byte) string {
	parts := strings.Split(hex.EncodeToString(b[:]), "")
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}

// needles are the addresses that are looked for.
type needles map[netip.Addr][]form

func needlesOf(addresses ...netip.Addr) needles {
	n := needles{}
	for _, a := range addresses {
		n[a] = formsOf(a)
	}
	return n
}

// find returns the forms that are in a text. A short form counts only if it is there for two addresses: each was used in the
// same ways, and twice is no chance.
func (n needles) find(text []byte) (hits []string) {
	short := map[string]int{}
	for a, forms := range n {
		for _, f := range forms {
			if !bytes.Contains(text, f.bytes) {
				continue
			}
			if short[f.name]++; f.short() && short[f.name] < 2 {
				continue
			}
			hits = append(hits, fmt.Sprintf("%v as %s", a, f.name))
		}
	}
	return hits
}
