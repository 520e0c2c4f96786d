package router

import (
	"fmt"
	"os"
	"testing"
)

// runIn runs the tests with a folder for the keys, which are made once.
func runIn(m *testing.M) {
	dir, err := os.MkdirTemp("", "router-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
