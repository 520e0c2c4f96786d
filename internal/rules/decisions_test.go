package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	decisionFile     = regexp.MustCompile(`^(\d{4})-[a-z0-9-]+\.md$`)
	decisionHeading  = regexp.MustCompile(`^# (\d+)\. \S`)
	decisionCitation = regexp.MustCompile(`decisions/(\d{4})(-[a-z0-9-]+\.md)?`)
)

// decisions reads docs/decisions: the name of the file by its number.
func decisions(t *testing.T) map[string]string {
	t.Helper()
	dir := filepath.Join(root, "docs/decisions")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		m := decisionFile.FindStringSubmatch(e.Name())
		if m == nil {
			t.Errorf("docs/decisions/%s: want four digits and a name", e.Name())
			continue
		}
		if other := files[m[1]]; other != "" {
			t.Errorf("docs/decisions: %s and %s have one number", other, e.Name())
		}
		files[m[1]] = e.Name()
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if h := decisionHeading.FindStringSubmatch(string(text)); h == nil || h[1] != strings.TrimLeft(m[1], "0") {
			t.Errorf("docs/decisions/%s: the heading does not begin with its number", e.Name())
		}
	}
	return files
}

// Every decision has a number of its own, and what the project cites is there under the name it is cited by.
func TestDecisions(t *testing.T) {
	t.Parallel()
	files := decisions(t)
	cites := []string{".go", ".md", ".proto", ".toml", ".tsv", ".sh", ".txt"}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return errOrSkip(err)
		}
		if d.IsDir() || !slices.Contains(cites, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range decisionCitation.FindAllStringSubmatch(string(text), -1) {
			if name := files[m[1]]; name == "" || m[2] != "" && name != m[1]+m[2] {
				t.Errorf("%s cites %s, which is not there", path, m[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
