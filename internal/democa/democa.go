// Package democa makes the certificate authority and the server certificate of `protokoll demo`.
//
// It does: keep one authority in a folder (ca.pem, and its key with mode 0600 in tls/), issue a certificate for a domain,
// localhost and the loopback addresses, and renew what ends within a month. It does not: serve any real installation, which
// brings certificates of a public authority.
package democa

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/net/idna"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 180 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
)

// Pair returns a certificate for the domain, issued by the authority of the folder; both are made when they are missing.
// The authority's certificate is folder/ca.pem.
func Pair(folder, domain string, now time.Time) (tls.Certificate, error) {
	if err := os.MkdirAll(filepath.Join(folder, "tls"), 0o700); err != nil {
		return tls.Certificate{}, fmt.Errorf("make the folder for certificates: %w", err)
	}
	domain, err := idna.Lookup.ToASCII(domain) // RFC 5280 §7.2
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the demo's domain: %w", err)
	}
	authority, err := load(filepath.Join(folder, "ca.pem"), filepath.Join(folder, "tls", "ca.key"))
	if errors.Is(err, fs.ErrNotExist) {
		authority, err = makeAuthority(folder, now)
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the demo's certificate authority: %w", err)
	}
	cert, key := filepath.Join(folder, "tls", "cert.pem"), filepath.Join(folder, "tls", "cert.key")
	leaf, err := load(cert, key)
	if err != nil || !usable(leaf.Leaf, authority.Leaf, domain, now) {
		if leaf, err = makeLeaf(authority, cert, key, domain, now); err != nil {
			return tls.Certificate{}, fmt.Errorf("the demo's certificate: %w", err)
		}
	}
	return leaf, nil
}

func usable(leaf, authority *x509.Certificate, domain string, now time.Time) bool {
	return leaf.CheckSignatureFrom(authority) == nil && leaf.VerifyHostname(domain) == nil && now.Add(renewBefore).Before(leaf.NotAfter)
}

func load(cert, key string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	return pair, err
}

func makeAuthority(folder string, now time.Time) (tls.Certificate, error) {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "Protokoll demo CA"},
		NotAfter: now.Add(authorityLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return issue(template, nil, filepath.Join(folder, "ca.pem"), filepath.Join(folder, "tls", "ca.key"), now)
}

func makeLeaf(authority tls.Certificate, cert, key, domain string, now time.Time) (tls.Certificate, error) {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: domain},
		NotAfter: now.Add(leafLife), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{domain, "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	return issue(template, &authority, cert, key, now)
}

// issue makes a P-256 key and a certificate, signed by the authority or by itself, and writes both; the key first, so that a
// certificate on disk always has one.
func issue(template *x509.Certificate, authority *tls.Certificate, cert, key string, now time.Time) (tls.Certificate, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return tls.Certificate{}, err
	}
	template.NotBefore = now.Add(-time.Hour)
	parent, signer := template, any(private)
	if authority != nil {
		parent, signer = authority.Leaf, authority.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &private.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := write(key, &pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	if err := write(cert, &pem.Block{Type: "CERTIFICATE", Bytes: der}, 0o644); err != nil {
		return tls.Certificate{}, err
	}
	return load(cert, key)
}

// aside ends the name of a file that is not whole yet.
const aside = ".new"

// write puts a block under a name so that, whenever the process dies, the name has a whole file or none.
func write(name string, b *pem.Block, mode fs.FileMode) error {
	if err := os.WriteFile(name+aside, pem.EncodeToMemory(b), mode); err != nil {
		return err
	}
	return os.Rename(name+aside, name)
}
