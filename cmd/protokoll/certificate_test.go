package main

import (
	"path/filepath"
	"testing"
	"time"

	"protokoll/config"
	"protokoll/internal/democa"
)

// check and serve agree on a domain that is not ASCII.
func TestCheckCertificateOfAnInternationalDomain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := democa.Pair(folder, "bücher.example", time.Now()); err != nil {
		t.Fatal(err)
	}
	d := config.Domain{Certificate: filepath.Join(folder, "tls", "cert.pem"), Key: filepath.Join(folder, "tls", "cert.key")}
	for name, want := range map[string]bool{"bücher.example": true, "localhost": true, "buecher.example": false} {
		d.Name = name
		if _, err := checkCertificate(d, time.Now()); (err == nil) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
