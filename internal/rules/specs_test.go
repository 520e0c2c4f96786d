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

const root = "../.."

var (
	citation = regexp.MustCompile(`\b(RFC|XEP)[ -](\d{4})\b`)
	statuses = []string{"complete", "partial", "no", "cited"}
)

// spec is a line of docs/specs.tsv.
type spec struct{ name, version, status, note string }

// readSpecs reads docs/specs.tsv: specification, version, status, note.
func readSpecs(t *testing.T) (specs []spec) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs/specs.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n") {
		if i == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 4 || !slices.Contains(statuses, f[2]) {
			t.Errorf("docs/specs.tsv:%d: want specification, version, status (%s) and note", i+1, strings.Join(statuses, ", "))
			continue
		}
		specs = append(specs, spec{f[0], f[1], f[2], f[3]})
	}
	return specs
}

// listed is the status of every specification.
func listed(t *testing.T) map[string]string {
	t.Helper()
	specs := map[string]string{}
	for _, s := range readSpecs(t) {
		if _, twice := specs[s.name]; twice {
			t.Errorf("docs/specs.tsv lists %s twice", s.name)
		}
		specs[s.name] = s.status
	}
	return specs
}

// Every RFC and XEP that the code or a conversation cites is listed, and what is listed as done is cited somewhere.
func TestCitations(t *testing.T) {
	t.Parallel()
	specs, cited := listed(t), map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return errOrSkip(err)
		}
		if ext := filepath.Ext(path); d.IsDir() || ext != ".go" && ext != ".proto" && (ext != ".txt" || filepath.Base(filepath.Dir(path)) != "conversations") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range citation.FindAllStringSubmatch(string(data), -1) {
			name := m[1] + "-" + m[2]
			cited[name] = true
			if specs[name] == "" {
				t.Errorf("%s cites %s, which docs/specs.tsv does not list", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, status := range specs {
		if !cited[name] && status != "no" {
			t.Errorf("docs/specs.tsv says that %s is %s, but nothing cites it", name, status)
		}
	}
}

func errOrSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}
