package democa

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPair(t *testing.T) {
	t.Parallel()
	folder, now := t.TempDir(), time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	pair := func(domain string, at time.Time) *x509.Certificate {
		t.Helper()
		p, err := Pair(folder, domain, at)
		if err != nil {
			t.Fatal(err)
		}
		ca, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(ca)
		for _, name := range []string{domain, "localhost", "127.0.0.1", "::1"} {
			if _, err := p.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		return p.Leaf
	}
	first := pair("chat.example", now)
	if again := pair("chat.example", now.Add(time.Hour)); !again.Equal(first) {
		t.Error("a second start made a new certificate")
	}
	if other := pair("other.example", now); other.Equal(first) {
		t.Error("another domain got the same certificate")
	}
	pair("other.example", now.Add(leafLife-renewBefore+time.Hour))
	if info, err := os.Stat(filepath.Join(folder, "tls", "ca.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the authority's key: %v, %v", info, err)
	}
}

// A domain that is not ASCII stands in the certificate as SNI and DNS spell it. RFC 5280 §7.2.
func TestPairOfAnInternationalDomain(t *testing.T) {
	t.Parallel()
	p, err := Pair(t.TempDir(), "bücher.example", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Leaf.VerifyHostname("xn--bcher-kva.example"); err != nil {
		t.Error(err)
	}
}

// A set-up that is cut off while it writes leaves no name with half a file behind; what lies aside means nothing.
func TestPairAfterAnInterruption(t *testing.T) {
	t.Parallel()
	folder, now := t.TempDir(), time.Now()
	if err := os.MkdirAll(filepath.Join(folder, "tls"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.pem", "tls/ca.key", "tls/cert.pem", "tls/cert.key"} {
		if err := os.WriteFile(filepath.Join(folder, name+aside), []byte("-----BEGIN"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, err := Pair(folder, "a.example", now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Pair(folder, "a.example", now)
	if err != nil || !again.Leaf.Equal(first.Leaf) {
		t.Errorf("a second start: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(folder, "*", "*"+aside))
	if err != nil || len(left) > 0 {
		t.Errorf("left aside: %v, %v", left, err)
	}
}
