package faults

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"protokoll/test/server"
)

const password = "secret"

var binary string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "protokoll-build-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if binary, err = server.Build(dir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// number is a setting from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
