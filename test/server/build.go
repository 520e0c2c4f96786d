package server

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Binary is where a finished build may be handed in, so that `make test` builds only once.
const Binary = "PROTOKOLL_BINARY"

// Build builds cmd/protokoll into dir and returns the binary's path.
func Build(dir string) (string, error) {
	if b := os.Getenv(Binary); b != "" {
		return b, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "protokoll")
	cmd := exec.Command("go", "build", "-o", out, "./cmd/protokoll")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("server: building: %w\n%s", err, text)
	}
	return out, nil
}

// Main is the TestMain of a package that runs the server: it builds the binary once, hands it to prepare, and runs the tests.
// What prepare returns is called when they are over.
func Main(m *testing.M, prepare func(binary string) (end func() error, err error)) {
	code, err := main(m, prepare)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func main(m *testing.M, prepare func(string) (func() error, error)) (code int, err error) {
	dir, err := os.MkdirTemp("", "protokoll-build-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary, err := Build(dir)
	if err != nil {
		return 1, err
	}
	end, err := prepare(binary)
	if err != nil {
		return 1, err
	}
	code = m.Run()
	return code, end()
}

// Keep is a prepare that only keeps the binary's path.
func Keep(path *string) func(string) (func() error, error) {
	return func(binary string) (func() error, error) {
		*path = binary
		return func() error { return nil }, nil
	}
}

// Root is the module's folder.
func Root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("server: asking for the module: %w", err)
	}
	return filepath.Dir(string(bytes.TrimSpace(out))), nil
}
