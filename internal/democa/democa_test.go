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
