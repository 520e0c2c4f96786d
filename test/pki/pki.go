// Package pki makes a private certificate authority and certificates for tests,
// with the same script that may be run by hand (mkpki.sh, needs openssl).
package pki

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed mkpki.sh
var script string

// Make creates dir/ca.crt and, for each name, dir/NAME.crt, .key, .pem and
// .chain.crt, valid for the name, *.name, localhost and loopback addresses. It may
// be called again for more names under the same authority.
func Make(t testing.TB, dir string, names ...string) {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"-s", "--", dir}, names...)...)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making certificates (is openssl installed?): %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "ca.crt")); err != nil {
		t.Fatal(err)
	}
}
