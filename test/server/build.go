package server

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// Root is the module's folder.
func Root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("server: asking for the module: %w", err)
	}
	return filepath.Dir(string(bytes.TrimSpace(out))), nil
}
