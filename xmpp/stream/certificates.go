package stream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/idna"
)

// Pair names the PEM files of one certificate with its chain and its key, and the domain it is for.
type Pair struct{ Domain, Certificate, Key string }

// Certificates holds the certificates of all domains. A connection gets the one of the domain it names by SNI, otherwise the first
// pair's: whoever asks for a foreign name sees ours and can tell.
type Certificates struct {
	pairs  []Pair
	names  []string // as pairs, as SNI spells them
	clock  func() time.Time
	loaded atomic.Pointer[[]*tls.Certificate] // as pairs
}

// ErrNoCertificate is returned when there is no pair at all.
var ErrNoCertificate = errors.New("stream: no certificate")

// LoadCertificates reads all pairs; every one must be valid. A nil clock is time.Now.
func LoadCertificates(pairs []Pair, clock func() time.Time) (*Certificates, error) {
	if len(pairs) == 0 {
		return nil, ErrNoCertificate
	}
	if clock == nil {
		clock = time.Now
	}
	c := &Certificates{pairs: pairs, clock: clock}
	for _, p := range pairs {
		c.names = append(c.names, asciiDomain(p.Domain))
	}
	none := make([]*tls.Certificate, len(pairs))
	c.loaded.Store(&none)
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again. A pair that is not whole and valid leaves the old one in place and is named in the error;
// the others are replaced. Connections that are open are not touched.
func (c *Certificates) Reload() error {
	next := append([]*tls.Certificate(nil), *c.loaded.Load()...)
	var errs []error
	for i, p := range c.pairs {
		cert, err := p.load(c.clock())
		if err != nil {
			errs = append(errs, fmt.Errorf("stream: certificate of %s: %w", p.Domain, err))
			continue
		}
		next[i] = cert
	}
	c.loaded.Store(&next)
	return errors.Join(errs...)
}

// load reads one pair and checks that key and certificate belong together, that it is for the domain, and that it is valid now.
func (p Pair) load(now time.Time) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
	if err != nil {
		return nil, err
	}
	switch {
	case now.Before(cert.Leaf.NotBefore):
		return nil, errors.New("not valid yet")
	case now.After(cert.Leaf.NotAfter):
		return nil, errors.New("expired")
	}
	if err := cert.Leaf.VerifyHostname(asciiDomain(p.Domain)); err != nil {
		return nil, errors.New("made out to another domain")
	}
	return &cert, nil
}

// asciiDomain is how certificates and SNI spell a domain.
func asciiDomain(domain string) string {
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		return a
	}
	return domain
}

// Get chooses the certificate of a connection: tls.Config.GetCertificate.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	loaded := *c.loaded.Load()
	name := strings.TrimSuffix(hello.ServerName, ".")
	for i, own := range c.names {
		if strings.EqualFold(own, name) {
			return loaded[i], nil
		}
	}
	return loaded[0], nil
}

// Expires returns when the first of the certificates in use ends.
func (c *Certificates) Expires() time.Time {
	var first time.Time
	for _, cert := range *c.loaded.Load() {
		if first.IsZero() || cert.Leaf.NotAfter.Before(first) {
			first = cert.Leaf.NotAfter
		}
	}
	return first
}
