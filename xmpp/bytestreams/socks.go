package bytestreams

import (
	"errors"
	"fmt"
	"io"
)

// The part of SOCKS5 that bytestreams use. RFC 1928 §3, §4, §6
const (
	version    = 5
	noAuth     = 0
	noMethod   = 0xff
	connect    = 1
	domainName = 3

	succeeded   = 0
	notAllowed  = 2
	noCommand   = 7
	noAddresses = 8
)

// hashSize is how long a stream's name is: SHA-1 in hex. XEP-0065 §5.3.2
const hashSize = 40

// name names a stream.
type name [hashSize]byte

// errSOCKS is returned for what is no request for a stream.
var errSOCKS = errors.New("no request for a bytestream")

// handshake reads what a client asks for, up to the request, which is not answered yet.
func handshake(c io.ReadWriter) (n name, err error) {
	var b [255]byte
	if _, err := io.ReadFull(c, b[:2]); err != nil {
		return n, err
	}
	methods := b[2 : 2+min(int(b[1]), len(b)-2)]
	if b[0] != version || int(b[1]) != len(methods) {
		return n, errSOCKS
	}
	if _, err := io.ReadFull(c, methods); err != nil {
		return n, err
	}
	method := byte(noMethod)
	for _, m := range methods {
		if m == noAuth {
			method = noAuth
		}
	}
	if _, err := c.Write([]byte{version, method}); err != nil {
		return n, err
	}
	if method == noMethod {
		return n, errSOCKS
	}
	return request(c)
}

// request reads a request and refuses what is none for a stream.
func request(c io.ReadWriter) (n name, err error) {
	var head [5]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return n, err
	}
	refusal := byte(0)
	switch {
	case head[0] != version || head[2] != 0:
		return n, errSOCKS
	case head[1] != connect:
		refusal = noCommand
	case head[3] != domainName || head[4] != hashSize:
		refusal = noAddresses
	}
	if refusal != 0 {
		return n, errors.Join(errSOCKS, answer(c, n, refusal))
	}
	var rest [hashSize + 2]byte
	if _, err := io.ReadFull(c, rest[:]); err != nil {
		return n, err
	}
	copy(n[:], rest[:])
	for _, d := range n {
		if (d < '0' || d > '9') && (d < 'a' || d > 'f') {
			return n, errors.Join(errSOCKS, answer(c, n, notAllowed))
		}
	}
	return n, nil // whatever port it names. XEP-0065 §5.3.2 wants 0, and some clients send others
}

// answer answers a request. XEP-0065 §5.3.2: the address is the one asked for.
func answer(c io.Writer, n name, reply byte) error {
	b := append([]byte{version, reply, 0, domainName, hashSize}, n[:]...)
	if _, err := c.Write(append(b, 0, 0)); err != nil {
		return fmt.Errorf("answer a request for a bytestream: %w", err)
	}
	return nil
}
