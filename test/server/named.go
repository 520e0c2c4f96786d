package server

import (
	"os"
	"path/filepath"
	"strings"
)

// HasTest tells whether a test exists, by the name that documents give it: test/faults.TestRounds, or
// test/conversations.TestConversations/ping.txt for one that runs a file beside it.
func HasTest(named string) (bool, error) {
	root, err := Root()
	if err != nil {
		return false, err
	}
	folder, name, _ := strings.Cut(named, ".Test")
	name, sub, _ := strings.Cut(name, "/")
	dir := filepath.Join(root, folder)
	if strings.HasSuffix(sub, ".txt") {
		if _, err := os.Stat(filepath.Join(dir, sub)); err != nil {
			return false, nil //nolint:nilerror // it is not there
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return false, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		if strings.Contains(string(text), "func Test"+name+"(t *testing.T)") {
			return true, nil
		}
	}
	return false, nil
}
